"""What the tiny gate makes of pictures, each beside one just within its bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pneumoscope.bundle import ModelBundle, load_bundle
from pneumoscope.bundle.spec import Kind, Poor
from pneumoscope.core import Radiograph
from pneumoscope.imaging.orientation import negative, turned
from pneumoscope.predict.gate import LIMITS, REMEDIES, Verdict, judge
from tests.helpers import SIZE, chest, tiny_gate

SIDE = (32, 32)


@pytest.fixture(scope="module")
def bundle(gated_bundle) -> ModelBundle:
    return load_bundle(gated_bundle)


def film(pixels: np.ndarray | None = None, **header: Any) -> Radiograph:
    greys = (chest() if pixels is None else pixels).astype(np.float32)
    greys = greys / 255 if pixels is None else greys
    return Radiograph(pixels=greys.astype(np.float32), digest="", full_size=SIZE, container="dicom", **header)


def verdict(one: Radiograph, bundle: ModelBundle, cells: np.ndarray | None = None) -> Verdict:
    """With the features that the tiny graph has of such films, unless they are given."""
    found = np.full(12, 0.5) if cells is None else cells
    return judge(one, one.pixels, found.astype(np.float32), bundle)


def codes(found: Verdict) -> tuple[list[str], list[str]]:
    return [reason.code for reason in found.reasons], [flag.code for flag in found.flags]


def test_a_film_as_it_should_be_is_answered(bundle):
    assert codes(verdict(film(), bundle)) == ([], [])


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (negative, "inverted"),
        (lambda one: turned(one, 1), "turned-left"),
        (lambda one: turned(one, 2), "upside-down"),
        (lambda one: turned(one, -1), "turned-right"),
    ],
)
def test_what_came_wrongly_is_refused_by_its_name_with_what_puts_it_right(bundle, spoil, kind):
    came = spoil(film())
    found = verdict(came, bundle)
    assert codes(found)[0] == [kind]
    assert found.remedy == kind
    righted = REMEDIES[kind].apply(came)
    np.testing.assert_allclose(righted.pixels, film().pixels, atol=1e-6)
    assert not verdict(righted, bundle).reasons


@pytest.mark.parametrize("kind", REMEDIES)
def test_a_map_of_the_film_put_right_lies_over_the_film_as_it_came(kind):
    came = np.random.default_rng(0).random((3, 4)).astype(np.float32)
    righted = REMEDIES[kind].apply(film(came)).pixels
    back = REMEDIES[kind].map_back(righted)
    np.testing.assert_allclose(back if kind != "inverted" else 1 - back, came, atol=1e-6)


def test_another_picture_is_refused_and_nothing_helps(bundle):
    stripes = np.tile(np.repeat(np.array([0.2, 0.8] * 4, np.float32), 4), (24, 1))
    found = verdict(film(stripes), bundle)
    assert codes(found)[0] == ["not-frontal-chest"]
    assert found.remedy is None


def test_a_film_with_features_of_its_own_is_new(bundle):
    """Above exp(-0.5) = 0.61 of the squared length in the first feature."""
    for share, expected in ((0.62, ["novel"]), (0.60, [])):
        cells = np.zeros(12)
        cells[:2] = np.sqrt(share), np.sqrt(1 - share)
        assert codes(verdict(film(), bundle, cells))[0] == expected


def test_a_blank_film_is_refused_as_nothing_but_blank(bundle):
    found = verdict(film(np.full(SIZE, 0.5)), bundle)
    assert codes(found) == (["blank"], [])


def test_a_film_beyond_a_limit_is_refused_with_its_measure(bundle):
    for middle, expected in ((0.91, ["too-bright"]), (0.89, [])):
        greys = film().pixels
        bright = 1 - (1 - middle) * (1 - greys) / (1 - np.quantile(greys[::2, ::2], 0.5))
        found = verdict(film(np.clip(bright, 0, 1)), bundle)
        assert codes(found)[0] == expected
        assert all("% of white; no film that the model has learned from" in reason.message for reason in found.reasons)


def test_header_and_picture_each_give_their_reasons_and_a_wrong_header_is_not_put_right(bundle):
    found = verdict(negative(film(modality="CT", view="XX", age=40)), bundle)
    assert codes(found) == (["wrong-modality", "wrong-age", "inverted"], ["wrong-view"])
    assert found.remedy is None


def test_a_bundle_without_a_gate_refuses_nothing(tiny_bundle):
    plain = load_bundle(tiny_bundle)
    found = verdict(negative(film(modality="CT", age=40)), plain)
    assert codes(found)[0] == []
    assert "wrong-modality" in codes(found)[1]


def test_every_kind_and_every_limit_of_the_schema_has_its_words():
    assert set(Poor.__args__) == set(LIMITS)
    assert set(REMEDIES) < set(Kind.__args__)
    assert set(tiny_gate().kinds) <= set(Kind.__args__)
