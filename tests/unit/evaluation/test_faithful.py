from __future__ import annotations

import msgspec
import numpy as np
import pytest

from pneumoscope.core import Radiograph
from pneumoscope.data import open_manifest
from pneumoscope.evaluation.faithful import FILLS, Faithfulness, Patch, elsewhere, faithfulness, filled
from pneumoscope.evaluation.labelled import LabelledFilms
from pneumoscope.predict import Predictor
from tests.helpers import SIZE, flat


def film_of(pixels: np.ndarray) -> Radiograph:
    grey = np.divide(pixels, 255, dtype=np.float32)
    return Radiograph(pixels=grey, digest="d" * 64, full_size=grey.shape, container="png")


@pytest.mark.parametrize(
    ("region", "control"),
    [
        (Patch(10, 5, 30, 25), Patch(10, 75, 30, 95)),  # mirrored
        (Patch(0, 40, 50, 60), Patch(0, 20, 50, 40)),  # across the middle: beside it
        (Patch(0, 0, 40, 100), Patch(40, 0, 80, 100)),  # as wide as the film: below it
        (Patch(60, 0, 100, 100), Patch(20, 0, 60, 100)),  # above it
    ],
)
def test_a_control_is_the_mirror_image_or_as_near_to_it_as_there_is_room(region, control):
    assert elsewhere(region, (100, 100)) == control


@pytest.mark.parametrize("seed", range(30))
def test_a_control_is_as_large_and_meets_no_region(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(3, 90, 2))
    top, left = (int(rng.integers(0, side)) for side in shape)
    region = Patch(top, left, int(rng.integers(top + 1, shape[0] + 1)), int(rng.integers(left + 1, shape[1] + 1)))
    fits = [max(start, side - stop) >= stop - start for start, stop, side in zip(*edges(region), shape, strict=True)]
    control = elsewhere(region, shape)
    assert (control is not None) is any(fits)
    if control:
        assert (control.height, control.width) == (region.height, region.width)
        assert min(control.top, control.left) >= 0
        assert control.bottom <= shape[0]
        assert control.right <= shape[1]
        taken = np.zeros(shape)
        taken[region.pixels] += 1
        taken[control.pixels] += 1
        assert taken.max() == 1


def edges(patch: Patch) -> tuple[tuple[int, int], tuple[int, int]]:
    return (patch.top, patch.left), (patch.bottom, patch.right)


@pytest.mark.parametrize("fill", FILLS)
def test_a_filled_patch_holds_nothing_of_the_films_detail_and_the_rest_all(fill):
    noise = np.random.default_rng(0).integers(0, 256, (120, 90)).astype(np.uint8)
    film, patch = film_of(noise), Patch(30, 20, 90, 70)
    pixels = filled(film, patch, fill, np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)).pixels
    outside = np.ones(pixels.shape, bool)
    outside[patch.pixels] = False
    np.testing.assert_array_equal(pixels[outside], film.pixels[outside])
    inside = pixels[patch.pixels]
    assert np.abs(np.diff(inside, axis=0)).max() < 0.1 < np.abs(np.diff(film.pixels, axis=0)).max()
    if fill == "typical":
        assert inside[:, -1].mean() > inside[:, 0].mean() + 0.1


def test_the_tiny_networks_answers_hang_on_its_region_by_hand(predictor, labelled):
    """Its logit is the mean grey: a bright quarter filled with the typical film loses it, a dark one gains a little."""
    bright = np.full(SIZE, 140)
    bright[:8, :16] = 255
    typical = np.array(predictor.bundle.spec.typical_film)
    result = faithfulness(predictor, labelled((1, bright), (0, bright), (1, np.full(SIZE, 20)), (1, b"nothing")))
    assert (result.films, result.without, result.crowded, result.tested, result.patients) == (2, 0, 0, 2, 2)
    assert result.area == pytest.approx(8 * 16 / (24 * 32))
    by_fill = {deletion.fill: deletion for deletion in result.deletions}
    assert list(by_fill) == list(FILLS)
    found = by_fill["typical"]
    paint = filled(film_of(bright), Patch(0, 0, 24, 32), "typical", typical.astype(np.float32)).pixels
    changes = [
        16 * float((paint - film_of(bright).pixels)[patch.pixels].sum()) / (24 * 32)
        for patch in (Patch(0, 0, 8, 16), Patch(0, 16, 8, 32))
    ]
    assert found.region.value == pytest.approx(changes[0], abs=1e-4)
    assert found.control.value == pytest.approx(changes[1], abs=1e-4)
    assert found.excess.value == pytest.approx(changes[1] - changes[0], abs=1e-4)
    assert found.more.value == 1.0
    assert msgspec.json.decode(msgspec.json.encode(result), type=Faithfulness) == result


def test_films_that_tell_nothing_are_counted(predictor, labelled):
    """A film that is bright all over has its region everywhere, and no room for a control."""
    result = faithfulness(predictor, labelled((1, flat(200)), (0, flat(30))))
    assert result == Faithfulness(films=1, without=0, crowded=1, tested=0, patients=0)


def test_films_of_one_patient_give_no_figures(predictor, labelled):
    bright = np.full(SIZE, 140)
    bright[:8, :16] = 255
    result = faithfulness(predictor, labelled((1, bright), (1, bright + 0), patients=["p", "p"]))
    assert (result.tested, result.patients, result.deletions) == (2, 1, ())


def test_a_network_that_looks_elsewhere_than_its_map_says_is_found_out(predictor, labelled):
    """The same network with its map mirrored: now the control lowers the answer more."""

    class Liar:
        name = "liar"

        def run(self, films):
            answer = predictor.engine.run(films)
            return answer._replace(cam=np.ascontiguousarray(answer.cam[..., ::-1]))

    bright = np.full(SIZE, 140)
    bright[:8, :16] = 255
    films = labelled((1, bright), (1, bright - 1))
    honest, lying = (faithfulness(one, films).deletions[1] for one in (predictor, Predictor(predictor.bundle, Liar())))
    assert honest.excess.low > 0
    assert lying.excess.high < 0
    assert (honest.more.value, lying.more.value) == (1.0, 0.0)


def test_the_packaged_bundles_answers_hang_on_its_regions(demo_films):
    predictor = Predictor.open()
    films = LabelledFilms.of(open_manifest(demo_films).only("train"), predictor.bundle.spec)
    result = faithfulness(predictor, films, jobs=1)
    assert result.tested >= 8
    assert all(deletion.excess.value > 0 for deletion in result.deletions)
