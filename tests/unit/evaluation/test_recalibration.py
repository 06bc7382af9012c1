from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import msgspec
import numpy as np
import pytest

from pneumoscope.bundle import bundle_files, load_bundle
from pneumoscope.bundle.card import model_card
from pneumoscope.core import BundleError, ManifestError
from pneumoscope.core.manifest import Film, Manifest
from pneumoscope.data import open_manifest
from pneumoscope.evaluation.recalibration import Recalibration, recalibrate, save_recalibrated
from pneumoscope.predict import Predictor
from pneumoscope.stats.delong import newcombe_auc
from tests.helpers import (
    GAIN,
    INTERCEPT,
    SLOPE,
    flat,
    tiny_contents,
    tiny_golden,
    tiny_graph,
    write_second,
    write_several,
    write_tiny,
)
from tests.phantoms import film as phantom
from tests.phantoms import put

Site = Callable[..., Manifest]


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("bundle.points", "evaluation.recalibration", "evaluation.verdict"):
        monkeypatch.setattr(import_module(f"pneumoscope.{module}"), "RESAMPLES", 50)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A flat film each of so many patients of each class. Unless ``moved``, the tiny bundle's log-odds of it are right.

    They are normal around +-``spread`` with a variance of twice that, so that a film of log-odds x is sick with odds
    exp(x). The tiny bundle's log-odds of a flat film of grey g are SLOPE * GAIN * (2 * g - 1) + INTERCEPT.
    """

    def _site(
        positive: int = 60, negative: int = 60, *, spread: float = 3.0, moved: float = 0.0, seed: int = 0
    ) -> Manifest:
        rng = np.random.default_rng(seed)
        labels = np.repeat([1, 0], [positive, negative])
        odds = spread * (2 * labels - 1) + moved + np.sqrt(2 * spread) * rng.normal(size=len(labels))
        greys = np.clip(((odds - INTERCEPT) / (SLOPE * GAIN) + 1) / 2, 0, 1)
        root = tmp_path / f"site-{seed}-{moved}-{len(labels)}-{spread}"
        films = [
            put(root, f"{i:03}.png", flat(round(255 * grey)), label=int(label), source="ward", split="", patient=str(i))
            for i, (grey, label) in enumerate(zip(greys, labels, strict=True))
        ]
        return Manifest(root, tuple(films))

    return _site


def thresholds(result: Recalibration) -> dict[str, float]:
    return {point.name: point.threshold for point in result.spec.operating_points}


# What is fitted


def test_a_site_whose_films_are_all_darker_gets_its_balance_back(tiny_bundle, site):
    """All log-odds there are 3 too low, so that at first hardly a sick film is found."""
    films = site(moved=-3.0)
    result = recalibrate(tiny_bundle, films)
    assert result.fitted.family == "intercept"
    before, after = result.change.calibration_before, result.change.calibration_after
    assert (after.slope, after.bend, after.prevalence) == (before.slope, before.bend, before.prevalence)
    assert after.intercept - before.intercept == pytest.approx(3.0, abs=0.8)
    balanced = result.spec.operating_point("balanced")
    assert min(balanced.sensitivity.value, balanced.specificity.value) > 0.8
    metrics = result.change.metrics
    assert metrics["log_loss_after"].value < 0.5 * metrics["log_loss_before"].value
    assert result.verdict.outcome == "usable"
    assert thresholds(result).keys() == {"balanced", "screening", "rule-in"}


def test_figures_are_those_of_films_held_back(tiny_bundle, site):
    """With 30 patients of each class screening must find the lowest sick film; held back, that film is missed."""
    films = site(30, 30)
    result = recalibrate(tiny_bundle, films)
    screening = result.spec.operating_point("screening")
    assert "0 of 30 given up" in screening.rule
    predictor = Predictor.open(tiny_bundle)
    on_top = result.fitted.calibration
    scores = []
    for film in films.films:
        p = predictor.read(films.root / film.path).finding.probability
        scores.append(float(on_top.probability(np.log(p / (1 - p)))))
    sick = [score for score, film in zip(scores, films.films, strict=True) if film.label == 1]
    assert screening.threshold == pytest.approx(min(sick), abs=1e-9)
    assert screening.sensitivity.value == pytest.approx(29 / 30)
    assert "held back by patient in 10 folds" in screening.data


def test_patients_count_and_not_their_films(tiny_bundle, site):
    """Each film four times: neither a higher aim nor a richer family."""
    films = site(32, 32)
    many = replace(films, films=tuple(copied(films.root, film, i) for film in films.films for i in range(4)))
    once, again = recalibrate(tiny_bundle, films), recalibrate(tiny_bundle, many)
    assert thresholds(again) == pytest.approx(thresholds(once), abs=1e-3)
    assert [p.aim for p in again.spec.operating_points] == [p.aim for p in once.spec.operating_points]
    assert again.change.positive.films == 4 * once.change.positive.films
    assert again.change.positive.patients == once.change.positive.patients


def copied(root: Path, film: Film, i: int) -> Film:
    path = f"copy-{i}-{film.path}"
    (root / path).write_bytes((root / film.path).read_bytes())
    return replace(film, path=path)


def test_only_films_of_the_split_are_used(tiny_bundle, site):
    films = site()
    split = [replace(film, split="val" if int(film.digest, 16) % 3 else "test") for film in films.films]
    change = recalibrate(tiny_bundle, replace(films, films=tuple(split)), split="val").change
    used = sum(film.split == "val" for film in split)
    assert change.positive.films + change.negative.films == used < 120
    assert change.data == f"{used} films of ward, split val"


def test_films_that_cannot_be_read_are_counted(tiny_bundle, site):
    films = site()
    (films.root / films.films[0].path).write_bytes(b"not a film")
    assert recalibrate(tiny_bundle, films).change.data == "119 films of ward (1 could not be read)"


# What is written


def test_films_that_the_bundle_refuses_are_counted(gated_bundle, site):
    """They are all of one grey."""
    films = site()
    change = recalibrate(gated_bundle, films).change
    assert change.positive.films + change.negative.films == len(films)
    assert change.data.endswith(f", {len(films)} of which it refuses")


def test_films_that_made_its_gate_are_not_called_recalibrated_with(tiny_bundle, site, tmp_path):
    films = site()
    change = msgspec.structs.replace(recalibrate(tiny_bundle, films).change, what="given a gate")
    with pytest.raises(ManifestError, match=r"tiny 1\.2 was given a gate with these films already"):
        recalibrate(write_tiny(tmp_path / "b", history=(change,)), films)


def test_the_new_bundle_keeps_graph_and_golden_films_and_tells_its_history(tiny_bundle, site, tmp_path):
    films = site(moved=-1.0)
    old = load_bundle(tiny_bundle)
    result = recalibrate(tiny_bundle, films)
    new = save_recalibrated(result, tmp_path / "new.zip")
    before, after = bundle_files(tiny_bundle), bundle_files(tmp_path / "new.zip")
    assert {name for name in before if before[name] != after[name]} == {"MODEL_CARD.md"}
    assert after["MODEL_CARD.md"].decode() == model_card(new.spec)
    (change,) = new.spec.history
    assert (change.digest, change.name, change.version) == (old.digest, "tiny", "1.2")
    assert (change.what, change.manifest_digest) == ("recalibrated", films.digest)
    assert change.thresholds_before == {"balanced": 0.5, "sensitive": 0.2}
    assert change.thresholds_after == thresholds(result)
    assert new.spec.version.startswith("1.2+site.2")
    assert new.spec.exclusions[:-1] == old.spec.exclusions
    assert new.spec.exclusions[-1].startswith("Films unlike the 120 films of ward")
    assert new.digest != old.digest
    card = model_card(new.spec)
    assert "## History" in card
    assert f"tiny 1.2 (`{old.digest[:16]}`) recalibrated with 120 films of ward" in card
    reading = Predictor.open(tmp_path / "new.zip", operating_point="screening").read(flat(200))
    assert reading.finding.positive
    assert reading.finding.sure is not None


def test_heat_maps_keep_their_scale(tiny_bundle, site, tmp_path):
    """Evidence moves with the calibration: strong evidence is the same logit as before."""
    films = site(moved=-1.0)
    result = recalibrate(tiny_bundle, films)
    old, new = load_bundle(tiny_bundle).spec.labels[0], result.spec.labels[0]
    logit = (old.strong_evidence - old.calibration.intercept) / old.calibration.slope
    assert new.strong_evidence == pytest.approx(float(new.calibration.log_odds(np.array(logit))))


def test_a_second_recalibration_needs_newer_films(tiny_bundle, site, tmp_path):
    first = site(seed=1)
    save_recalibrated(recalibrate(tiny_bundle, first), tmp_path / "first")
    with pytest.raises(ManifestError, match=r"recalibrated with these films already.*start from .* tiny 1\.2"):
        recalibrate(tmp_path / "first", first)
    again = save_recalibrated(recalibrate(tmp_path / "first", site(seed=2)), tmp_path / "second").spec
    assert [change.digest for change in again.history] == [
        load_bundle(tiny_bundle).digest,
        load_bundle(tmp_path / "first").digest,
    ]
    assert len([item for item in again.exclusions if item.startswith("Films unlike")]) == 1
    assert again.version.count("+") == 1


# What is refused


@pytest.mark.parametrize(
    ("positive", "negative", "says"),
    [(24, 25, "got 49 films"), (9, 60, "9 patients with and 60 without"), (60, 0, "60 patients with and 0 without")],
)
def test_too_few_films_and_one_class_are_refused(tiny_bundle, site, positive, negative, says):
    with pytest.raises(ManifestError, match=says):
        recalibrate(tiny_bundle, site(positive, negative))


def test_films_that_the_model_has_learned_from_are_refused(site, tmp_path):
    films = site()
    bundle = write_tiny(tmp_path / "own", manifest_digest=films.digest)
    with pytest.raises(ManifestError, match=r"tiny 1\.2 was trained with this manifest"):
        recalibrate(bundle, films)


def test_a_bundle_with_several_labels_is_refused(site, tmp_path):
    bundle = write_several(tmp_path / "b", {"pneumonia": 4.0, "tumour": 1.0})
    with pytest.raises(BundleError, match="asks one label of every film, got 2"):
        recalibrate(bundle, site())


def test_films_that_have_changed_are_refused(tiny_bundle, site):
    films = site()
    (films.root / films.films[3].path).write_bytes(flat(1))
    with pytest.raises(ManifestError, match=r"003\.png has changed"):
        recalibrate(tiny_bundle, films)


# May it be used


def test_phantoms_that_say_nothing_of_their_label_make_no_usable_model(tiny_bundle, tmp_path):
    films = [put(tmp_path / "site", f"{i}.png", phantom(i), label=i % 2, patient=str(i), split="") for i in range(60)]
    result = recalibrate(tiny_bundle, Manifest(tmp_path / "site", tuple(films)))
    assert result.verdict.outcome == "not usable"
    assert result.refused
    assert any("below 0.80" in reason for reason in result.verdict.reasons)


def test_films_in_perfect_order_do_not_prove_a_perfect_order(tiny_bundle, site):
    """All resampled sites are in perfect order too; Newcombe's interval knows how few patients there are."""
    area = recalibrate(tiny_bundle, site(32, 32, spread=20.0)).change.metrics["auc"]
    assert (area.value, area.high) == (1.0, 1.0)
    assert area.low == pytest.approx(newcombe_auc(1.0, 32, 32)[0])
    assert area.low < 0.95


def test_too_few_patients_for_a_promise_leave_it_open(tiny_bundle, site):
    result = recalibrate(tiny_bundle, site(25, 35, spread=5.0))
    assert result.verdict.outcome == "not shown to be usable"
    assert not result.refused
    assert "too few patients to promise a recall of 0.90." in " ".join(result.verdict.reasons)
    assert "screening" not in thresholds(result)
    assert "no screening point, as a recall of 0.9" in result.spec.operating_point("balanced").rule
    assert result.spec.exclusions[-1].startswith("Not shown to be usable on the 60 films of ward")


# In place of another


@pytest.fixture
def reversed_bundle(tmp_path: Path) -> Path:
    """A newer model that ranks films the wrong way round."""
    graph = tiny_graph(-GAIN)
    return write_tiny(tmp_path / "reversed", tiny_contents(graph, tiny_golden(graph).to_bytes()), version="2.0")


def test_a_newer_model_takes_the_place_of_one_that_it_is_as_good_as(tiny_bundle, site, tmp_path):
    films = site()
    old = save_recalibrated(recalibrate(tiny_bundle, site(seed=3)), tmp_path / "old")
    graph = tiny_graph(1.5 * GAIN)
    newer = write_tiny(tmp_path / "newer", tiny_contents(graph, tiny_golden(graph).to_bytes()), version="2.0")
    result = recalibrate(newer, films, upgrades=tmp_path / "old")
    assert result.comparison is not None
    assert (result.comparison.may_replace, result.refused) == (True, False)
    assert result.comparison.difference.value == pytest.approx(0.0, abs=1e-9)
    assert result.change.replaces == old.digest
    assert result.spec.history[0].digest == load_bundle(newer).digest
    assert f"Takes the place of `{old.digest[:16]}`." in model_card(result.spec)


def test_a_newer_model_must_tell_what_the_one_in_use_tells(tiny_bundle, site, tmp_path):
    viral = msgspec.structs.replace(load_bundle(tiny_bundle).spec.labels[0], name="viral")
    other = write_tiny(tmp_path / "other", labels=(viral,))
    with pytest.raises(BundleError, match="a bundle that tells pneumonia, as the newer one does, got one for viral"):
        recalibrate(tiny_bundle, site(), upgrades=other)


def test_a_newer_model_that_is_worse_does_not(tiny_bundle, site, reversed_bundle):
    result = recalibrate(reversed_bundle, site(), upgrades=tiny_bundle)
    assert result.comparison is not None
    assert not result.comparison.may_replace
    assert result.refused
    assert "worse by a margin of 0.02" in result.comparison.reasons[0]


# Real films


def test_the_packaged_bundle_on_the_demo_films(demo_films, tmp_path):
    result = recalibrate("default", open_manifest(demo_films))
    new = save_recalibrated(result, tmp_path / "new")
    base = load_bundle()
    assert new.graph == base.graph
    assert bundle_files(tmp_path / "new")["golden.npz"] == bundle_files()["golden.npz"]
    change = new.spec.history[-1]
    assert (new.spec.history[:-1], change.digest) == (base.spec.history, base.digest)
    assert change.positive.films == change.negative.films == 32
    assert [point.aim for point in new.spec.operating_points] == [None, 0.9, 0.9]
    assert msgspec.json.decode(msgspec.json.encode(new.spec), type=type(new.spec)) == new.spec


@pytest.mark.data
def test_films_of_the_official_test_folder_stand_in_for_a_site(data_folder, tmp_path):
    """A slice: every eighth film."""
    films = open_manifest(data_folder / "kermany224").only("test")
    result = recalibrate("default", replace(films, films=films.films[::8]))
    assert result.change.positive.films + result.change.negative.films == 78
    assert result.change.metrics["auc"].value > 0.9
    assert result.verdict.outcome in ("usable", "not shown to be usable")


# A second answer


def test_a_second_answer_stays_as_it_is_and_says_so(site, tmp_path):
    """Even where the site's films say which kind of pneumonia they show: too few of them can be sick."""
    bundle = write_second(tmp_path / "second", exclusions=("Everything else",))
    films = site(moved=-1.0)
    kinds = [replace(f, subtype=("bacterial", "viral")[i % 2] if f.label else "") for i, f in enumerate(films.films)]
    result = recalibrate(bundle, replace(films, films=tuple(kinds)))
    new = save_recalibrated(result, tmp_path / "new")
    (first, second), before = new.spec.labels, load_bundle(bundle).spec
    assert second == before.labels[1]
    assert first.calibration != before.labels[0].calibration
    assert [item for item in new.spec.exclusions if "bacterial" in item] == [
        "Answers after the first (bacterial) were not measured there: calibration and threshold are those of the model "
        "as it was made."
    ]
    again = recalibrate(tmp_path / "new", site(seed=2)).spec
    assert len([item for item in again.exclusions if item.startswith("Answers after")]) == 1


def test_the_first_answer_is_recalibrated_as_if_there_were_no_second(tiny_bundle, site, tmp_path):
    films = site(moved=-1.0)
    alone, among = recalibrate(tiny_bundle, films), recalibrate(write_second(tmp_path / "second"), films)
    assert among.spec.labels[0] == alone.spec.labels[0]
    assert among.spec.operating_points == alone.spec.operating_points
    assert among.change.metrics == alone.change.metrics
