from __future__ import annotations

from math import exp

import msgspec
import numpy as np
import pytest
from sklearn import metrics

from pneumoscope.core import ManifestError
from pneumoscope.core.files import sha256_file
from pneumoscope.data import open_manifest
from pneumoscope.evaluation.labelled import LabelledFilms
from pneumoscope.evaluation.perturb import PERTURBATIONS
from pneumoscope.evaluation.robustness import Robustness, robustness
from pneumoscope.predict import Predictor
from tests.helpers import RAMP, SIZE
from tests.phantoms import phantom

GREYS = [40, 100, 118, 121, 60, 110, 150, 200]
TRUTH = [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.fixture
def films(labelled):
    return labelled(*((label, np.full(SIZE, grey)) for grey, label in zip(GREYS, TRUTH, strict=True)))


def probability(grey: float) -> float:
    """The tiny bundle's, by hand: positive from grey 119.53 on."""
    return 1 / (1 + exp(-(8 * (2 * min(max(grey, 0), 255) / 255 - 1) + 0.5)))


def level_of(result: Robustness, name: str, level: float):
    (curve,) = (curve for curve in result.curves if curve.name == name)
    return next(one.effect for one in curve.levels if one.level == level)


def test_what_brightness_does_by_hand(predictor, films):
    result = robustness(predictor, films, names=["brightness"])
    darker, brighter = (level_of(result, "brightness", level) for level in (-0.2, 0.1))
    assert (result.films, result.of, result.unreadable) == (8, 8, 0)
    assert result.unperturbed.recall.value == 0.5  # 150 and 200
    assert result.unperturbed.specificity.value == 0.75  # 121 is called positive
    # 25.5 brighter: 100 and 118 become alarms, 110 is found
    assert (brighter.lost, brighter.found, brighter.alarms, brighter.cleared) == (0, 1, 2, 0)
    assert brighter.measured.recall.value == 0.75
    assert brighter.measured.specificity.value == 0.25
    assert brighter.changed.value == pytest.approx(3 / 8)
    expected = np.mean([probability(grey + 25.5) - probability(grey) for grey in GREYS])
    assert brighter.mean_change == pytest.approx(expected, abs=1e-5)
    # 51 darker: 150 is lost, 121 is cleared
    assert (darker.lost, darker.found, darker.alarms, darker.cleared) == (1, 0, 0, 1)


def test_an_inverted_film_is_counted_as_flagged(predictor, labelled):
    films = labelled((0, RAMP), (1, RAMP // 2 + 40), (1, RAMP[:, ::-1]))
    effect = level_of(robustness(predictor, films, names=["inversion"]), "inversion", 1)
    assert effect.flags == {"inverted": 2}  # the third is flagged as it is, and no longer when inverted
    assert effect.flagged.value == pytest.approx(2 / 3)


def test_the_films_as_they_are_are_measured_as_sklearn_does(predictor, films):
    found = robustness(predictor, films, names=["flip"]).unperturbed
    called = np.array(GREYS) >= 120
    assert found.auc.value == pytest.approx(metrics.roc_auc_score(TRUTH, GREYS))
    assert found.recall.value == pytest.approx(metrics.recall_score(TRUTH, called))
    assert found.specificity.value == pytest.approx(metrics.recall_score(TRUTH, called, pos_label=0))
    assert (found.films, found.positive, found.patients) == (8, 4, 8)


def test_all_perturbations_and_levels_are_there_whatever_the_threads(predictor, labelled):
    films = labelled(*((i % 2, phantom(i, 0.3 + 0.05 * i, side=48)) for i in range(6)))
    one, other = (robustness(predictor, films, jobs=jobs) for jobs in (1, 3))
    assert one == other
    for curve, (name, how) in zip(one.curves, PERTURBATIONS.items(), strict=True):
        assert (curve.name, curve.title, curve.unit, curve.identity) == (name, how.title, how.unit, how.identity)
        assert tuple(level.level for level in curve.levels) == how.levels
    assert msgspec.json.decode(msgspec.json.encode(one), type=Robustness) == one


def test_films_that_cannot_be_read_are_counted_and_a_sample_is_smaller(predictor, labelled):
    films = labelled((0, b"nothing"), *((i % 2, np.full(SIZE, 100 + i)) for i in range(20)))
    result = robustness(predictor, films, names=["flip"])
    assert (result.films, result.of, result.unreadable) == (20, 21, 1)
    sampled = robustness(predictor, films, most=8, names=["flip"])
    assert sampled.films + sampled.unreadable == 8
    assert sampled.of == 21


def test_without_any_film_that_can_be_read_there_is_no_answer(predictor, labelled):
    with pytest.raises(ManifestError, match="films that can be read, found none among 1"):
        robustness(predictor, labelled((0, b"nothing")))


def test_each_level_is_told_of(predictor, films):
    told = []

    def progress(items, total):
        told.append(total)
        return items

    robustness(predictor, films, names=["flip"], progress=progress)
    assert told == [8]


def test_the_packaged_bundle_flags_negatives_and_bears_with_its_own_noise(demo_films):
    predictor = Predictor.open(force=True)
    manifest = open_manifest(demo_films)
    chosen = LabelledFilms.of(manifest.only("test"), predictor.bundle.spec).only([0, 5, 17, 25])
    result = robustness(predictor, chosen, names=["inversion", "brightness"], jobs=1)
    assert level_of(result, "inversion", 1).flags == {"inverted": 4}
    slight, strong = (level_of(result, "brightness", level).mean_change for level in (0.1, 0.3))
    assert 0 < slight < strong
    assert sha256_file(chosen.root / chosen.films[0].path) == chosen.films[0].digest
