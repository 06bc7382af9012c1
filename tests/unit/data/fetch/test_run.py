from __future__ import annotations

import hashlib
import json
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from filelock import FileLock

from pneumoscope.core import FetchError, MissingExtra
from pneumoscope.data.fetch import kaggle, mendeley
from pneumoscope.data.fetch.places import Kaggle, Manual, Mendeley, Url, Urls
from pneumoscope.data.fetch.run import fetch
from tests.unit.data.fetch.web import NOISE, Resource, tarred, zipped

FILMS = {"chest_xray/train/NORMAL/a.png": NOISE[:70_000], "chest_xray/train/PNEUMONIA/b.png": NOISE[70_000:90_000]}
ZIP = zipped(*FILMS.items())
SHA256 = hashlib.sha256(ZIP).hexdigest()


@pytest.fixture
def place(web) -> Url:
    web["/films.zip"] = Resource(ZIP)
    return Url(f"{web.url}/films.zip", "films.zip", SHA256)


def tree(folder) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "fetch.json"
    }


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_data_set_is_brought_and_what_it_is_written_down(web, place, tmp_path, ears):
    home = fetch("made-up", [place], tmp_path / "new", licence="CC0", citation="Nobody 2026", wire=ears.wire())
    assert home == tmp_path / "new" / "made-up"
    assert tree(home) == FILMS
    assert names(tmp_path / "new") == ["made-up"]
    record = json.loads((home / "fetch.json").read_text())
    assert record.pop("date")[:2] == "20"
    assert record == {
        "name": "made-up",
        "page": place.url,
        "licence": "CC0",
        "citation": "Nobody 2026",
        "program": "pneumoscope",
        "files": 2,
        "archives": [{"name": "films.zip", "url": place.url, "bytes": len(ZIP), "sha256": SHA256}],
    }


def test_a_second_process_is_kept_out_and_what_the_first_has_stays(web, place, tmp_path, ears):
    work = tmp_path / "made-up.part"
    work.mkdir()
    (work / "films.zip.part").write_bytes(ZIP[:100])
    with FileLock(work / ".lock"), pytest.raises(FetchError, match="another process is downloading here"):
        fetch("made-up", [place], tmp_path, wire=ears.wire())
    assert (work / "films.zip.part").read_bytes() == ZIP[:100]
    assert tree(fetch("made-up", [place], tmp_path, wire=ears.wire())) == FILMS


def test_a_second_time_nothing_is_done_and_that_is_told(web, place, tmp_path, ears):
    fetch("made-up", [place], tmp_path, wire=ears.wire())
    before = (tmp_path / "made-up" / "fetch.json").stat().st_mtime_ns
    assert fetch("made-up", [place], tmp_path, wire=ears.wire()) == tmp_path / "made-up"
    assert len(web.asked) == 1
    assert (tmp_path / "made-up" / "fetch.json").stat().st_mtime_ns == before
    assert ears.told[0].startswith(f"{tmp_path / 'made-up'} is there already: 2 files from {place.url}, 20")


@pytest.mark.parametrize("record", [None, "{}", "no json"])
def test_a_folder_of_the_users_own_is_left_alone(place, tmp_path, ears, record):
    (tmp_path / "made-up").mkdir()
    (tmp_path / "made-up" / "mine.png").write_bytes(b"mine")
    if record:
        (tmp_path / "made-up" / "fetch.json").write_text(record)
    with pytest.raises(FetchError, match=r"found something else. Choose another folder with --to"):
        fetch("made-up", [place], tmp_path, wire=ears.wire())
    assert (tmp_path / "made-up" / "mine.png").read_bytes() == b"mine"


def test_several_files_make_one_data_set(web, tmp_path, ears):
    web["/1.zip"], web["/2.tgz"] = Resource(zipped(("films/a.png", b"a"))), Resource(tarred(("films/b.png", b"b")))
    web["/labels.csv"] = Resource(b"film,label\n")
    files = tuple(Url(f"{web.url}/{name}", name) for name in ("1.zip", "2.tgz", "labels.csv"))
    home = fetch("made-up", [Urls(files, "https://example.org")], tmp_path, wire=ears.wire())
    assert tree(home) == {"films/a.png": b"a", "films/b.png": b"b", "labels.csv": b"film,label\n"}
    record = json.loads((home / "fetch.json").read_text())
    assert (record["files"], record["page"]) == (3, "https://example.org")
    assert [archive["name"] for archive in record["archives"]] == ["1.zip", "2.tgz", "labels.csv"]


def test_the_archive_is_kept_where_that_is_asked_for(place, tmp_path, ears):
    fetch("made-up", [place], tmp_path, keep_archive=True, wire=ears.wire())
    assert names(tmp_path) == ["films.zip", "made-up"]
    assert (tmp_path / "films.zip").read_bytes() == ZIP


def test_a_digest_of_the_users_own_comes_before_ours(place, tmp_path, ears):
    with pytest.raises(FetchError, match=f"expected the SHA-256 {'0' * 64}, got {SHA256}"):
        fetch("made-up", [place], tmp_path, sha256="0" * 64, wire=ears.wire())
    wrong = Url(place.url, "films.zip", "0" * 64)
    assert fetch("made-up", [wrong], tmp_path, sha256=SHA256.upper(), wire=ears.wire()).is_dir()


def test_a_digest_is_for_one_archive(place, tmp_path, ears):
    with pytest.raises(FetchError, match=r"--sha256 is for one archive; https://example\.org has 2"):
        fetch("x", [Urls((place, place), "https://example.org")], tmp_path, sha256=SHA256, wire=ears.wire())


def test_a_damaged_archive_is_removed_so_that_the_next_try_starts_fresh(web, place, tmp_path, ears):
    damaged = bytearray(ZIP)
    damaged[2000] ^= 1
    web["/films.zip"].data = bytes(damaged)
    with pytest.raises(FetchError, match=r"films\.zip: expected a whole archive: .*It has been removed"):
        fetch("made-up", [Url(place.url, "films.zip")], tmp_path, wire=ears.wire())
    assert names(tmp_path) == []
    web["/films.zip"].data = ZIP
    assert tree(fetch("made-up", [place], tmp_path, wire=ears.wire())) == FILMS


def test_an_evil_archive_leaves_no_film_behind(web, place, tmp_path, ears):
    web["/films.zip"].data = zipped(("a.png", b"film"), ("../../evil.png", b"evil"))
    with pytest.raises(FetchError, match="refused"):
        fetch("made-up", [Url(place.url, "films.zip")], tmp_path / "to", wire=ears.wire())
    assert names(tmp_path) == ["to"]
    assert names(tmp_path / "to") == ["made-up.part"]
    assert names(tmp_path / "to" / "made-up.part") == [".lock", "films.zip"]


def test_an_archive_that_came_before_is_not_asked_for_again(web, place, tmp_path, ears):
    free = iter([10**9, 10**9, 1])  # before all, before the download, before the films
    with pytest.raises(FetchError, match=r"unpacking films\.zip: 0\.0 GB are needed"):
        fetch("made-up", [place], tmp_path, wire=ears.wire(free=lambda _: next(free)))
    (tmp_path / "made-up.part" / "unpacked").mkdir()
    (tmp_path / "made-up.part" / "unpacked" / "old.png").write_bytes(b"of a killed run")
    assert tree(fetch("made-up", [place], tmp_path, wire=ears.wire())) == FILMS
    assert len(web.asked) == 1


def test_room_for_all_files_is_looked_for_before_the_first(web, tmp_path, ears):
    files = tuple(Url(f"{web.url}/{i}.zip", f"{i}.zip", bytes=40_000_000_000) for i in range(2))
    with pytest.raises(FetchError, match=r"160\.0 GB are needed in .*, 100\.0 GB are free"):
        fetch("made-up", [Urls(files, "https://example.org")], tmp_path, wire=ears.wire(free=lambda _: 100 * 10**9))
    assert web.asked == []


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_user_who_stops_is_told_what_is_kept(web, place, tmp_path, ears, stop):
    done = []

    def update(count):
        done.append(count)
        if sum(done) > 60_000:
            raise stop

    bar = nullcontext(SimpleNamespace(update=update))
    with pytest.raises(stop):
        fetch("made-up", [place], tmp_path, wire=ears.wire(progress=lambda *_: bar))
    assert f"stopped; what has come is kept in {tmp_path / 'made-up.part'}" in str(ears)
    have = (tmp_path / "made-up.part" / "films.zip.part").stat().st_size
    assert have > 60_000
    assert tree(fetch("made-up", [place], tmp_path, wire=ears.wire())) == FILMS
    assert web.asked[1].headers["Range"] == f"bytes={have}-"


def refuse_token(*_):
    raise kaggle.NoToken("you have none")


def test_without_a_token_the_next_place_is_taken_and_that_is_told(place, tmp_path, ears, monkeypatch):
    monkeypatch.setattr(kaggle, "locate", refuse_token)
    home = fetch("made-up", [Kaggle("a/b"), place], tmp_path, wire=ears.wire())
    assert tree(home) == FILMS
    assert "KAGGLE_API_TOKEN" in ears.told[0]
    assert f"Going on with {place.url}" in ears.told[0]
    assert json.loads((home / "fetch.json").read_text())["page"] == place.url


def test_without_a_token_or_another_place_the_token_is_asked_for(tmp_path, ears, monkeypatch):
    monkeypatch.setattr(kaggle, "locate", refuse_token)
    with pytest.raises(kaggle.NoToken, match="KAGGLE_API_TOKEN"):
        fetch("made-up", [Kaggle("a/b")], tmp_path, wire=ears.wire())
    assert names(tmp_path) == []


def test_without_kagglehub_the_next_place_is_taken(place, tmp_path, ears, monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub.clients", None)
    assert tree(fetch("made-up", [Kaggle("a/b"), place], tmp_path, wire=ears.wire())) == FILMS
    assert "pip install 'pneumoscope[fetch]'" in ears.told[0]
    with pytest.raises(MissingExtra):
        fetch("other", [Kaggle("a/b")], tmp_path, wire=ears.wire())


def test_any_other_trouble_stops_and_names_the_other_places(web, place, tmp_path, ears, monkeypatch):
    monkeypatch.setattr(mendeley, "API", web.url)
    places = [Mendeley("x", 1, "a.zip"), place, Manual("Sign here.")]
    with pytest.raises(FetchError, match=r"HTTP 404 .*It is to be had elsewhere too: --from url$"):
        fetch("made-up", places, tmp_path, wire=ears.wire())


def test_what_is_given_to_people_only_is_told_in_their_words(tmp_path, ears):
    with pytest.raises(FetchError, match=r"Sign the agreement at https://example\.org"):
        fetch("made-up", [Manual("Sign the agreement at", "https://example.org")], tmp_path, wire=ears.wire())


def test_nowhere_to_go(tmp_path, ears):
    with pytest.raises(FetchError, match="no place"):
        fetch("folder", [], tmp_path, wire=ears.wire())
