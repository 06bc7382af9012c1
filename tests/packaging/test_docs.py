"""Docs that fail when they drift from the code and the results."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pneumoscope.bundle import PACKAGED, bundle_path, load_bundle
from pneumoscope.bundle.card import model_card
from pneumoscope.cli import main
from pneumoscope.evaluation import read_metrics
from pneumoscope.evaluation.schema import BundleFacts, Confusion, Data, Figure, Metrics, ScoresFacts
from pneumoscope.evaluation.scores import COLUMNS, OPTIONAL
from pneumoscope.stats.curves import Curves
from pneumoscope.stats.weighted import chosen, decided, scored, together

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("writer", ["readme", "claims", "ablation_page"])
def test_pages_say_what_the_results_say(writer: str) -> None:
    done = subprocess.run(
        [sys.executable, f"benchmarks/{writer}.py", "--check"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_results_are_those_of_the_packaged_bundle() -> None:
    digest = load_bundle().digest
    for name, place in {"default": "official-test", "accurate": "official-test-accurate"}.items():
        official = read_metrics(ROOT / "results" / place)
        assert official.bundle
        assert official.bundle.digest == load_bundle(name).digest
    for path in (ROOT / "results/benchmarks").glob("*.json"):
        bundle = json.loads(path.read_text())["bundle"]
        assert not bundle or bundle["sha256"] == digest, path.name


@pytest.mark.parametrize("name", PACKAGED)
def test_the_card_is_that_of_the_packaged_bundle(name: str) -> None:
    assert (bundle_path(name) / "MODEL_CARD.md").read_text(encoding="utf-8") == model_card(load_bundle(name).spec)


def test_the_card_can_tell_the_official_figures() -> None:
    result = CliRunner().invoke(main, ["card", "--evaluation", str(ROOT / "results/official-test/metrics.json")])
    assert result.exit_code == 0
    assert "of split test with pneumonia it missed" in result.stdout


def test_every_command_in_the_docs_exists_with_its_options() -> None:
    """Of all pages, where a command starts a line of a code block."""
    runner = CliRunner()
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    lines = [line for page in pages for line in page.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()]
    commands = [line.split("#")[0].split()[1:] for line in lines if line.startswith("pneumoscope ")]
    assert len(commands) > 10
    for words in commands:
        path = words[: 2 if words[0] == "data" else 1]
        asked = runner.invoke(main, [*path, "--help"])
        assert asked.exit_code == 0, path
        for option in (word.strip("[]") for word in words if word.strip("[").startswith("--")):
            assert option in asked.output, f"{path} {option}"


def test_the_evaluation_page_names_every_measure_and_every_key() -> None:
    page = (ROOT / "docs/evaluation.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page))
    labels, p = np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]])
    measures = together(scored(labels, p[:, 1]), decided(labels, labels), chosen(labels, p))(np.ones(2))
    keys = [
        key
        for part in (Metrics, BundleFacts, ScoresFacts, Data, Figure, Confusion, Curves)
        for key in part.__struct_fields__
    ]
    assert {*measures, *keys} <= named
    rows = re.findall(r"^\| (`.*?`) \|", page, flags=re.MULTILINE)
    known = {*measures, *keys, *COLUMNS, *OPTIONAL}
    assert {word for row in rows for word in re.findall(r"`(\w+)`", row)} <= known


def test_every_file_the_docs_link_to_exists() -> None:
    for document in [ROOT / "README.md", ROOT / "demo/README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_packaged_bundles_are_small_and_complete() -> None:
    sizes = {name: sum(path.stat().st_size for path in bundle_path(name).iterdir()) for name in PACKAGED}
    assert sizes["default"] <= 6_000_000
    assert sum(sizes.values()) <= 25_000_000
    for packaged in map(load_bundle, PACKAGED):
        assert packaged.gate
        assert packaged.spec.labels[0].certainty
        assert {point.name for point in packaged.spec.operating_points} == {"balanced", "screening", "rule-in"}


def test_the_demo_set_is_small_and_attributed() -> None:
    films = list((ROOT / "demo/films").rglob("*.jpeg"))
    assert 0 < len(films) <= 64
    assert "CC BY 4.0" in (ROOT / "demo/README.md").read_text()
    assert "CC BY 4.0" in (ROOT / "NOTICE").read_text()
