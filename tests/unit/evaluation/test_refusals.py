"""An evaluation measures what a bundle would not answer, too, and says how much that is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pneumoscope.core import ManifestError
from pneumoscope.core.files import sha256_bytes
from pneumoscope.core.manifest import Manifest
from pneumoscope.evaluation import evaluate, read_metrics, report_of, write_figures
from pneumoscope.predict import Predictor
from pneumoscope.report.evaluation.sections import evaluation_document
from tests.helpers import chest, picture, row, write_gated, write_tiny

DOWN = np.ascontiguousarray(np.rot90(chest(), 2))
FILMS = [(1, chest()), (1, chest((48, 64))), (1, DOWN), (0, chest((30, 40))), (0, 255 - chest()), (0, 255 - DOWN)]


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    films = []
    for i, (label, pixels) in enumerate(FILMS):
        data = picture(pixels)
        (tmp_path / f"{i}.png").write_bytes(data)
        films.append(row(f"{i}.png", label=label, patient=f"p{i}", digest=sha256_bytes(data), split="test"))
    return Manifest(tmp_path, tuple(films))


def test_figures_are_those_of_all_films_whatever_would_be_refused(manifest, gated_bundle, tiny_bundle):
    gated = evaluate(Predictor.open(gated_bundle), manifest, "test").summary
    plain = evaluate(Predictor.open(tiny_bundle), manifest, "test").summary
    assert gated.metrics == plain.metrics
    assert gated.confusion == plain.confusion
    assert plain.refusals is None


def test_what_would_be_refused_is_counted_by_class_and_reason(manifest, gated_bundle):
    found = evaluate(Predictor.open(gated_bundle), manifest, "test").summary.refusals
    assert found
    # the negative of a film upside down is as bright in the lower right corner as a film should be, if less so
    assert found.refused + found.answered == 6
    assert found.reasons["upside-down"] == 1
    assert found.positive.value == pytest.approx(1 / 3)
    assert sum(found.reasons.values()) == found.refused
    assert found.share.value == pytest.approx(found.refused / 6)
    c = found.confusion
    assert c.true_positive + c.false_negative == 2
    assert found.metrics["recall"].value == c.true_positive / 2


def test_a_correction_does_not_better_the_figures_either(manifest, gated_bundle):
    plain = evaluate(Predictor.open(gated_bundle), manifest, "test").summary
    assert evaluate(Predictor.open(gated_bundle, correct=True), manifest, "test").summary.metrics == plain.metrics


def test_scores_and_report_tell_it(manifest, gated_bundle, tmp_path):
    result = evaluate(Predictor.open(gated_bundle), manifest, "test")
    write_figures(result, tmp_path / "out")
    lines = (tmp_path / "out" / "scores.csv").read_text().splitlines()
    assert lines[0].endswith(",abstention")
    assert lines[3].endswith("upside-down")
    assert read_metrics(tmp_path / "out").refusals == result.summary.refusals
    document = evaluation_document(report_of(result.summary, result.spec, root=manifest.root))
    section = next(section for section in document.sections if section.title == "Not answered")
    assert "would not be better if more were refused" in str(section.blocks[0])


def test_a_split_of_which_all_would_be_refused_is_measured(manifest, tmp_path):
    """Everything is too bright for this gate."""
    from tests.helpers import tiny_gate

    bundle = write_gated(tmp_path / "b", gate=tiny_gate(other_from=-1e9))
    found = evaluate(Predictor.open(bundle), manifest, "test").summary
    assert found.refusals
    assert (found.refusals.refused, found.refusals.answered, found.refusals.metrics) == (6, 0, {})
    assert found.metrics["accuracy"].value is not None


def test_a_population_alone_is_counted_too(manifest, tmp_path):
    from pneumoscope.bundle.spec import Population

    bundle = write_tiny(tmp_path / "b", population=Population(ages=(1, 5)))
    found = evaluate(Predictor.open(bundle), manifest, "test").summary.refusals
    assert found
    assert (found.refused, found.answered) == (0, 6)
    with pytest.raises(ManifestError):
        evaluate(Predictor.open(bundle), manifest, "val")
