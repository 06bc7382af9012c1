"""Random changes: the same for the same generator, nothing where nothing is asked for."""

import pytest
import torch
from torchvision.transforms.v2.functional import gaussian_blur, horizontal_flip

from pneumoscope.training.augment import _blur, augment
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
