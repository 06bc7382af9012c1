from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile

import numpy as np
import pytest

from pneumoscope.core import FetchError
from pneumoscope.data.fetch import unpack as module
from pneumoscope.data.fetch.unpack import DamagedArchive, unpack
from tests.unit.data.fetch.web import NOISE, tarred, zipped

FILMS = (("chest/train/a.png", NOISE[:9000]), ("chest/test/b c.png", NOISE[9000:9100]), ("chest/empty.csv", b""))


def contents(folder) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def open_up(tmp_path, ears, name, data, **wire) -> dict[str, bytes]:
    """Unpack, and see to it that nothing appears beside the folder."""
    archive, folder = tmp_path / "in" / name, tmp_path / "in" / "out"
    folder.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(data)
    try:
        count = unpack(archive, folder, ears.wire(**wire))
    finally:
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
        assert sorted(path.name for path in (tmp_path / "in").iterdir()) == sorted([name, "out"])
        assert not any(path.is_symlink() for path in folder.rglob("*"))
    assert count == len(contents(folder))
    return contents(folder)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", zipped(*FILMS)),
        ("a.ZIP", zipped(*FILMS, compression=zipfile.ZIP_STORED)),
        ("a.tar", tarred(*FILMS, gz=False)),
        ("a.tar.gz", tarred(*FILMS)),
        ("a.tgz", tarred(*FILMS)),
        ("plain.tar.gz", tarred(*FILMS, gz=False)),
    ],
)
def test_all_files_come_out_as_they_went_in(tmp_path, ears, name, data):
    assert open_up(tmp_path, ears, name, data) == dict(FILMS)


def folder_entry(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE
    return info


@pytest.mark.parametrize("kind", ["a.zip", "a.tar.gz"])
def test_what_systems_leave_in_archives_is_left_out(tmp_path, ears, kind):
    names = ["__MACOSX/chest/a.png", "chest/._a.png", "chest/.DS_Store", "./chest/a.png", "chest/.hidden"]
    folder = "chest/empty/" if kind == "a.zip" else folder_entry("chest/empty")
    pack = zipped if kind == "a.zip" else tarred
    data = pack((folder, b""), *((name, name.encode()) for name in names))
    assert open_up(tmp_path, ears, kind, data) == {"chest/a.png": b"./chest/a.png", "chest/.hidden": b"chest/.hidden"}


OUTSIDE = ["../evil.png", "chest/../../evil.png", "/evil.png", "..\\evil.png", "C:\\evil.png", "C:evil.png", "a\nb.png"]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("kind", ["a.zip", "a.tar.gz"])
def test_a_name_that_leads_outside_is_refused(tmp_path, ears, kind, name):
    data = (zipped if kind == "a.zip" else tarred)(FILMS[0], (name, b"evil"))
    with pytest.raises(FetchError, match=r"refused: .*(evil|nb)\.png.* is no plain file inside its folder"):
        open_up(tmp_path, ears, kind, data)


def zip_entry(name: str, kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return info


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_a_link_or_device_in_a_zip_is_refused(tmp_path, ears, kind):
    with pytest.raises(FetchError, match=r"refused: 'out' in the archive is no plain file"):
        open_up(tmp_path, ears, "a.zip", zipped((zip_entry("out", kind), b"/etc"), ("out/passwd", b"evil")))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_a_link_or_device_in_a_tar_is_refused(tmp_path, ears, kind):
    info = tarfile.TarInfo("out")
    info.type, info.linkname = kind, "../.."
    with pytest.raises(FetchError, match=r"refused: 'out' in the archive is no plain file"):
        open_up(tmp_path, ears, "a.tar.gz", tarred((info, b""), ("out/evil", b"evil")))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize(
    "names", [("a.png", "a.png"), ("a.png", "./a.png"), ("a", "a/b"), ("a/b", "a"), ("a", "a/b/c")]
)
def test_two_members_of_one_name_are_refused(tmp_path, ears, kind, names):
    data = (zipped if kind == "a.zip" else tarred)(*((name, name.encode()) for name in names))
    with pytest.raises(FetchError, match=r"refused: two members share the name '(a|a\.png|b)'"):
        open_up(tmp_path, ears, kind, data)


def test_names_in_no_unicode_become_readable(tmp_path, ears):
    raw = "película.png".encode("cp437")
    packed = zipped(("pel@cula.png", b"film")).replace(b"pel@cula.png", raw)
    assert open_up(tmp_path, ears, "a.zip", packed) == {"película.png": b"film"}


def test_names_in_no_unicode_become_readable_in_a_tar(tmp_path, ears):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT, encoding="cp437") as archive:
        archive.addfile(tarfile.TarInfo("película.png"))
    assert open_up(tmp_path, ears, "a.tar", file.getvalue()) == {"película.png": b""}


def test_a_name_that_says_it_is_unicode_and_is_not_is_damage(tmp_path, ears):
    packed = zipped(("pelí.png", b"film")).replace("pelí.png".encode(), b"pel\xff\xff.png")
    with pytest.raises(DamagedArchive):
        open_up(tmp_path, ears, "a.zip", packed)


def test_a_password_is_told(tmp_path, ears):
    packed = bytearray(zipped(("a.png", b"film")))
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        packed[packed.index(mark) + at] |= 1
    with pytest.raises(FetchError, match="has a password; unpack it by hand"):
        open_up(tmp_path, ears, "a.zip", bytes(packed))


@pytest.mark.parametrize("kind", ["a.zip", "a.tar.gz"])
def test_what_the_disk_cannot_hold_is_refused(tmp_path, ears, kind):
    data = (zipped if kind == "a.zip" else tarred)(("a.png", bytes(70_000_000)), ("b.png", b"b"))
    with pytest.raises(FetchError, match=r"unpacking a\..*: 0\.1 GB are needed in .*, 0\.1 GB are free\. Make room"):
        open_up(tmp_path, ears, kind, data, free=lambda _: 60_000_000)
    assert contents(tmp_path / "in" / "out") == {}


@pytest.mark.parametrize("kind", ["a.zip", "a.tar.gz"])
def test_a_bomb_is_refused_however_large_the_disk(tmp_path, ears, kind, monkeypatch):
    monkeypatch.setattr(module, "SMALL", 1_000_000)
    data = (zipped if kind == "a.zip" else tarred)(*((f"{i}.png", bytes(900_000)) for i in range(4)))
    with pytest.raises(FetchError, match="refused: far more unpacks from it"):
        open_up(tmp_path, ears, kind, data, free=lambda _: 10**18)


def test_a_million_empty_files_are_refused(tmp_path, ears, monkeypatch):
    monkeypatch.setattr(module, "MOST_FILES", 3)
    with pytest.raises(FetchError, match="refused: far more"):
        open_up(tmp_path, ears, "a.zip", zipped(*((f"{i}.png", b"") for i in range(4))))


LOGIN = b"<!DOCTYPE html><title>Please sign in</title>" * 40


@pytest.mark.parametrize("kind", ["a.zip", "a.tar", "a.tar.gz"])
@pytest.mark.parametrize("data", [LOGIN, b""], ids=["a page to log in", "nothing"])
def test_what_is_no_archive_is_told(tmp_path, ears, kind, data):
    with pytest.raises(DamagedArchive, match=f"{kind}: expected a whole archive: "):
        open_up(tmp_path, ears, kind, data)


@pytest.mark.parametrize("data", [zipped(*FILMS), tarred(*FILMS), tarred(*FILMS, gz=False)], ids=["zip", "tgz", "tar"])
def test_no_cut_archive_passes_for_a_whole_one(tmp_path, ears, data):
    name = {b"PK": "a.zip", b"\x1f\x8b": "a.tgz"}.get(data[:2], "a.tar")
    end = len(data) if name != "a.tar" else data.rindex(b"chest/empty.csv") + 512  # zeros follow, of any number
    for stop in {*range(0, end, max(1, end // 60)), end - 1}:
        with pytest.raises(DamagedArchive):
            open_up(tmp_path / str(stop), ears, name, data[:stop])


@pytest.mark.parametrize("gz", [True, False])
def test_a_damaged_header_is_not_the_end_of_a_tar(tmp_path, ears, gz):
    """``tarfile`` alone would stop there, and two films would be missing in silence."""
    damaged = tarred(*FILMS, gz=False).replace(b"chest/test/b c.png", b"chest/test/b!c.png")
    with pytest.raises(DamagedArchive, match="bad checksum"):
        open_up(tmp_path, ears, "a.tar.gz" if gz else "a.tar", gzip.compress(damaged) if gz else damaged)


@pytest.mark.parametrize("data", [zipped(*FILMS), tarred(*FILMS), tarred(*FILMS, gz=False)], ids=["zip", "tgz", "tar"])
def test_a_flipped_byte_is_told_or_harms_no_more_than_a_file(tmp_path, ears, data):
    name = {b"PK": "a.zip", b"\x1f\x8b": "a.tgz"}.get(data[:2], "a.tar")
    rng, told = np.random.default_rng(3), 0
    for trial in range(150):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            found = open_up(tmp_path / str(trial), ears, name, bytes(damaged))
        except FetchError:
            told += 1
        else:
            assert len(found) in (2, 3)
    assert told > (5 if name == "a.tar" else 100)  # a tar file has sums of its headers only
