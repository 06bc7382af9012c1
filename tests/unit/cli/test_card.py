from __future__ import annotations

import json

import pytest

from pneumoscope.bundle import load_bundle
from tests.helpers import write_tiny


@pytest.fixture
def metrics(tiny_bundle, tmp_path):
    found = {
        "format": "pneumoscope-metrics",
        "schema_version": 1,
        "bundle": {"digest": load_bundle(tiny_bundle).digest, "operating_point": "balanced", "threshold": 0.5},
        "data": {"sources": ["made-up"], "split": "test", "films": 5, "positive": 3, "patients": 5},
        "metrics": {"accuracy": {"value": 0.6, "low": 0.2, "high": 0.9}},
        "confusion": {"true_positive": 2, "false_positive": 1, "true_negative": 1, "false_negative": 1},
        "intervals": "95%",
    }
    (tmp_path / "metrics.json").write_text(json.dumps(found))
    return tmp_path / "metrics.json"


def test_it_prints_the_packaged_bundles_card(run):
    result = run("card")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"# pneumoscope-children {load_bundle().spec.version}\n")
    assert "\n## Known failures\n" in result.stdout


def test_it_writes_a_page(run, tiny_bundle, metrics, tmp_path):
    out = tmp_path / "new" / "card.html"
    result = run("card", tiny_bundle, "--out", out, "--evaluation", metrics)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert f"wrote {out}" in result.stderr
    html = out.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "0.600 (0.200-0.900)" in html


@pytest.mark.parametrize(
    ("options", "start"), [(("--format", "html"), "<!doctype html>"), (("--format", "markdown"), "# tiny 1.2")]
)
def test_the_format_can_be_named(run, tiny_bundle, options, start, tmp_path):
    assert run("card", tiny_bundle, *options).stdout.startswith(start)
    run("card", tiny_bundle, *options, "--out", tmp_path / "card.html")
    assert (tmp_path / "card.html").read_text(encoding="utf-8").startswith(start)


def test_an_evaluation_of_another_bundle_is_refused(run, metrics, tmp_path):
    other = write_tiny(tmp_path / "other", version="9")
    result = run("card", other, "--evaluation", metrics, "--out", tmp_path / "card.md")
    assert result.exit_code == 1
    assert "expected an evaluation of this bundle" in result.stderr
    assert not (tmp_path / "card.md").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nowhere",), 1),
        (("default", "--evaluation", "nowhere.json"), 2),
        (("default", "--format", "pdf"), 2),
    ],
)
def test_misuse_is_told(run, arguments, code):
    assert run("card", *arguments).exit_code == code
