from __future__ import annotations

import os

import pytest

from pneumoscope.core.manifest import Listing
from pneumoscope.data import read_listing, read_manifest, write_manifest
from tests.phantoms import film, put


@pytest.fixture
def wards(tmp_path, monkeypatch, run):
    """A manifest with every kind of fault, and its audit."""
    monkeypatch.setenv("PNEUMOSCOPE_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "films"
    films = [put(root, f"sound{i}.png", film(50 + i), patient=f"s{i}", label=i % 2) for i in range(4)]
    films += [
        put(root, f"patient{i}.png", film(i), patient="p", split=split) for i, split in enumerate(("train", "test"))
    ]
    films += [put(root, f"copy-{split}.png", film(9), split=split) for split in ("train", "val")]
    films += [put(root, f"twice{i}.png", film(11), patient="t") for i in range(2)]
    films += [put(root, f"label{label}.png", film(10), label=label) for label in (0, 1)]
    films += [put(root, "broken.png", b"no film")]
    write_manifest(Listing(root, tuple(films)), root / "m.csv")
    run("data", "audit", root / "m.csv", "--out", tmp_path / "out")
    return root


@pytest.fixture
def clean(run, wards):
    def _clean(*options):
        audit = wards.parent / "out" / "audit.json"
        return run("data", "clean", wards / "m.csv", "--audit", audit, "--out", wards / "clean.csv", *options)

    return _clean


def kept(wards, name="clean.csv"):
    return [film.path.removesuffix(".png") for film in read_manifest(wards / name).films]


def test_every_error_is_mended_by_default(clean, wards):
    result = clean()
    assert result.exit_code == 0, result.output
    assert kept(wards) == [*(f"sound{i}" for i in range(4)), "patient1", "copy-val", "twice0", "twice1"]
    assert "patients-across-splits: keep-held-out, 1 film\n" in result.stdout
    assert "8 films of" in result.stdout
    assert "would still refuse" not in result.stderr


def test_the_mended_manifest_passes_the_audit(clean, run, wards, tmp_path):
    clean()
    assert run("data", "audit", wards / "clean.csv", "--out", tmp_path / "again").exit_code == 0


def test_only_what_is_named_is_mended_and_training_would_still_refuse_the_rest(clean, wards):
    result = clean("--apply", "copies", "--apply", "unreadable")
    assert result.exit_code == 0
    paths = {film.path for film in read_listing(wards / "clean.csv").films}
    assert {f"{name}.png" for name in ("twice1", "broken")} & paths == set()
    assert len(paths) == 11
    assert "note: training would still refuse it" in result.stderr


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_films_stay_as_they_are(clean, wards, suffix):
    def state():
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in wards.iterdir() if path.suffix}

    before = state()
    assert clean("--out", wards / f"new.{suffix}").exit_code == 0
    after = state()
    assert after.pop(f"new.{suffix}")
    assert after == before
    assert len(read_manifest(wards / f"new.{suffix}").films) == 8


def test_list_names_what_can_be_mended_and_writes_nothing(run, wards, tmp_path):
    before = sorted(wards.iterdir())
    result = run("data", "clean", "--audit", tmp_path / "out" / "audit.json", "--list")
    assert result.exit_code == 0
    assert [line.split()[:3] for line in result.stdout.splitlines()] == [
        ["unreadable", "error", "drop"],
        ["patients-across-splits", "error", "keep-held-out"],
        ["conflicting-copies", "error", "drop"],
        ["copies-across-splits", "error", "keep-held-out"],
        ["copies", "warning", "keep-one"],
    ]
    assert sorted(wards.iterdir()) == before


def test_an_unknown_finding_is_refused_naming_the_known_ones(clean, wards):
    result = clean("--apply", "nonsense")
    assert result.exit_code == 2
    assert "copies-across-splits" in result.stderr
    assert "nonsense" in result.stderr
    assert not (wards / "clean.csv").exists()


def test_another_manifest_than_the_audited_one_is_refused(clean, wards):
    lines = (wards / "m.csv").read_text().splitlines(keepends=True)
    (wards / "m.csv").write_text("".join(lines[:-1]))
    result = clean()
    assert result.exit_code == 2
    assert "expected the manifest that was audited" in result.stderr
    assert "pneumoscope data audit" in result.stderr
    assert not (wards / "clean.csv").exists()


def test_a_file_that_is_no_audit_is_refused(run, wards):
    result = run("data", "clean", wards / "m.csv", "--audit", wards / "m.csv", "--out", wards / "clean.csv")
    assert result.exit_code == 2
    assert "expected the audit.json" in result.stderr


def test_a_place_that_cannot_be_written_is_named_and_nothing_is_left(clean, wards):
    before = sorted(wards.iterdir())
    result = clean("--out", wards / "m.csv" / "clean.csv")
    assert result.exit_code == 1
    assert "the system refused" in result.stderr
    assert sorted(wards.iterdir()) == before


@pytest.mark.parametrize("left_out", ["manifest", "--out", "--audit"])
def test_misuse_ends_with_2(run, wards, tmp_path, left_out):
    given = {
        "manifest": (wards / "m.csv",),
        "--out": ("--out", wards / "clean.csv"),
        "--audit": ("--audit", tmp_path / "out" / "audit.json"),
    }
    del given[left_out]
    result = run("data", "clean", *(argument for pair in given.values() for argument in pair))
    assert result.exit_code == 2
    assert not (wards / "clean.csv").exists()


def test_several_manifests_are_mended_as_they_were_audited(run, wards, tmp_path):
    other = tmp_path / "other"
    films = [put(other, f"{i}.png", film(seed), source="other") for i, seed in enumerate((11, 70))]
    write_manifest(Listing(other, tuple(films)), other / "m.csv")
    both = wards / "m.csv", other / "m.csv"
    run("data", "audit", *both, "--out", tmp_path / "both")
    audit = ("--audit", tmp_path / "both" / "audit.json", "--apply", "copies", "--out", tmp_path / "all.csv")
    result = run("data", "clean", *both, *audit)
    assert result.exit_code == 0, result.output
    paths = {film.path for film in read_listing(tmp_path / "all.csv").films}
    assert len(paths) == 13 + 2 - 2
    assert {"films/twice0.png", "other/1.png"} <= paths
    assert all((tmp_path / path).is_file() for path in paths)
    assert run("data", "clean", both[1], *audit).exit_code == 2


def test_a_name_that_is_not_utf8_goes_all_the_way(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PNEUMOSCOPE_CACHE", str(tmp_path / "cache"))
    root, odd = tmp_path / "films", os.fsdecode(b"odd\xff.png")
    films = [put(root, name, film(1)) for name in (odd, "b.png")] + [put(root, "c.png", film(2), label=0)]
    write_manifest(Listing(root, tuple(films)), root / "m.csv")
    run("data", "audit", root / "m.csv", "--out", tmp_path / "out")
    result = run(
        *("data", "clean", root / "m.csv", "--audit", tmp_path / "out" / "audit.json"),
        *("--apply", "copies", "--out", root / "clean.csv"),
    )
    assert result.exit_code == 0, result.output
    assert [film.path for film in read_manifest(root / "clean.csv").films] == [odd, "c.png"]
