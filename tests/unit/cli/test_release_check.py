from __future__ import annotations

import json

import pytest

from pneumoscope.evaluation.explained import Check


@pytest.fixture
def films(tmp_path):
    """A folder in a known layout: what is checked is made up by the tests."""
    for name in ("NORMAL", "PNEUMONIA"):
        (tmp_path / "films" / "val" / name).mkdir(parents=True)
        (tmp_path / "films" / "val" / name / "IM-0001-0001.jpeg").write_bytes(b"never read")
    return tmp_path / "films"


def checks(monkeypatch, *passed: bool) -> list:
    asked: list = []

    def made(bundle, manifest, split, **_):
        asked.append((bundle, split))
        return (Check(name=f"check {i}", passed=one, expected="this", found="that") for i, one in enumerate(passed))

    monkeypatch.setattr("pneumoscope.evaluation.check_release", made)
    return asked


def test_a_bundle_that_passes_ends_with_0(run, films, monkeypatch):
    asked = checks(monkeypatch, True, True)
    result = run("release-check", "--bundle", "b", "--data", films)
    assert (result.exit_code, asked) == (0, [("b", "val")])
    assert result.stdout.splitlines()[:3] == [
        "passed  check 0",
        "        expected: this",
        "        found:    that",
    ]
    assert result.stderr.splitlines()[-1] == "all 2 checks passed"


def test_a_bundle_that_fails_ends_with_1_and_says_where(run, films, monkeypatch):
    checks(monkeypatch, True, False, True)
    result = run("release-check", "--data", films, "--split", "train")
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stdout.splitlines()[::3]] == ["passed", "FAILED", "passed"]
    assert result.stderr.splitlines()[-1] == "1 of 3 checks failed: not to be released"


def test_programs_are_told_the_same(run, films, monkeypatch):
    checks(monkeypatch, True, False)
    result = run("release-check", "--data", films, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == [
        {"name": f"check {i}", "passed": passed, "expected": "this", "found": "that"}
        for i, passed in enumerate((True, False))
    ]


def test_what_a_bundle_says_of_itself_moves_no_cursor(run, films, monkeypatch):
    hostile = Check(name="calibration", passed=False, expected="a\x1b[2Jrule", found="none\npassed  files")
    monkeypatch.setattr("pneumoscope.evaluation.check_release", lambda *_, **__: iter([hostile]))
    assert run("release-check", "--data", films).stdout.splitlines() == [
        "FAILED  calibration",
        "        expected: a\\x1b[2Jrule",
        "        found:    none\\npassed  files",
    ]


def test_misuse_ends_with_2(run, films):
    assert run("release-check").exit_code == 2
    assert run("release-check", "--data", films, "--split", "all").exit_code == 2


def test_what_is_no_bundle_ends_with_1(run, films):
    result = run("release-check", "--bundle", films, "--data", films)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no bundle.json" in result.stderr
