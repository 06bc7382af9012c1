from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumoscope.core.files import sha256_file
from pneumoscope.core.manifest import Listing
from pneumoscope.data import survey as module
from pneumoscope.data.survey import SCALARS, squashed, survey
from tests.helpers import row

SIZE = (300, 400)


def film(path: Path, pixels: np.ndarray, mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def listed(root: Path, *names: str, **changes) -> Listing:
    digest = {name: sha256_file(root / name) if (root / name).exists() else "" for name in names}
    return Listing(root, tuple(row(name, digest=digest[name], **changes) for name in names))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    ramp = np.tile(np.linspace(0, 255, SIZE[1]), (SIZE[0], 1)).astype(np.uint8)
    film(tmp_path / "ramp.png", ramp)
    film(tmp_path / "colour.png", ramp, "RGB")
    film(tmp_path / "noise.png", np.random.default_rng(0).integers(0, 256, SIZE).astype(np.uint8))
    film(tmp_path / "blurred.png", np.full(SIZE, 128, np.uint8))
    (tmp_path / "broken.png").write_bytes((tmp_path / "ramp.png").read_bytes()[:100])
    return tmp_path


def test_measurements_are_those_of_the_film(root):
    found = survey(listed(root, "ramp.png"), root / "cache")
    measured = dict(zip(SCALARS, found.columns(*SCALARS)[0], strict=True))
    pixels = np.asarray(
        Image.open(root / "ramp.png").convert("F").resize((224, 224), Image.Resampling.BILINEAR), np.float64
    )
    pixels /= 255
    assert (measured["width"], measured["height"]) == (400, 300)
    assert measured["aspect"] == pytest.approx(4 / 3)
    assert measured["bytes_per_pixel"] == pytest.approx((root / "ramp.png").stat().st_size / (300 * 400))
    assert measured["mean"] == pytest.approx(pixels.mean(), abs=1e-4)
    assert measured["std"] == pytest.approx(pixels.std(), abs=1e-4)
    assert measured["left"] == pytest.approx(pixels[:, :8].mean(), abs=1e-4)
    assert measured["right"] == pytest.approx(pixels[:, -8:].mean(), abs=1e-4)
    assert measured["top"] == measured["bottom"] == pytest.approx(0.5, abs=0.01)
    assert measured["dark"] == pytest.approx((pixels < 0.04).mean(), abs=1e-6)
    assert measured["grain_x"] == pytest.approx(np.abs(np.diff(pixels, axis=1)).mean(), abs=1e-6)
    assert measured["grain_y"] == pytest.approx(0, abs=1e-6)
    assert measured["colour"] == measured["markers"] == 0
    np.testing.assert_allclose(found.thumbs[0][0], 255 * pixels[0].reshape(32, 7).mean(1), atol=1)


def test_sharp_and_flat_films_are_told_apart(root):
    found = survey(listed(root, "noise.png", "blurred.png"), root / "cache")
    noise, flat = found.rows["sharpness"]
    assert noise > 0.1
    assert flat == 0


def test_a_colour_container_is_told(root):
    found = survey(listed(root, "colour.png", "ramp.png"), root / "cache")
    assert found.rows["colour"].tolist() == [1, 0]
    np.testing.assert_array_equal(found.thumbs[0], found.thumbs[1])


def test_a_film_that_cannot_be_read_is_a_row_that_says_why(root):
    found = survey(listed(root, "ramp.png", "broken.png", "gone.png"), root / "cache")
    assert found.readable.tolist() == [True, False, False]
    assert "cut short" in found.errors[1] or "decoded" in found.errors[1]
    assert "no such file" in found.errors[2]
    assert np.isnan(found.columns(*SCALARS)[1:]).all()
    assert len(found.only(found.readable)) == 1


def test_films_are_measured_once_and_copies_share_the_result(root, monkeypatch):
    (root / "copy.png").write_bytes((root / "ramp.png").read_bytes())
    names = []
    original = module.read
    monkeypatch.setattr(module, "read", lambda path, **options: names.append(path.name) or original(path, **options))
    films = listed(root, "ramp.png", "noise.png", "copy.png")
    first = survey(films, root / "cache")
    assert sorted(names) == ["noise.png", "ramp.png"]
    np.testing.assert_array_equal(first.thumbs[0], first.thumbs[2])
    again = survey(films, root / "cache")
    assert len(names) == 2
    np.testing.assert_array_equal(first.rows, again.rows)


def test_squashed_is_what_is_surveyed(root):
    np.testing.assert_allclose(squashed(root / "ramp.png").mean() / 255, 0.5, atol=0.01)
    assert squashed(root / "noise.png").shape == (224, 224)
