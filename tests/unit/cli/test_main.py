from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pneumoscope
from pneumoscope.cli import options
from tests.helpers import flat

COMMANDS = [
    *("predict", "doctor", "data", "evaluate", "compare", "check-claim", "recalibrate", "release-check", "card"),
    *("recipes", "train", "tune", "ensemble", "export", "gate"),
]


def program(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The real thing, in a process of its own, in which any warning is an error."""
    command = [sys.executable, "-W", "error", "-m", "pneumoscope", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_every_command(run, option):
    result = run(option)
    assert result.exit_code == 0
    listed = result.stdout.partition("Commands:")[2].split("\n")
    assert sorted(line.split()[0] for line in listed if line.strip()) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run, command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: pneumoscope {command} [OPTIONS]")
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.mark.parametrize("command", ["fetch", "index", "audit", "clean", "split", "explore"])
def test_every_data_command_explains_itself(run, command):
    assert f"  {command} " in run("data", "--help").stdout
    result = run("data", command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: pneumoscope data {command} [OPTIONS]")
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.mark.parametrize("arguments", [("--bogus",), ("read",), ("predict",), ("predict", "a.png", "--jobs", "0")])
def test_misuse_ends_with_2(run, arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage: pneumoscope" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("evaluate", "--data", ".", "--out", "x"), "evaluate"),
        (("release-check", "--data", "."), "evaluate"),
        (("check-claim", "--positives", "1", "--negatives", "1", "--recall", "1.0"), "evaluate"),
        (("compare", ".", "."), "evaluate"),
        (("train", "mobilenetv2", "--data", ".", "--out", "x"), "train"),
        (("export", ".", "--out", "x"), "train"),
        (("data", "audit", ".", "--out", "x"), "data"),
        (("data", "split", ".", "--out", "x"), "data"),
        (("data", "explore", ".", "--out", "x"), "data"),
    ],
)
def test_a_missing_extra_is_told_with_the_command_that_installs_it(run, monkeypatch, tmp_path, arguments, extra):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(options, "find_spec", lambda module: None if module == "scipy" else module)
    result = run(*arguments)
    command = " ".join(arguments[:2] if arguments[0] == "data" else arguments[:1])
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: pneumoscope {command} needs the '{extra}' extra: pip install 'pneumoscope[{extra}]'\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_cache_is_where_the_user_says_or_in_the_cache_folder(monkeypatch, tmp_path):
    for name in ("PNEUMOSCOPE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert options.cache_folder() == tmp_path / ".cache" / "pneumoscope"
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert options.cache_folder() == Path("/x/pneumoscope")
    monkeypatch.setenv("PNEUMOSCOPE_CACHE", "/y")
    assert options.cache_folder() == Path("/y")


def test_the_program_reads_a_film_without_a_warning(tiny_bundle, tmp_path):
    (tmp_path / "film.png").write_bytes(flat(204))
    done = program("predict", tmp_path / "film.png", "--bundle", tiny_bundle)
    assert (done.returncode, done.stderr) == (0, "")
    assert "99.5%" in done.stdout  # 8 * (2 * 0.8 - 1) + 0.5 = 5.3


def test_the_program_tells_its_version():
    done = program("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert pneumoscope.__version__ in done.stdout


def test_the_program_has_no_traceback_for_a_reader_that_went_away(tiny_bundle, tmp_path):
    """As ``pneumoscope predict ... | head`` does."""
    (tmp_path / "film.png").write_bytes(flat(204))
    command = [sys.executable, "-u", "-m", "pneumoscope", "predict", *["film.png"] * 2000]
    command += ["--bundle", tiny_bundle, "--out", "table.csv"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
        assert process.wait(60) == 1
    assert b"Traceback" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["film.png"]
