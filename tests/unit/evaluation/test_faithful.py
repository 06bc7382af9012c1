from __future__ import annotations

import msgspec
import numpy as np
import pytest

from pneumoscope.core import Radiograph
from pneumoscope.data import open_manifest
from pneumoscope.evaluation.faithful import (
    FILLS,
    Faithfulness,
    Patch,
    elsewhere,
    faithfulness,
    filled,
    on_pixels,
    shown,
    strongest,
)
from pneumoscope.evaluation.labelled import LabelledFilms
from pneumoscope.imaging.preprocess import Preprocessing, map_over_film
from pneumoscope.predict import Predictor
from pneumoscope.predict.regions import regions_of
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
    assert elsewhere(region, Patch(0, 0, 100, 100)) == control


@pytest.mark.parametrize("seed", range(30))
def test_a_control_is_as_large_and_meets_no_region(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(3, 90, 2))
    top, left = (int(rng.integers(0, side)) for side in shape)
    region = Patch(top, left, int(rng.integers(top + 1, shape[0] + 1)), int(rng.integers(left + 1, shape[1] + 1)))
    fits = [max(start, side - stop) >= stop - start for start, stop, side in zip(*edges(region), shape, strict=True)]
    if not any(fits):
        with pytest.raises(ValueError, match="leaves room"):
            elsewhere(region, Patch(0, 0, *shape))
        return
    control = elsewhere(region, Patch(0, 0, *shape))
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


@pytest.mark.parametrize("shape", [(120, 90), (61, 200), (24, 32)])
@pytest.mark.parametrize("seed", range(5))
def test_the_strongest_part_of_a_region_leaves_room_and_has_the_most_heat(seed, shape):
    """Against every place that it could have had."""
    heat = np.random.default_rng(seed).random((6, 8)).astype(np.float32)
    film = film_of(np.zeros(shape))
    region = Patch(0, 0, *shape)
    part = strongest(region, heat, film, region)
    assert (part.height, part.width) == (shape[0] // 2, shape[1] // 3)
    assert elsewhere(part, region)
    warm = np.repeat(np.repeat(heat, 40, axis=0), 40, axis=1)
    rows, columns = (
        (np.arange(side) + 0.5) * 40 * cells // side for side, cells in zip(shape, heat.shape, strict=True)
    )
    pixels = warm[np.ix_(rows.astype(int), columns.astype(int))]

    def within(top: int, left: int) -> float:
        return float(pixels[top : top + part.height, left : left + part.width].sum())

    best = max(
        within(top, left) for top in range(shape[0] - part.height + 1) for left in range(shape[1] - part.width + 1)
    )
    assert within(part.top, part.left) > 0.97 * best


def test_a_small_region_is_its_own_strongest_part():
    region, film = Patch(30, 40, 60, 60), film_of(np.zeros((100, 100)))
    assert strongest(region, np.ones((7, 7), np.float32), film, Patch(0, 0, 100, 100)) == region


def test_the_first_of_parts_that_are_as_hot_is_taken():
    """Whatever sums of thirds are rounded to."""
    film = film_of(np.zeros((210, 210)))
    heat = np.full((7, 7), 1 / 3, np.float32)
    assert strongest(Patch(0, 0, 210, 210), heat, film, Patch(0, 0, 210, 210)) == Patch(0, 0, 105, 70)


@pytest.mark.parametrize("size", [(400, 1000), (1000, 400)])
def test_patch_and_control_lie_in_what_a_network_that_crops_is_shown(size):
    """A control that the network does not see would change nothing, and any region would seem to matter more."""
    film, spec = film_of(np.zeros(size)), Preprocessing(size=(224, 224), aspect="crop")
    evidence = np.full((7, 7), -1.0)
    evidence[2:5, 1:6] = 5.0
    heat = map_over_film(np.clip(evidence / 10, 0, 1).astype(np.float32), film, spec)
    (region,) = regions_of(evidence, film, spec)
    seen = shown(film, spec)
    assert (seen.height, seen.width) == (400, 400)
    part = strongest(on_pixels(region, film), heat, film, seen)
    assert (part.height, part.width) == (172, 133)
    for patch in (part, elsewhere(part, seen)):
        assert seen.top <= patch.top < patch.bottom <= seen.bottom
        assert seen.left <= patch.left < patch.right <= seen.right


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
    """Its logit is the mean grey: a bright cell filled with the typical film loses it, another gains or loses less."""
    bright = np.full(SIZE, 140)
    bright[:8, :8] = 255
    typical = np.array(predictor.bundle.spec.typical_film)
    result = faithfulness(predictor, labelled((1, bright), (0, bright), (1, np.full(SIZE, 20)), (1, b"nothing")))
    assert (result.films, result.without, result.tested, result.patients) == (2, 0, 2, 2)
    assert result.area == pytest.approx(8 * 8 / (24 * 32))
    by_fill = {deletion.fill: deletion for deletion in result.deletions}
    assert list(by_fill) == list(FILLS)
    found = by_fill["typical"]
    paint = filled(film_of(bright), Patch(0, 0, 24, 32), "typical", typical.astype(np.float32)).pixels
    changes = [
        16 * float((paint - film_of(bright).pixels)[patch.pixels].sum()) / (24 * 32)
        for patch in (Patch(0, 0, 8, 8), Patch(0, 24, 8, 32))
    ]
    assert found.region.value == pytest.approx(changes[0], abs=1e-4)
    assert found.control.value == pytest.approx(changes[1], abs=1e-4)
    assert found.excess.value == pytest.approx(changes[1] - changes[0], abs=1e-4)
    assert found.more.value == 1.0
    assert msgspec.json.decode(msgspec.json.encode(result), type=Faithfulness) == result


def test_films_that_tell_nothing_are_counted(predictor, labelled):
    """In a film that is bright all over no region stands out; the dark one is negative."""
    result = faithfulness(predictor, labelled((1, flat(200)), (0, flat(30))))
    assert result == Faithfulness(films=1, without=1, tested=0, patients=0)


def test_films_of_one_patient_give_no_figures(predictor, labelled):
    bright = np.full(SIZE, 140)
    bright[:8, :8] = 255
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
    bright[:8, :8] = 255
    films = labelled((1, bright), (1, bright - 1))
    honest, lying = (faithfulness(one, films).deletions[1] for one in (predictor, Predictor(predictor.bundle, Liar())))
    assert honest.excess.low > 0
    assert lying.excess.high < 0
    assert (honest.more.value, lying.more.value) == (1.0, 0.0)


def test_the_packaged_bundles_answers_hang_on_its_regions(demo_films):
    predictor = Predictor.open(force=True)
    films = LabelledFilms.of(open_manifest(demo_films).only("train"), predictor.bundle.spec)
    result = faithfulness(predictor, films, jobs=1)
    assert result.tested >= 8
    assert all(deletion.excess.value > 0 for deletion in result.deletions)
