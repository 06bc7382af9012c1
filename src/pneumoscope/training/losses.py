"""What a network is told about its answers: losses against labels and against a teacher, and blended films.

Targets are (B, K) in [0, 1], NaN where an answer is not known. All losses are computed in float32, whatever the logits'
type.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    kl_div,
    log_softmax,
    softplus,
)

from pneumoscope.training.recipe import Distillation, Optimisation


def class_weights(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights under which a label's two answers count the same and the mean weight over its known films is 1.

    Parameters
    ----------
    targets : (N, K), 1 yes, 0 no, NaN unknown.

    Returns
    -------
    (2, K): the weights of a no and of a yes. A label that knows one answer only has nothing to balance: both are 1.

    >>> print(class_weights(np.float32([[1], [1], [1], [0]]))[:, 0])
    [2.        0.6666667]
    """
    weights = np.ones((2, targets.shape[1]), np.float32)
    for label, answers in enumerate(targets.T):
        known = answers[~np.isnan(answers)]
        share = float(known.mean()) if known.size else 0.0
        if 0 < share < 1:
            weights[:, label] = 0.5 / (1 - share), 0.5 / share
    return weights


def exclusive_weights(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights under which each of K labels that exclude each other counts the same, and the mean over films is 1.

    Parameters
    ----------
    targets : (N, K), one yes a film; films with a NaN are left out.

    Returns
    -------
    (K,). A label without films has weight 1.
    """
    films: NDArray[np.float32] = targets[~np.isnan(targets).any(axis=1)].sum(axis=0)
    some = films > 0
    weights = np.ones_like(films)
    weights[some] = films.sum() / (np.count_nonzero(some) * films[some])
    return weights


def film_loss(logits: Tensor, targets: Tensor, spec: Optimisation, weights: Tensor, *, exclusive: bool) -> Tensor:
    """Mean loss over what is known of the films; 0, with a gradient of 0, where nothing is.

    Linear in ``targets``: a film that is 0.7 of one and 0.3 of another has 0.7 of the loss of the one and 0.3 of that
    of the other, weights and smoothing included.

    Parameters
    ----------
    logits : (B, K), of any float type.
    targets : (B, K) in [0, 1], NaN unknown.
    weights : (2, K) as :func:`class_weights` gives them, or (K,) as :func:`exclusive_weights` does if ``exclusive``.
    exclusive : cross-entropy over the labels, for films of which all labels are known.
    """
    logits = logits.float()
    if exclusive:
        return _exclusive_loss(logits, targets, spec, weights)
    known = ~targets.isnan()
    answers = targets.where(known, 0.0)
    weight, (_, yes) = _weighed(torch.stack([1 - answers, answers]), weights[:, None])
    weight = weight * known
    if spec.loss == "focal":
        loss = (weight * _focal(logits, _smoothed(yes, spec, 2), spec.focal)).mean()
    else:
        loss = binary_cross_entropy_with_logits(logits, _smoothed(yes, spec, 2), weight=weight)
    return loss * (known.numel() / known.sum().clamp(min=1))


def _exclusive_loss(logits: Tensor, targets: Tensor, spec: Optimisation, weights: Tensor) -> Tensor:
    known = ~targets.isnan().any(dim=1)
    answers = targets.where(known[:, None], 1.0)
    weight, shares = _weighed(answers.T, weights[:, None])
    losses = cross_entropy(logits, _smoothed(shares.T, spec, logits.shape[1]), reduction="none")
    return (losses * weight * known).sum() / known.sum().clamp(min=1)


def _weighed(answers: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """How much a film counts, and what it then says: its answers (A, ...) by weight, and their shares of that weight.

    The loss is linear in the target, so that this is the blend of the losses of its answers. An answer that is all of
    the film leaves its weight and itself as they are, to the last bit.
    """
    weighed = answers * weights
    total = weighed.sum(dim=0)
    return total, weighed / total


def _smoothed(targets: Tensor, spec: Optimisation, answers: int) -> Tensor:
    """Move a share of the target to all answers alike (Szegedy et al., 2016)."""
    return targets * (1 - spec.label_smoothing) + spec.label_smoothing / answers


def _focal(logits: Tensor, targets: Tensor, gamma: float) -> Tensor:
    """Focal loss: an answer of probability p costs -(1 - p)^gamma log p (Lin et al., 2017, without alpha).

    Written with softplus(x) = -log(1 - sigmoid(x)), which stays exact where probabilities round to 0 or 1.
    """
    yes, no = softplus(-logits), softplus(logits)
    return targets * torch.exp(-gamma * no) * yes + (1 - targets) * torch.exp(-gamma * yes) * no


def distillation_loss(logits: Tensor, teacher: Tensor, spec: Distillation, *, exclusive: bool) -> Tensor:
    """How far a network's answers are from its teacher's, both softened by a temperature (Hinton et al., 2015).

    Binary cross-entropy for labels on their own, Kullback-Leibler divergence for labels that exclude each other; times
    the temperature squared, so that the gradients' size does not depend on it.

    Parameters
    ----------
    logits, teacher : (B, K), of any float type. No gradient goes to the teacher. What it does not say is NaN, and
        counts for nothing; labels that exclude each other are all said.
    """
    ours, theirs = (part.float() / spec.temperature for part in (logits, teacher.detach()))
    if exclusive:
        loss = kl_div(log_softmax(ours, 1), log_softmax(theirs, 1), reduction="batchmean", log_target=True)
    else:
        said = ~theirs.isnan()
        loss = binary_cross_entropy_with_logits(ours, theirs.where(said, 0.0).sigmoid(), weight=said.float())
        loss = loss * (said.numel() / said.sum().clamp(min=1))
    return loss * spec.temperature**2


def mixup(films: Tensor, targets: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Blend each film and what is known of it with another of the batch (Zhang et al., 2018).

    Parameters
    ----------
    films, targets : (B, C, H, W) and (B, K), on the generator's device. NaN in either film's target stays NaN.
    alpha : each film's share is from Beta(alpha, alpha); 0 leaves all as it is and draws nothing.
    """
    if not alpha:
        return films, targets
    device = films.device
    # Torch draws from beta distributions with its global generator only, NumPy with one that is handed to it.
    seed = int(torch.randint(2**31, (), generator=generator, device=device))
    shares = np.random.default_rng(seed).beta(alpha, alpha, len(films))
    share = torch.from_numpy(shares.astype(np.float32)).to(device)
    partner = torch.randperm(len(films), generator=generator, device=device)
    return _blended(films, partner, share[:, None, None, None]), _blended(targets, partner, share[:, None])


def _blended(values: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    return values * share + values[partner] * (1 - share)
