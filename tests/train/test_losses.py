"""Losses against torch's, torchvision's and scikit-learn's, and against what they promise."""

import msgspec
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import beta, kstest
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, kl_div, one_hot
from torchvision.ops import sigmoid_focal_loss

from pneumoscope.training.losses import (
    _focal,
    class_weights,
    distillation_loss,
    exclusive_weights,
    film_loss,
    mixup,
)
from pneumoscope.training.recipe import Distillation, Optimisation, load_recipe

pytestmark = pytest.mark.train

PLAIN = Optimisation(label_smoothing=0.0)
SMOOTHED = Optimisation(label_smoothing=0.1)
FOCAL = Optimisation(loss="focal", label_smoothing=0.1)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_logits(films: int, labels: int, spread: float = 2.0) -> Tensor:
    return (spread * torch.randn(films, labels, generator=seeded())).requires_grad_()


def some_answers(films: int, labels: int) -> Tensor:
    return (torch.rand(films, labels, generator=seeded(1)) < 0.3).float()


def some_classes(films: int, labels: int) -> Tensor:
    return torch.randint(labels, (films,), generator=seeded(1))


def gradient(loss: Tensor, logits: Tensor) -> Tensor:
    return torch.autograd.grad(loss, logits)[0]


# Weights


def test_class_weights_of_each_label_are_those_of_scikit_learn_over_its_known_films() -> None:
    targets = some_answers(200, 3).numpy()
    targets[::7, 1] = np.nan
    weights = class_weights(targets)
    for label, answers in enumerate(targets.T):
        known = answers[~np.isnan(answers)]
        expected = compute_class_weight("balanced", classes=np.array([0.0, 1.0]), y=known)
        np.testing.assert_allclose(weights[:, label], expected, rtol=1e-6)
        np.testing.assert_allclose(weights[known.astype(int), label].mean(), 1.0, rtol=1e-5)


@pytest.mark.parametrize("answer", [0.0, 1.0, np.nan])
def test_a_label_with_one_answer_has_nothing_to_balance(answer: float) -> None:
    assert class_weights(np.full((5, 1), answer, np.float32)).tolist() == [[1.0], [1.0]]


def test_exclusive_weights_are_those_of_scikit_learn_over_the_known_films() -> None:
    classes = some_classes(100, 3).numpy()
    targets = np.eye(3, dtype=np.float32)[classes]
    targets[::9, 2] = np.nan
    known = classes[~np.isnan(targets).any(axis=1)]
    expected = compute_class_weight("balanced", classes=np.arange(3), y=known)
    np.testing.assert_allclose(exclusive_weights(targets), expected, rtol=1e-6)


def test_an_exclusive_label_without_films_has_weight_one() -> None:
    targets = np.float32([[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(exclusive_weights(targets), [4 / 6, 4 / 2, 1])


# Labels on their own


def formula_of_the_packaged_model(logits: Tensor, labels: Tensor, shares: NDArray[np.float32]) -> Tensor:
    """How the loss of one label was computed when the packaged model was trained."""
    share = float(shares.mean())
    weights = torch.where(labels == 1, 0.5 / share, 0.5 / (1 - share))
    smoothing = load_recipe("mobilenetv2").optimisation.label_smoothing
    targets = labels * (1 - smoothing) + smoothing / 2
    return binary_cross_entropy_with_logits(logits.float(), targets, weight=weights)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("films", [1, 7, 32, 100])
def test_one_label_is_learned_as_the_packaged_model_was_to_the_last_bit(films: int, dtype: torch.dtype) -> None:
    spec = load_recipe("mobilenetv2").optimisation
    logits = some_logits(films, 1).to(dtype).detach().requires_grad_()
    labels = some_answers(films, 1)
    all_labels = some_answers(4567, 1).numpy()
    ours = film_loss(logits, labels, spec, torch.from_numpy(class_weights(all_labels)), exclusive=False)
    expected = formula_of_the_packaged_model(logits, labels, all_labels[:, 0])
    assert ours.item() == expected.item()
    assert torch.equal(gradient(ours, logits), gradient(expected, logits))


@pytest.mark.parametrize("spec", [SMOOTHED, FOCAL], ids=lambda spec: spec.loss)
def test_unknown_answers_count_nothing(spec: Optimisation) -> None:
    logits, targets = some_logits(40, 3), some_answers(40, 3)
    weights = torch.from_numpy(class_weights(targets.numpy()))
    unknown = torch.rand(40, 3, generator=seeded(2)) < 0.5
    loss = film_loss(logits, targets.masked_fill(unknown, torch.nan), spec, weights, exclusive=False)
    answers = [
        film_loss(
            logits[i : i + 1, k : k + 1], targets[i : i + 1, k : k + 1], spec, weights[:, k : k + 1], exclusive=False
        )
        for i, k in (~unknown).nonzero().tolist()
    ]
    torch.testing.assert_close(loss, torch.stack(answers).mean())
    assert torch.equal(gradient(loss, logits) == 0, unknown)


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("spec", [SMOOTHED, FOCAL], ids=lambda spec: spec.loss)
def test_nothing_known_teaches_nothing(spec: Optimisation, exclusive: bool) -> None:
    logits = some_logits(4, 2)
    weights = torch.ones(2) if exclusive else torch.ones(2, 2)
    loss = film_loss(logits, torch.full((4, 2), torch.nan), spec, weights, exclusive=exclusive)
    assert loss.item() == 0
    assert torch.equal(gradient(loss, logits), torch.zeros(4, 2))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_focal_loss_is_torchvisions(gamma: float) -> None:
    logits, targets = some_logits(30, 2), some_answers(30, 2)
    weights = torch.tensor([[0.6, 0.8], [3.0, 1.5]])
    spec = Optimisation(loss="focal", focal=gamma, label_smoothing=0.0)
    ours = film_loss(logits, targets, spec, weights, exclusive=False)
    each = sigmoid_focal_loss(logits, targets, alpha=-1, gamma=gamma)
    theirs = (each * torch.where(targets == 1, weights[1], weights[0])).mean()
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(gradient(ours, logits), gradient(theirs, logits))


def test_focal_loss_without_focus_is_cross_entropy_smoothing_included() -> None:
    logits, targets, weights = some_logits(30, 2), some_answers(30, 2), torch.tensor([[0.6, 0.8], [3.0, 1.5]])
    unfocused = msgspec.structs.replace(FOCAL, focal=0.0)
    ours, plain = (film_loss(logits, targets, spec, weights, exclusive=False) for spec in (unfocused, SMOOTHED))
    torch.testing.assert_close(ours, plain)


def test_focal_loss_has_the_gradient_of_its_value() -> None:
    logits = some_logits(6, 2).detach().double().requires_grad_()
    targets = torch.rand(6, 2, generator=seeded(3), dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: _focal(x, targets, 2.0), logits)


def test_focal_loss_is_finite_where_probabilities_round_to_0_and_1() -> None:
    logits = torch.tensor([[200.0], [-200.0], [200.0], [-200.0]], requires_grad=True)
    targets = torch.tensor([[1.0], [0.0], [0.0], [1.0]])
    spec = Optimisation(loss="focal", focal=0.5, label_smoothing=0.0)
    loss = film_loss(logits, targets, spec, torch.ones(2, 1), exclusive=False)
    torch.testing.assert_close(loss, torch.tensor(100.0))
    torch.testing.assert_close(gradient(loss, logits), torch.tensor([[0.0], [0.0], [0.25], [-0.25]]))


# Labels that exclude each other


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_exclusive_labels_are_learned_by_torchs_cross_entropy(smoothing: float) -> None:
    logits, classes = some_logits(20, 4), some_classes(20, 4)
    spec = Optimisation(label_smoothing=smoothing)
    ours = film_loss(logits, one_hot(classes, 4).float(), spec, torch.ones(4), exclusive=True)
    theirs = cross_entropy(logits, classes, label_smoothing=smoothing)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(gradient(ours, logits), gradient(theirs, logits))


def test_exclusive_weights_weigh_as_torchs() -> None:
    logits, classes, weights = some_logits(20, 4), some_classes(20, 4), torch.tensor([0.5, 1.0, 2.0, 3.0])
    ours = film_loss(logits, one_hot(classes, 4).float(), PLAIN, weights, exclusive=True)
    torch.testing.assert_close(ours, cross_entropy(logits, classes, weight=weights, reduction="sum") / 20)


def test_films_of_unknown_class_are_left_out() -> None:
    logits, targets = some_logits(20, 3), one_hot(some_classes(20, 3), 3).float()
    gaps = targets.clone()
    gaps[:5, 1] = torch.nan
    ours = film_loss(logits, gaps, SMOOTHED, torch.tensor([0.5, 1.0, 2.0]), exclusive=True)
    known = film_loss(logits[5:], targets[5:], SMOOTHED, torch.tensor([0.5, 1.0, 2.0]), exclusive=True)
    torch.testing.assert_close(ours, known)
    assert (gradient(ours, logits)[:5] == 0).all()


# All losses


def hard_targets(exclusive: bool) -> Tensor:
    return one_hot(some_classes(300, 3), 3).float() if exclusive else some_answers(300, 3)


def weights_for(targets: Tensor, exclusive: bool) -> Tensor:
    return torch.from_numpy((exclusive_weights if exclusive else class_weights)(targets.numpy()))


CASES = [(SMOOTHED, False), (FOCAL, False), (SMOOTHED, True)]


@pytest.mark.parametrize(("spec", "exclusive"), CASES)
def test_balanced_and_smoothed_a_network_that_sees_nothing_says_nothing(spec: Optimisation, exclusive: bool) -> None:
    """However rare a class is: where all films get a logit of 0, nothing pulls these logits to either side."""
    targets = hard_targets(exclusive)
    targets = targets[(targets[:, 2] == 0) | (torch.arange(300) % 5 == 0)]
    same = torch.zeros(1, 3, requires_grad=True)
    weights = weights_for(targets, exclusive)
    loss = film_loss(same.expand(len(targets), 3), targets, spec, weights, exclusive=exclusive)
    torch.testing.assert_close(gradient(loss, same), torch.zeros(1, 3), rtol=0, atol=1e-6)
    unbalanced = film_loss(same.expand(len(targets), 3), targets, spec, torch.ones_like(weights), exclusive=exclusive)
    assert gradient(unbalanced, same).abs().max() > 0.01


@pytest.mark.parametrize(("spec", "exclusive"), CASES)
def test_a_blend_of_films_has_the_blend_of_their_losses(spec: Optimisation, exclusive: bool) -> None:
    targets = hard_targets(exclusive)
    weights = weights_for(targets, exclusive)
    logits = some_logits(1, 3)

    def loss(target: Tensor) -> Tensor:
        return film_loss(logits, target[None], spec, weights, exclusive=exclusive)

    one, other = targets[targets[:, 0] == 1][0], targets[targets[:, 0] == 0][0]
    torch.testing.assert_close(loss(0.7 * one + 0.3 * other), 0.7 * loss(one) + 0.3 * loss(other))


# Distillation


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_network_that_answers_as_its_teacher_has_learned_all(exclusive: bool) -> None:
    teacher = some_logits(10, 3).detach()
    logits = teacher.clone().requires_grad_()
    loss = distillation_loss(logits, teacher, Distillation(), exclusive=exclusive)
    torch.testing.assert_close(gradient(loss, logits), torch.zeros(10, 3), rtol=0, atol=1e-7)


def test_a_certain_teacher_is_a_label() -> None:
    logits, labels = some_logits(10, 3), some_answers(10, 3)
    taught = distillation_loss(logits, 200 * labels - 100, Distillation(temperature=1.0), exclusive=False)
    torch.testing.assert_close(taught, binary_cross_entropy_with_logits(logits, labels))


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_exclusive_distillation_is_the_divergence_of_torch(temperature: float) -> None:
    logits, teacher = some_logits(10, 3), torch.randn(10, 3, generator=seeded(5))
    ours = distillation_loss(logits, teacher, Distillation(temperature=temperature), exclusive=True)
    softened = (logits / temperature).log_softmax(1), (teacher / temperature).softmax(1)
    torch.testing.assert_close(ours, kl_div(*softened, reduction="batchmean") * temperature**2)


def test_two_exclusive_labels_are_one_on_its_own() -> None:
    """A softmax over (z, 0) is a sigmoid of z: the same gradient, whichever way it is said."""
    logits, teacher = some_logits(10, 1), torch.randn(10, 1, generator=seeded(5))
    spec = Distillation(temperature=2.0)

    def pair(scores: Tensor) -> Tensor:
        return torch.cat([scores, torch.zeros_like(scores)], dim=1)

    alone = distillation_loss(logits, teacher, spec, exclusive=False)
    exclusive = distillation_loss(pair(logits), pair(teacher), spec, exclusive=True)
    torch.testing.assert_close(gradient(alone, logits), gradient(exclusive, logits))


def test_temperature_leaves_the_gradients_size() -> None:
    logits, teacher = some_logits(10, 3, spread=0.1), 0.1 * torch.randn(10, 3, generator=seeded(5))
    cool, hot = (
        gradient(distillation_loss(logits, teacher, Distillation(temperature=t), exclusive=False), logits)
        for t in (1.0, 8.0)
    )
    torch.testing.assert_close(cool, hot, rtol=0.02, atol=1e-5)


def test_no_gradient_goes_to_the_teacher() -> None:
    logits, teacher = some_logits(10, 3), torch.zeros(10, 3, requires_grad=True)
    distillation_loss(logits, teacher, Distillation(), exclusive=False).backward()
    assert teacher.grad is None


# Mixup


def test_mixup_draws_shares_from_beta_and_each_film_once_as_partner() -> None:
    """With a label of its own for each film, the targets say who was blended with whom, and how."""
    films = torch.zeros(2000, 1, 1, 1)
    _, targets = mixup(films, torch.eye(2000), 0.4, seeded())
    own = targets.diag()
    partner = (targets - own.diag()).argmax(dim=1)
    blended = own < 1
    assert kstest(own[blended].double(), beta(0.4, 0.4).cdf).pvalue > 0.01
    assert len(partner[blended].unique()) == blended.sum()
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(2000))


def test_mixup_blends_films_as_their_targets_and_keeps_what_is_unknown() -> None:
    values = torch.rand(16, 2, generator=seeded(7))
    values[3, 0] = torch.nan
    films, targets = mixup(values[:, :, None, None].expand(-1, -1, 4, 4), values, 0.4, seeded())
    torch.testing.assert_close(films, targets[:, :, None, None].expand(-1, -1, 4, 4), equal_nan=True)
    assert 1 <= targets[:, 0].isnan().sum() <= 2
    assert targets[3, 0].isnan()
    assert not targets[:, 1].isnan().any()


def test_mixup_is_the_same_for_the_same_seed_and_leaves_global_numbers_alone() -> None:
    films, targets = torch.rand(8, 1, 4, 4, generator=seeded()), some_answers(8, 2)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    one, same, other = (mixup(films, targets, 0.4, seeded(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]


def test_without_mixup_nothing_is_blended_or_drawn() -> None:
    films, targets, generator = torch.rand(4, 1, 2, 2, generator=seeded()), some_answers(4, 1), seeded()
    blended = mixup(films, targets, 0.0, generator)
    assert torch.equal(blended[0], films)
    assert torch.equal(blended[1], targets)
    assert torch.equal(generator.get_state(), seeded().get_state())
