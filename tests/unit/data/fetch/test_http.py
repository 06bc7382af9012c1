from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from pneumoscope.core import FetchError
from pneumoscope.data.fetch.http import Wire, download
from pneumoscope.data.fetch.places import Url
from tests.unit.data.fetch.web import NOISE, Resource

SHA256 = hashlib.sha256(NOISE).hexdigest()
HALF = 200_000
PAGE = "https://example.org/data"


@pytest.fixture
def film(web) -> Url:
    web["/film.bin"] = Resource()
    return Url(f"{web.url}/film.bin", "film.bin", SHA256, len(NOISE), PAGE)


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole_and_is_named_last(web, film, tmp_path, ears):
    got = download(film, tmp_path, ears.wire(program="pneumoscope/9"))
    assert got.path.read_bytes() == NOISE
    assert (got.path, got.url, got.bytes, got.sha256) == (tmp_path / "film.bin", film.url, len(NOISE), SHA256)
    assert names(tmp_path) == ["film.bin"]
    assert [asked.headers["Accept-Encoding"] for asked in web.asked] == ["identity"]
    assert web.asked[0].headers["User-Agent"] == "pneumoscope/9"
    assert (ears.told, ears.pauses) == ([], [])


def test_a_slow_server_is_waited_for_as_long_as_bytes_come(web, film, tmp_path, ears):
    web["/film.bin"].drip = 1000
    opened, done = [], []

    def bar(*told):
        opened.append(told)
        return nullcontext(SimpleNamespace(update=done.append))

    assert download(film, tmp_path, ears.wire(progress=bar)).path.read_bytes() == NOISE
    assert opened == [("film.bin", len(NOISE), 0)]
    assert sum(done) == len(NOISE)
    assert len(done) > 1


def test_a_server_that_falls_silent_is_asked_again_for_the_rest(web, film, tmp_path, ears):
    silence = threading.Event()
    web["/film.bin"].pauses.append(silence)
    try:
        assert download(film, tmp_path, ears.wire(timeout=(20.0, 0.4))).path.read_bytes() == NOISE
    finally:
        silence.set()
    assert "timed out" in ears.told[0]
    assert web.asked[1].headers["Range"].startswith("bytes=")


def test_a_server_that_does_not_answer_is_asked_again(web, film, tmp_path, ears):
    silence = threading.Event()
    web["/film.bin"].deaf.append(silence)
    try:
        assert download(film, tmp_path, ears.wire(timeout=(20.0, 0.4))).sha256 == SHA256
    finally:
        silence.set()
    assert ears.told[0] == "127.0.0.1: timed out; trying again in 2 s"


def test_a_server_that_answers_with_another_part_begins_again(web, film, tmp_path, ears):
    web["/film.bin"] = Resource(cuts=[HALF], shifts=[512])
    assert download(film, tmp_path, ears.wire()).sha256 == SHA256
    assert "the server now has another file" in str(ears)


def test_a_cut_download_goes_on_where_it_was_and_sends_nothing_twice(web, film, tmp_path, ears):
    web["/film.bin"].cuts += [150_000, 150_000]
    assert download(film, tmp_path, ears.wire()).path.read_bytes() == NOISE
    starts = [int(asked.headers.get("Range", "bytes=0-")[6:-1]) for asked in web.asked]
    assert starts[0] == 0
    assert starts == sorted(starts)
    assert [asked.headers.get("If-Range") for asked in web.asked] == [None, '"one"', '"one"']
    sent = [asked.sent for asked in web.asked]
    assert sent == [150_000, 150_000, len(NOISE) - starts[2]]
    assert all(
        0 <= have - start <= 1 << 16 for start, have in zip(starts[1:], [150_000, starts[1] + 150_000], strict=True)
    )
    assert ears.pauses == [1.0, 1.0]  # each attempt brought something new
    assert "127.0.0.1" in ears.told[0]


def test_a_connection_cut_before_the_answer_is_tried_again(tmp_path, ears):
    """As a proxy does that is just being restarted."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def hang_up_twice() -> None:
            server.accept()[0].close()
            last, _ = server.accept()
            server.close()  # before the client can come once more
            last.close()

        thread = threading.Thread(target=hang_up_twice)
        thread.start()
        with pytest.raises(FetchError, match="refused"):
            download(Url(f"http://127.0.0.1:{server.getsockname()[1]}/a", "a"), tmp_path, ears.wire())
        thread.join()
    assert ears.pauses == [2.0, 4.0]


def test_giving_up_is_bounded_and_keeps_what_came(web, film, tmp_path, ears):
    web["/film.bin"].cuts += [100_000] + [0] * 100
    with pytest.raises(FetchError, match=rf"given up after 3 attempts.*by hand from {PAGE}.*pneumoscope data index"):
        download(film, tmp_path, ears.wire(tries=3))
    assert ears.pauses == [1.0, 2.0, 4.0]
    assert names(tmp_path) == ["film.bin.part", "film.bin.part.json"]
    assert (tmp_path / "film.bin.part").read_bytes() == NOISE[: (tmp_path / "film.bin.part").stat().st_size]
    web["/film.bin"].cuts.clear()
    assert download(film, tmp_path, ears.wire()).sha256 == SHA256
    assert web.asked[-1].headers["Range"] != "bytes=0-"
    assert web.asked[-1].sent < len(NOISE) - 30_000


def test_a_server_that_cuts_and_knows_no_ranges_does_not_keep_us_for_ever(web, film, tmp_path, ears):
    web["/film.bin"].ranges = False
    web["/film.bin"].cuts += [HALF] * 100
    with pytest.raises(FetchError, match="given up after 2"):
        download(film, tmp_path, ears.wire(tries=2))
    assert len(web.asked) == 3


def test_a_server_that_knows_no_ranges_begins_again(web, film, tmp_path, ears):
    web["/film.bin"].ranges = False
    web["/film.bin"].cuts += [HALF]
    assert download(film, tmp_path, ears.wire()).path.read_bytes() == NOISE
    assert "Range" in web.asked[1].headers
    assert "begins again" in str(ears)


@pytest.mark.parametrize("named", [{"etag": ""}, {"etag": 'W/"one"'}])
def test_without_a_name_for_the_bytes_nothing_is_joined(web, film, tmp_path, ears, named):
    web["/film.bin"] = Resource(cuts=[HALF], **named)
    assert download(film, tmp_path, ears.wire()).path.read_bytes() == NOISE
    assert "Range" not in web.asked[1].headers


def test_a_date_names_the_bytes_where_there_is_no_etag(web, film, tmp_path, ears):
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    web["/film.bin"] = Resource(etag="", modified=date, cuts=[HALF])
    assert download(film, tmp_path, ears.wire()).path.read_bytes() == NOISE
    assert web.asked[1].headers["If-Range"] == date
    assert web.asked[1].sent < len(NOISE)


@pytest.mark.parametrize("heeds", [True, False], ids=["If-Range heeded", "If-Range ignored"])
def test_a_file_that_changed_between_two_tries_is_taken_anew(web, tmp_path, ears, heeds):
    url = Url(f"{web.url}/film.bin", "film.bin")
    web["/film.bin"] = Resource(data=bytes(400_000), cuts=[HALF])
    with pytest.raises(FetchError, match="given up"):
        download(url, tmp_path, ears.wire(tries=0))
    web["/film.bin"] = Resource(etag='"two"', if_range=heeds)
    assert download(url, tmp_path, ears.wire()).path.read_bytes() == NOISE
    assert "again" in str(ears)


def test_a_file_that_shrank_between_two_tries_is_taken_anew(web, tmp_path, ears):
    url = Url(f"{web.url}/film.bin", "film.bin")
    (tmp_path / "film.bin.part").write_bytes(bytes(len(NOISE) + 1))
    (tmp_path / "film.bin.part.json").write_text('{"etag": "\\"one\\"", "total": 1000000}')
    web["/film.bin"] = Resource()
    assert download(url, tmp_path, ears.wire()).path.read_bytes() == NOISE


@pytest.mark.parametrize("note", ["", "{", "[]", '{"etag": 5}'])
def test_a_damaged_note_beside_the_part_means_to_begin_again(web, film, tmp_path, ears, note):
    (tmp_path / "film.bin.part").write_bytes(b"old")
    (tmp_path / "film.bin.part.json").write_text(note)
    assert download(film, tmp_path, ears.wire()).path.read_bytes() == NOISE
    assert "Range" not in web.asked[0].headers


def test_a_part_that_is_whole_needs_no_server(nobody, tmp_path, ears):
    (tmp_path / "film.bin.part").write_bytes(NOISE)
    (tmp_path / "film.bin.part.json").write_text(f'{{"etag": "", "total": {len(NOISE)}}}')
    assert download(Url(nobody, "film.bin", SHA256), tmp_path, ears.wire()).bytes == len(NOISE)
    assert names(tmp_path) == ["film.bin"]


def test_a_corrupt_file_is_removed_and_comes_anew(web, film, tmp_path, ears):
    web["/film.bin"].data = NOISE[:-1] + bytes([NOISE[-1] ^ 1])
    with pytest.raises(
        FetchError, match=f"expected the SHA-256 {SHA256}, got [0-9a-f]{{64}}; the file has been removed"
    ):
        download(film, tmp_path, ears.wire())
    assert names(tmp_path) == []
    web["/film.bin"].data = NOISE
    assert download(film, tmp_path, ears.wire()).sha256 == SHA256


def test_a_length_that_is_not_the_published_one_is_refused_at_once(web, film, tmp_path, ears):
    web["/film.bin"].data = NOISE + b"!"
    with pytest.raises(FetchError, match="expected 400000 bytes, the server offers 400001"):
        download(film, tmp_path, ears.wire())
    assert names(tmp_path) == []


def test_a_server_that_promises_more_than_it_sends(web, film, tmp_path, ears):
    web["/film.bin"] = Resource(length=len(NOISE) + 7)
    with pytest.raises(FetchError, match="given up after 2"):
        download(Url(film.url, "film.bin"), tmp_path, ears.wire(tries=2))
    assert "film.bin" not in names(tmp_path)


def test_a_server_that_tells_no_length_is_held_to_the_published_one(web, film, tmp_path, ears):
    web["/film.bin"] = Resource(length=None, cuts=[HALF])
    assert download(film, tmp_path, ears.wire()).sha256 == SHA256
    assert ears.told == [f"film.bin: {HALF} bytes came of {len(NOISE)}; trying again in 1 s"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_told_at_once(web, film, tmp_path, ears, status):
    web["/film.bin"].statuses.append(status)
    with pytest.raises(FetchError, match=rf"/film.bin: HTTP {status} .*by hand from {PAGE}"):
        download(film, tmp_path, ears.wire())
    assert len(web.asked) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_tried_again(web, film, tmp_path, ears, status):
    web["/film.bin"].statuses += [status, status]
    assert download(film, tmp_path, ears.wire()).sha256 == SHA256
    assert ears.pauses == [2.0, 4.0]
    assert f"HTTP {status}" in str(ears)


def test_a_redirect_is_followed_with_the_range(web, film, tmp_path, ears):
    web["/old"] = Resource(redirect=f"{web.url}/film.bin?Signature=secret")
    web["/film.bin"].cuts.append(HALF)
    got = download(Url(f"{web.url}/old?key=1", "film.bin", SHA256), tmp_path, ears.wire())
    assert got.sha256 == SHA256
    assert got.url == f"{web.url}/old"
    assert web.asked[3].path == "/film.bin?Signature=secret"
    assert "Range" in web.asked[3].headers
    assert "secret" not in str(ears)


def test_a_tar_that_is_called_gzip_encoded_stays_as_it_is(web, film, tmp_path, ears):
    """Apache's AddEncoding does that to every .tar.gz."""
    web["/film.bin"].headers["Content-Encoding"] = "x-gzip"
    assert download(film, tmp_path, ears.wire()).sha256 == SHA256


def test_no_room_is_told_in_gigabytes_before_a_byte_is_kept(web, tmp_path, ears):
    web["/a.zip"] = Resource(length=3_000_000_000)
    with pytest.raises(FetchError, match=r"a\.zip \(3\.0 GB\): 6\.0 GB are needed in .*, 5\.9 GB are free"):
        download(Url(f"{web.url}/a.zip", "a.zip"), tmp_path, ears.wire(free=lambda _: 5_900_000_000))
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://no-such-host.invalid/a", "no connection to no-such-host.invalid: "),
        ("", "no connection to 127.0.0.1: Connection refused. Check the network"),
        ("ftp://example.org/a", "No connection adapters"),
    ],
    ids=["no name", "nobody there", "no web address"],
)
def test_no_network_is_one_line_at_once(nobody, tmp_path, ears, url, reason):
    with pytest.raises(FetchError) as caught:
        download(Url(url or nobody, "a", page=PAGE), tmp_path, ears.wire())
    assert reason in str(caught.value)
    assert f"by hand from {PAGE}, unpack it, and run 'pneumoscope data index'" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert ears.pauses == []


def test_a_proxy_that_refuses_is_named(web, film, tmp_path, ears, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", web.url)
    with pytest.raises(FetchError, match=r"Tunnel connection failed: 501"):
        download(Url("https://example.org/a", "a"), tmp_path, ears.wire())


def test_a_server_that_cannot_prove_who_it_is(web, tmp_path, ears):
    with pytest.raises(FetchError, match="SSL"):
        download(Url(web.url.replace("http:", "https:") + "/a", "a"), tmp_path, ears.wire())


KILLED = """
import sys
from pathlib import Path
from pneumoscope.data.fetch.http import Wire, download
from pneumoscope.data.fetch.places import Url
download(Url(sys.argv[1], "film.bin"), Path(sys.argv[2]), Wire())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_download_goes_on_where_it_was(web, film, tmp_path, ears):
    pause = threading.Event()
    web["/film.bin"].pauses.append(pause)
    process = subprocess.Popen([sys.executable, "-c", KILLED, film.url, str(tmp_path)])
    part = tmp_path / "film.bin.part"
    try:
        wait_until(lambda: part.exists() and part.stat().st_size > 100_000)
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
    finally:
        process.kill()
        pause.set()
    have = part.stat().st_size
    assert download(film, tmp_path, ears.wire()).sha256 == SHA256
    assert web.asked[1].headers["Range"] == f"bytes={have}-"
    assert web.asked[1].sent == len(NOISE) - have


def wait_until(condition) -> None:
    for _ in range(3000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("waited for 30 s in vain")


def test_the_defaults_are_patient_but_not_for_ever():
    wire = Wire()
    assert wire.free(os.curdir) > 0
    assert sum(min(2.0**n, 60) for n in range(wire.tries)) < 120
