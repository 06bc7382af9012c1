from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from pneumoscope.core.manifest import Listing
from pneumoscope.data import write_manifest
from pneumoscope.data.audit import read_audit
from tests.helpers import CELL, SIZE, picture
from tests.phantoms import film, put


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PNEUMOSCOPE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def sound(tmp_path):
    """Four patients with two films each, in two splits and classes: too few to measure a shortcut, and no fault."""
    return [
        put(
            tmp_path / "films",
            f"{i}.png",
            film(i),
            patient=f"p{i // 2}",
            label=i % 4 // 2,
            split=("train", "test")[i // 4],
        )
        for i in range(8)
    ]


@pytest.fixture
def audited(run, tmp_path):
    def _audited(films, *options):
        manifest = tmp_path / "films" / "manifest.csv"
        write_manifest(Listing(tmp_path / "films", tuple(films)), manifest)
        return run("data", "audit", manifest, "--out", tmp_path / "out", *options)

    return _audited


def codes(tmp_path):
    return [finding.code for finding in read_audit(tmp_path / "out" / "audit.json").findings]


def test_sound_films_end_with_0_whatever_fails(audited, tmp_path, sound):
    for fail_on in ("error", "warning", "never"):
        result = audited(sound, "--fail-on", fail_on)
        assert result.exit_code == 0, result.output
    assert codes(tmp_path) == []
    assert "8 films of 4 patients, source made-up" in result.stdout
    assert "0 errors, 0 warnings, 0 notes" in result.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["audit.html", "audit.json"]
    assert "<h1>Audit of 8 films</h1>" in (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1), ("never", 0)])
def test_a_warning_fails_only_when_asked(audited, tmp_path, sound, fail_on, code):
    copy = put(tmp_path / "films", "copy.png", film(0), patient="p0", label=0)
    result = audited([*sound, copy], "--fail-on", fail_on)
    assert result.exit_code == code
    assert codes(tmp_path) == ["copies"]
    assert "warning  1 group (1 pair) of films within a split: byte for byte the same file  [copies]" in result.stdout


@pytest.mark.parametrize(("fail_on", "code"), [("error", 1), ("warning", 1), ("never", 0)])
def test_an_error_fails_unless_never(audited, tmp_path, sound, fail_on, code):
    leak = put(tmp_path / "films", "leak.png", film(9), patient="p0", label=0, split="test")
    assert audited([*sound, leak], "--fail-on", fail_on).exit_code == code
    assert codes(tmp_path) == ["patients-across-splits"]


def test_a_note_fails_never(audited, tmp_path, sound):
    result = audited([replace(sound[0], label=None), *sound[1:]], "--fail-on", "warning")
    assert (result.exit_code, codes(tmp_path)) == (0, ["unlabelled"])


def test_a_folder_in_a_known_layout_needs_no_manifest(run, tmp_path):
    for i in range(4):
        put(tmp_path / "kids", f"train/{('NORMAL', 'PNEUMONIA')[i % 2]}/IM-{i}-0001.png", film(i))
    result = run("data", "audit", tmp_path / "kids", "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert read_audit(tmp_path / "out" / "audit.json").sources == ("kermany",)


def test_several_manifests_are_audited_as_one(run, tmp_path):
    """The copy is in the other manifest."""
    for name, seeds in (("one", (1, 2)), ("other", (2, 3))):
        films = [put(tmp_path / name, f"{i}.png", film(i), source=name, label=i % 2) for i in seeds]
        write_manifest(Listing(tmp_path / name, tuple(films)), tmp_path / name / "m.csv")
    result = run("data", "audit", tmp_path / "one" / "m.csv", tmp_path / "other" / "m.csv", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    audit = read_audit(tmp_path / "out" / "audit.json")
    assert (audit.films, audit.sources) == (4, ("one", "other"))
    assert audit.findings[0].groups == (("one/2.png", "other/2.png"),)
    assert audit.findings[0].remarks == ("train; 2 patient keys; no pneumonia",)


def test_labels_that_the_bundle_contradicts_are_suspected(run, tmp_path, tiny_bundle):
    """The tiny bundle calls bright films pneumonia; three of 24 are labelled the other way."""
    wrong = {3, 10, 17}
    films = []
    for i in range(24):
        bright = i % 2
        pixels = np.full(SIZE, (60, 200)[bright], np.uint8)
        pixels[:CELL, :CELL] = 20 + 5 * i  # so that no two files are one
        label = 1 - bright if i in wrong else bright
        films.append(put(tmp_path, f"{i:02}.png", picture(pixels), label=label))
    write_manifest(Listing(tmp_path, tuple(films)), tmp_path / "m.csv")
    arguments = ("data", "audit", tmp_path / "m.csv", "--out", tmp_path / "out", "--bundle", tiny_bundle)
    run(*arguments, "--labels")
    audit = read_audit(tmp_path / "out" / "audit.json")
    (suspects,) = (finding for finding in audit.findings if finding.code == "label-suspects")
    assert {path for (path,) in suspects.groups} == {f"{i:02}.png" for i in wrong}
    run(*arguments)
    assert "label-suspects" not in codes(tmp_path)


def test_a_film_that_the_bundle_cannot_read_has_no_suspicious_label(run, tmp_path, tiny_bundle):
    films = [put(tmp_path, f"{i}.png", film(i, 0.2 + 0.6 * (i % 2)), label=i % 2) for i in range(4)]
    films.append(put(tmp_path, "broken.png", b"no film"))
    write_manifest(Listing(tmp_path, tuple(films)), tmp_path / "m.csv")
    result = run(*("data", "audit", tmp_path / "m.csv", "--out", tmp_path / "out", "--labels", "--bundle", tiny_bundle))
    assert result.exit_code == 1
    assert codes(tmp_path) == ["unreadable"]
    assert "label suspects" in read_audit(tmp_path / "out" / "audit.json").checked


def test_a_second_audit_reads_no_film_again(audited, tmp_path, sound, monkeypatch):
    audited(sound)
    monkeypatch.setattr("pneumoscope.data.survey.read", lambda *_, **__: pytest.fail("a film was read again"))
    assert audited(sound).exit_code == 0


def test_an_audit_replaces_the_one_before(audited, tmp_path, sound):
    audited([*sound, put(tmp_path / "films", "broken.png", b"no film", label=None)])
    assert codes(tmp_path) == ["unreadable", "unlabelled"]
    audited(sound)
    assert codes(tmp_path) == []
    assert "cannot be read" not in (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")


def test_names_that_are_not_utf8_are_no_obstacle(audited, tmp_path, sound):
    name = os.fsdecode(b"a\xff<b>.png")
    films = [*sound, put(tmp_path / "films", name, film(0), patient="p0", label=0)]
    assert audited(films).exit_code == 0
    (copies,) = read_audit(tmp_path / "out" / "audit.json").findings
    assert copies.groups == (("0.png", name),)
    assert r"a\xff&lt;b&gt;.png" in (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written_is_named_before_the_films_are_read(run, tmp_path, sound, monkeypatch):
    monkeypatch.setattr("pneumoscope.data.survey.read", lambda *_, **__: pytest.fail("work before the check"))
    (tmp_path / "taken").write_text("a file")
    manifest = tmp_path / "films" / "m.csv"
    write_manifest(Listing(tmp_path / "films", tuple(sound)), manifest)
    result = run("data", "audit", manifest, "--out", tmp_path / "taken" / "out")
    assert result.exit_code == 1
    assert "the system refused" in result.stderr
    assert "taken" in result.stderr
    assert run("data", "audit", manifest, "--out", tmp_path / "taken").exit_code == 2
    assert (tmp_path / "taken").read_text() == "a file"


def test_what_cannot_be_written_leaves_the_old_audit_whole(audited, run, tmp_path, sound, monkeypatch):
    audited(sound)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pneumoscope.core.files.os.fsync", full)
    result = run("data", "audit", tmp_path / "films" / "manifest.csv", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize("arguments", [(), ("missing.csv", "--out", "out"), ("--out", "out")])
def test_misuse_ends_with_2(run, arguments):
    assert run("data", "audit", *arguments).exit_code == 2


def test_a_manifest_without_films_and_a_folder_of_no_known_layout_end_with_2(audited, run, tmp_path):
    (tmp_path / "films").mkdir()
    result = audited([])
    assert result.exit_code == 2
    assert "expected films to audit" in result.stderr
    assert run("data", "audit", tmp_path / "films", "--out", tmp_path / "out").exit_code == 2
