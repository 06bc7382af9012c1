from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace

import pytest
from click.testing import CliRunner, Result

import pneumoscope
from pneumoscope.cli import main
from pneumoscope.cli.data.fetch import fetch
from pneumoscope.data.fetch.places import Kaggle, Manual, Url
from tests.unit.data.fetch.web import Resource, Web, serve, unheard, zipped

FILMS = {"chest_xray/train/NORMAL/a.png": b"film"}
ZIP = zipped(*FILMS.items())
SHA256 = hashlib.sha256(ZIP).hexdigest()


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as web:
        web["/films.zip"] = Resource(ZIP)
        yield web


@pytest.fixture
def sources(web, monkeypatch, tmp_path) -> dict[str, SimpleNamespace]:
    """Data sets of our own in the place of the registry; the user has no token for Kaggle."""

    def source(title: str, *places, **more) -> SimpleNamespace:
        return SimpleNamespace(title=title, licence="CC0", citation="Nobody 2026", download=places, **more)

    url = Url(f"{web.url}/films.zip", "films.zip", bytes=len(ZIP))
    registry = {
        "made-up": source("Made-up films", url),
        "both": source("In two places", Kaggle("a/b", bytes=1_200_000_000), url),
        "kaggle-only": source("At Kaggle", Kaggle("a/b")),
        "signed": source("For those who sign", Manual("Sign at", "https://example.org")),
        "folder": source("Any folder"),
    }
    module = ModuleType("pneumoscope.data.sources")
    module.SOURCES = registry
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_KERNEL_RUN_TYPE"):
        monkeypatch.delenv(name, raising=False)
    return registry


@pytest.fixture
def run(sources) -> Callable[..., Result]:
    group = type(main)(commands=[fetch])

    def _run(*arguments) -> Result:
        result = CliRunner().invoke(group, ["fetch", *map(str, arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return _run


def test_a_data_set_is_brought_after_its_licence_and_citation(run, web, tmp_path):
    result = run("made-up", "--to", tmp_path / "to")
    home = tmp_path / "to" / "made-up"
    assert (result.exit_code, result.stdout) == (0, f"{home}\n")
    assert result.stderr == (
        f"Made-up films\nLicence: CC0\nPlease cite: Nobody 2026\n"
        f"next: pneumoscope data index {home} --source made-up --out manifest.csv\n"
    )
    assert (home / "chest_xray/train/NORMAL/a.png").read_bytes() == b"film"
    record = json.loads((home / "fetch.json").read_text())
    assert (record["licence"], record["citation"]) == ("CC0", "Nobody 2026")
    assert record["program"] == web.asked[0].headers["User-Agent"] == f"pneumoscope/{pneumoscope.__version__}"
    again = run("made-up", "--to", tmp_path / "to")
    assert again.exit_code == 0
    assert "is there already" in again.stderr
    assert len(web.asked) == 1


def test_the_archive_can_be_kept_and_its_digest_given(run, tmp_path):
    result = run("made-up", "--to", tmp_path / "a", "--keep-archive", "--sha256", SHA256)
    assert result.exit_code == 0
    assert (tmp_path / "a" / "films.zip").read_bytes() == ZIP
    result = run("made-up", "--to", tmp_path / "b", "--sha256", SHA256[::-1])
    assert result.exit_code == 1
    assert f"expected the SHA-256 {SHA256[::-1]}, got {SHA256}" in result.stderr


def test_without_a_token_the_next_place_is_taken(run, tmp_path):
    result = run("both", "--to", tmp_path / "to")
    assert result.exit_code == 0
    assert "https://www.kaggle.com/settings/api" in result.stderr
    assert "Going on with http://127.0.0.1" in result.stderr


@pytest.mark.parametrize("arguments", [("kaggle-only",), ("both", "--from", "kaggle")])
def test_without_a_token_or_another_place_one_line_says_what_to_do(run, tmp_path, arguments):
    result = run(*arguments, "--to", tmp_path / "to")
    assert result.exit_code == 1
    told = result.stderr.splitlines()[-1]
    assert told.startswith("Error: Kaggle gives its data to users with a token")
    assert "KAGGLE_API_TOKEN" in told


def test_the_place_can_be_chosen(run, web, tmp_path):
    result = run("both", "--to", tmp_path / "to", "--from", "url")
    assert result.exit_code == 0
    assert "Kaggle" not in result.stderr


def test_no_network_is_one_line(run, sources, tmp_path):
    sources["made-up"].download = (Url(unheard(), "films.zip", page="https://example.org/"),)
    result = run("made-up", "--to", tmp_path / "to")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: no connection to 127.0.0.1: Connection refused. Check the network and its proxy. Or download it by "
        "hand from https://example.org/, unpack it, and run 'pneumoscope data index' on the folder"
    )


def test_the_list_names_what_can_be_downloaded(run, web):
    result = run("--list")
    assert result.exit_code == 0
    assert result.stdout.split("\n\n")[1] == (
        f"both: In two places (CC0, 1.2 GB)\n  kaggle: https://www.kaggle.com/datasets/a/b\n  url: {web.url}/films.zip"
    )
    assert "folder" not in result.stdout
    assert web.asked == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "NAME and --to DIR are needed, or --list."),
        (("made-up",), "NAME and --to DIR are needed, or --list."),
        (
            ("nih", "--to", "x"),
            "no data set called 'nih' can be downloaded; there are made-up, both, kaggle-only, signed",
        ),
        (("folder", "--to", "x"), "no data set called 'folder' can be downloaded"),
        (("made-up", "--to", "x", "--from", "kaggle"), "made-up is not to be had from kaggle; choose from: url."),
        (("made-up", "--to", "x", "--sha256", "12"), "expected 64 hexadecimal digits"),
    ],
)
def test_misuse_ends_with_2_and_says_what_would_be_right(run, arguments, told):
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_what_needs_a_signature_says_so(run, tmp_path):
    result = run("signed", "--to", tmp_path / "to")
    assert result.exit_code == 1
    assert "Sign at https://example.org" in result.stderr


def test_without_the_extra_the_way_to_install_it_is_told(run, monkeypatch, tmp_path):
    for name in ("pneumoscope.data.fetch.run", "pneumoscope.data.fetch.http"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "requests", None)
    result = run("made-up", "--to", tmp_path / "to")
    assert result.exit_code == 1
    assert result.stderr.endswith("pneumoscope data fetch needs the 'fetch' extra: pip install 'pneumoscope[fetch]'\n")
    assert not (tmp_path / "to").exists()
