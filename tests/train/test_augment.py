"""Random changes: the same for the same generator, nothing where nothing is asked for."""

import math

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import binomtest
from torch.nn.functional import affine_grid
from torchvision.ops import masks_to_boxes
from torchvision.transforms.v2.functional import gaussian_blur, horizontal_flip

from pneumoscope.training.augment import _blur, _crop, _points, augment
from pneumoscope.training.recipe import Augmentation, load_recipe

pytestmark = pytest.mark.train


def films(n: int = 4, size: int = 64) -> torch.Tensor:
    return torch.rand(n, 1, size, size, generator=torch.Generator().manual_seed(0))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_no_augmentation_changes_nothing_at_half_size() -> None:
    """At half the size, sampling at twice that size meets the pixels themselves: the result is their 2x2 mean."""
    changed = augment(films(), 32, Augmentation(), seeded(1))
    torch.testing.assert_close(changed, torch.nn.functional.avg_pool2d(films(), 2), rtol=0, atol=1e-5)


def test_flip_alone_is_a_mirror_image() -> None:
    flipped = augment(films(), 32, Augmentation(flip=1.0), seeded(1))
    straight = augment(films(), 32, Augmentation(), seeded(1))
    torch.testing.assert_close(flipped, horizontal_flip(straight), rtol=0, atol=1e-5)


def test_the_same_seed_gives_the_same_films_and_another_gives_others() -> None:
    spec = load_recipe("mobilenetv2").augmentation
    one, same, other = (augment(films(), 48, spec, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_films_stay_films_and_each_has_its_own_draw() -> None:
    spec = load_recipe("mobilenetv2").augmentation
    changed = augment(films(1).expand(16, -1, -1, -1), 48, spec, seeded(3))
    assert changed.shape == (16, 1, 48, 48)
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert len({round(float(film.mean()), 6) for film in changed}) == 16


def test_blur_agrees_with_torchvision() -> None:
    pictures = films(2)
    blurred = _blur(pictures, torch.tensor([0.8, 1.5]).view(2, 1, 1, 1))
    for picture, ours, sigma in zip(pictures, blurred, (0.8, 1.5), strict=True):
        theirs = gaussian_blur(picture, kernel_size=[9, 9], sigma=[sigma, sigma])
        torch.testing.assert_close(ours[:, 4:-4, 4:-4], theirs[:, 4:-4, 4:-4], rtol=0, atol=1e-4)


def test_global_random_numbers_are_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    augment(films(), 32, load_recipe("mobilenetv2").augmentation, seeded(1))
    assert torch.equal(torch.rand(1), expected)


def after_the_crop(pictures: torch.Tensor, spec: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """What was done to cropped films when the packaged model was trained."""

    def draw(bounds: tuple[float, float], log: bool = False) -> torch.Tensor:
        low, high = (math.log(bound) for bound in bounds) if log else bounds
        drawn = low + (high - low) * torch.rand((len(pictures), 1, 1, 1), generator=generator)
        return drawn.exp() if log else drawn

    amount, sigma = draw(spec.sharpness), draw(spec.blur)
    pictures = pictures + amount * (pictures - _blur(pictures, sigma))
    pictures = pictures.clamp(0.0, 1.0) ** draw(spec.gamma, log=True)
    mean = pictures.mean(dim=(2, 3), keepdim=True)
    pictures = mean + (pictures - mean) * draw(spec.contrast, log=True)
    pictures = pictures + draw(spec.brightness)
    deviation = draw(spec.noise)
    return (pictures + deviation * torch.randn(pictures.shape, generator=generator)).clamp(0.0, 1.0)


def test_the_packaged_recipe_draws_what_it_always_drew_to_the_last_bit() -> None:
    spec = load_recipe("mobilenetv2").augmentation
    ours, theirs = seeded(7), seeded(7)
    changed = augment(films(8), 48, spec, ours)
    assert torch.equal(changed, after_the_crop(_crop(films(8), 48, spec, theirs), spec, theirs))
    assert torch.equal(ours.get_state(), theirs.get_state())


@pytest.mark.parametrize("size", [31, 64, 352])
def test_points_are_those_of_torchs_affine_grid(size: int) -> None:
    maps = 2 * torch.rand(5, 2, 3, generator=seeded(0)) - 1
    expected = affine_grid(maps, [5, 1, size, size], align_corners=False)
    torch.testing.assert_close(_points(maps, size), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [0.25, 0.5, 0.8])
def test_resolution_is_pillows_shrinking_and_enlarging(scale: float) -> None:
    changed = augment(films(), 32, Augmentation(resolution=(scale, scale)), seeded(1))
    small = round(32 * scale)
    for ours, straight in zip(changed, augment(films(), 32, Augmentation(), seeded(1)), strict=True):
        picture = Image.fromarray(straight[0].numpy())
        shrunk = picture.resize((small, small), Image.Resampling.BILINEAR)
        expected = np.asarray(shrunk.resize((32, 32), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(ours[0].numpy(), expected, rtol=0, atol=1e-5)


def test_each_film_has_a_resolution_of_its_own() -> None:
    changed = augment(films(1).expand(12, -1, -1, -1), 32, Augmentation(resolution=(0.2, 1.0)), seeded(1))
    detail = changed.diff(dim=3).abs().mean(dim=(1, 2, 3))
    assert len(detail.unique()) > 6
    assert detail.max() > 2 * detail.min()


@pytest.mark.parametrize("share", [0.05, 0.2, 0.9])
def test_erasing_paints_a_rectangle_of_that_area_with_the_films_mean(share: float) -> None:
    straight = augment(films(40), 64, Augmentation(), seeded(1))
    erased = augment(films(40), 64, Augmentation(erasing=1.0, erased=(share, share)), seeded(1))
    masks = (straight != erased)[:, 0]
    boxes = masks_to_boxes(masks).int()
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    for film, plain, mask, (left, top, right, bottom) in zip(erased, straight, masks, boxes.tolist(), strict=True):
        assert mask[top : bottom + 1, left : right + 1].all()
        torch.testing.assert_close(film[0][mask], plain.mean().expand(int(mask.sum())))
    assert ((sides - (share * 64**2 / sides.flip(1))).abs() <= 2 + 64 / sides.flip(1)).all()


def test_erased_rectangles_lie_anywhere_and_are_as_long_as_zhong_et_al_let_them_be() -> None:
    spec = Augmentation(erasing=1.0, erased=(0.1, 0.1))
    straight, erased = (augment(films(400), 64, each, seeded(1)) for each in (Augmentation(), spec))
    masks = (straight != erased)[:, 0]
    boxes = masks_to_boxes(masks)
    aspects = (boxes[:, 2] - boxes[:, 0] + 1) / (boxes[:, 3] - boxes[:, 1] + 1)
    assert 0.26 < aspects.min() < 0.36
    assert 1 / 0.36 < aspects.max() < 1 / 0.26
    assert abs(float(aspects.log().mean())) < 0.15
    assert masks.any(dim=0).float().mean() > 0.95
    assert [*boxes.amin(dim=0)[:2], *boxes.amax(dim=0)[2:]] == [0, 0, 63, 63]


def test_films_are_erased_with_the_chance_that_was_asked_for() -> None:
    straight = augment(films(400), 32, Augmentation(), seeded(1))
    erased = augment(films(400), 32, Augmentation(erasing=0.3), seeded(1))
    hits = int((straight != erased).flatten(1).any(dim=1).sum())
    assert binomtest(hits, 400, 0.3).pvalue > 0.01


def test_other_channels_go_where_the_film_goes_and_keep_their_tone() -> None:
    spec = load_recipe("mobilenetv2").augmentation
    spec = msgspec.structs.replace(spec, resolution=(0.3, 0.9), erasing=1.0, erased=(0.2, 0.2))
    geometry = Augmentation(area=spec.area, aspect=spec.aspect, rotation=spec.rotation, flip=spec.flip)
    both = torch.cat([films(6), films(6)], dim=1)
    changed, moved = augment(both, 48, spec, seeded(4)), augment(films(6), 48, geometry, seeded(4))
    assert torch.equal(changed[:, :1], augment(films(6), 48, spec, seeded(4)))
    kept = changed[:, 1].isclose(moved[:, 0], rtol=0, atol=1e-6)
    assert 0.75 < kept.float().mean() < 0.85
    fill = changed[:, 0].masked_fill(kept, torch.nan).flatten(1)
    assert (fill.nan_to_num(-1).amax(dim=1) == fill.nan_to_num(2).amin(dim=1)).all()


def test_autocast_changes_nothing() -> None:
    """A network's arithmetic in bfloat16 would move a film's pixels by a few of them."""
    spec = msgspec.structs.replace(load_recipe("mobilenetv2").augmentation, resolution=(0.3, 0.9), erasing=0.5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = augment(films(), 48, spec, seeded(1))
    assert torch.equal(within, augment(films(), 48, spec, seeded(1)))
