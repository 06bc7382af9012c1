from __future__ import annotations

import json

import msgspec
import pytest

from pneumoscope.bundle import load_bundle
from pneumoscope.bundle.card import card, model_card
from pneumoscope.bundle.markdown import markdown
from pneumoscope.bundle.spec import Interval
from pneumoscope.core import PneumoscopeError
from pneumoscope.core.document import Paragraph, Section
from pneumoscope.report.document_html import document_html
from pneumoscope.report.model_card import full_card, read_evaluation
from tests.helpers import tiny_spec, write_tiny
from tests.unit.report.conftest import HOSTILE
from tests.unit.report.test_html import Page


@pytest.fixture
def bundle(tiny_bundle):
    return load_bundle(tiny_bundle)


@pytest.fixture
def evaluated(bundle, tmp_path):
    """Write a ``metrics.json`` of the tiny bundle, changed as told, and read it."""

    def _evaluated(*, digest=None, **changes):
        found = {
            "format": "pneumoscope-metrics",
            "schema_version": 1,
            "bundle": {
                "name": "tiny",
                "digest": digest or bundle.digest,
                "operating_point": "balanced",
                "threshold": 0.5,
            },
            "data": {"sources": ["nih", "rsna"], "split": "test", "films": 1624, "patients": 428, "unreadable": 2},
            "metrics": {
                "auc": {"value": 0.988, "low": 0.978, "high": 0.995},
                "recall": {"value": 0.99, "low": 0.974, "high": 0.998},
                "specificity": {"value": 0.7, "low": 0.65, "high": 0.75},
                "mcc": {"value": None, "low": None, "high": None},
            },
            "confusion": {"true_positive": 386, "false_positive": 31, "true_negative": 203, "false_negative": 4},
            "intervals": "95%; by patient",
            "program": "pneumoscope 0.1.0",
            "of_a_later_version": [1, 2],
        }
        path = tmp_path / "metrics.json"
        path.write_text(json.dumps(found | changes))
        return read_evaluation(path, bundle)

    return _evaluated


def lines(bundle, found=None):
    return markdown(full_card(bundle, found)).splitlines()


def test_it_is_the_bundles_own_card_with_known_failures(bundle):
    own, told = model_card(bundle.spec).splitlines(), lines(bundle)
    place = told.index("## Known failures")
    end = told.index("## Operating points")
    assert told[:place] + told[end:] == own
    assert told[place + 2] == (
        "- On no films, at the operating point balanced, it misses 10.0% (5.0% to 20.0%) of the films with pneumonia "
        "and raises a false alarm over 10.0% (5.0% to 20.0%) of those without."
    )
    assert "no evaluation was given" in told[place + 3]


def test_an_evaluations_figures_come_after_the_bundles_own(bundle, evaluated):
    told = lines(bundle, evaluated())
    place = told.index("## Measured on split test of nih, rsna")
    assert told.index("## Measured on no films") < place < told.index("## Known failures")
    assert told[place + 2] == (
        "624 films of 428 patients, 390 with pneumonia, at the operating point balanced (positive from 0.500). 2 more "
        "could not be read."
    )
    assert told[place + 4 : place + 10] == [
        "| measure | value (95% interval) |",
        "| --- | --- |",
        "| Recall (sensitivity) | 0.990 (0.974-0.998) |",
        "| Specificity | 0.700 (0.650-0.750) |",
        "| Matthews correlation (MCC) | not defined |",
        "| AUC (area under the ROC curve) | 0.988 (0.978-0.995) |",
    ]
    assert "Intervals: 95%; by patient." in told


def test_failures_are_counted_and_a_fall_is_named(bundle, evaluated):
    told = lines(bundle, evaluated())
    assert "- Of 390 films of split test with pneumonia it missed 4." in told
    assert "- Of 234 films of split test without pneumonia it raised a false alarm over 31." in told
    (fall,) = [line for line in told if " fell from " in line]
    assert fall == (
        "- Its specificity fell from 0.900 (0.800-0.950) on the films that the operating point was chosen on to 0.700 "
        "(0.650-0.750) on split test."
    )


def test_a_fall_within_the_intervals_is_none(bundle, evaluated):
    figures = {"recall": {"value": 0.8, "low": 0.7, "high": 0.85}, "specificity": {"value": 0.95}}
    assert not [line for line in lines(bundle, evaluated(metrics=figures)) if " fell from " in line]


def test_of_an_operating_point_that_the_bundle_has_not_no_fall_is_told(bundle, evaluated):
    about = {"digest": bundle.digest, "operating_point": "other", "threshold": 0.3}
    assert not [line for line in lines(bundle, evaluated(bundle=about)) if " fell from " in line]


def test_a_class_without_films_is_not_counted(bundle, evaluated):
    counts = {"true_positive": 3, "false_negative": 1, "true_negative": 0, "false_positive": 0}
    told = lines(bundle, evaluated(confusion=counts))
    assert not [line for line in told if "false alarm over" in line and "split" in line]


def test_an_evaluation_of_another_bundle_is_refused(evaluated):
    with pytest.raises(PneumoscopeError, match=r"metrics\.json: expected an evaluation of this bundle .*sha256 abab"):
        evaluated(digest="ab" * 32)


@pytest.mark.parametrize("text", [b"", b"[]", b'{"bundle": 1}', b"\xff\xfe", b'{"metrics": {}}', b"{}"])
def test_a_file_that_is_no_evaluation_is_refused(bundle, tmp_path, text):
    (tmp_path / "metrics.json").write_bytes(text)
    with pytest.raises(
        PneumoscopeError, match=r"metrics\.json: expected the metrics\.json that 'pneumoscope evaluate --bundle'"
    ):
        read_evaluation(tmp_path / "metrics.json", bundle)


def test_a_file_of_a_later_version_or_of_scores_is_refused(evaluated):
    for changes in ({"schema_version": 2}, {"format": "other"}, {"bundle": None}):
        with pytest.raises(PneumoscopeError, match="that 'pneumoscope evaluate --bundle' writes"):
            evaluated(**changes)


def test_what_an_evaluation_cautions_of_stands_beside_its_figures(bundle, evaluated):
    told = lines(bundle, evaluated(cautions=["Outside the intended population: adults."]))
    place = told.index("**Warning.** Outside the intended population: adults.")
    assert told[place - 4] == "## Measured on split test of nih, rsna"
    assert told[place + 2] == "| measure | value (95% interval) |"


def test_it_says_what_a_probability_means(bundle):
    told = lines(bundle)
    place = told.index("## What a probability means")
    assert told[place + 2] == "- pneumonia: holds among films of which 50% show it."


def test_no_share_is_a_false_zero(tmp_path):
    figure = Interval(value=0.9999, low=0.99, high=1.0)
    points = tiny_spec().operating_points
    first = msgspec.structs.replace(points[0], sensitivity=figure, specificity=figure)
    told = lines(load_bundle(write_tiny(tmp_path / "b", operating_points=(first, *points[1:]))))
    assert any(r"it misses \<0.1% (0% to 1.0%) of the films with pneumonia" in line for line in told)


def test_as_markdown_it_shows_a_hostile_bundle_and_does_nothing(tmp_path):
    text = "<script>alert(1)</script> | [a](b)\n# c\x1b[2J"
    bundle = load_bundle(write_tiny(tmp_path / "b", name=text, intended_use=text, exclusions=(text,), licence=text))
    told = markdown(full_card(bundle))
    assert told.replace("\n", "").isprintable()
    assert "<script>" not in told
    assert "\n# c" not in told
    assert told.count(r"\<script\>alert(1)\</script\> \| \[a\](b)\\n# c\\x1b\[2J") == 4


def test_further_sections_do_not_change_the_bundles_own_card():
    spec = tiny_spec(metrics={"auc": Interval(value=0.9, low=0.8, high=0.95)})
    further = Section("x", "Further", (Paragraph("More."),))
    assert markdown(card(spec, (further,))).replace("## Further\n\nMore.\n\n", "") == model_card(spec)


def test_as_a_page_it_shows_a_hostile_bundle_and_does_nothing(tmp_path):
    text = "".join(HOSTILE[:4])
    bundle = load_bundle(write_tiny(tmp_path / "b", name=text, intended_use=text, exclusions=(text,), licence=text))
    page = Page(document_html(full_card(bundle)))
    assert page.text.count("<script>alert(1)</script>") >= 5
    assert len(page.all("script")) == 1
    assert not page.all("img")
    assert [one["id"] for one in page.all("section")] == [
        *("use", "not-for", "measured", "failures", "probability", "points", "film", "graph", "origin"),
    ]


def test_the_spec_of_every_figure_is_told(bundle):
    page = Page(document_html(full_card(bundle)))
    for point in bundle.spec.operating_points:
        assert point.name in page.text
        assert str(point.sensitivity) in page.text
    assert f"Licence of this model: {bundle.spec.licence}." in page.text
    assert msgspec.structs.asdict(bundle.spec)["intended_use"] in page.text


def test_a_second_answer_has_figures_of_its_own(bundle, evaluated):
    metrics = {"auc": {"value": 0.91, "low": 0.88, "high": 0.94}, "recall": {"value": 0.9, "low": 0.8, "high": 0.95}}
    metrics["specificity"] = {"value": 0.7, "low": 0.6, "high": 0.8}
    second = {"label": "bacterial", "given": "pneumonia", "otherwise": "viral", "films": 390, "metrics": metrics}
    told = lines(bundle, evaluated(second=[second | {"whole": {}}]))
    assert any("bacterial rather than viral, on the 390 films with pneumonia" in line for line in told)
    assert "| Recall of bacterial | 0.900 (0.800-0.950) |" in told
    assert "| Recall of viral | 0.700 (0.600-0.800) |" in told
    assert told.index("| Specificity | 0.700 (0.650-0.750) |") < told.index(
        "| Recall of bacterial | 0.900 (0.800-0.950) |"
    )
