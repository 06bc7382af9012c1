"""A linear head fitted on the features of a network that stays as it is."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from pneumoscope.core import ManifestError
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.training.batches import PlainBatches, to_films
from pneumoscope.training.films import LabelledFilms
from pneumoscope.training.learner import reached
from pneumoscope.training.losses import class_weights, film_loss
from pneumoscope.training.networks import FilmNetwork
from pneumoscope.training.recipe import Recipe


def fit_head(network: FilmNetwork, films: LabelledFilms, spec: Preprocessing, recipe: Recipe) -> None:
    """Set the network's head to a logistic regression for each label, on standardised features.

    Raises
    ------
    ManifestError : if the rarer class has too few films to put others between them.
    """
    found = features(network, films, spec, recipe.optimisation.batch)
    scaler = StandardScaler().fit(found)
    for label, answers in enumerate(films.targets.T):
        known = ~np.isnan(answers)
        weight, bias = _fitted(scaler.transform(found[known]), answers[known], recipe)
        weight = weight / scaler.scale_  # the head sees features as they come
        with torch.no_grad():
            network.head.weight[label] = torch.from_numpy(weight)
            network.head.bias[label] = float(bias - weight @ scaler.mean_)


def features(network: FilmNetwork, films: LabelledFilms, spec: Preprocessing, batch: int) -> NDArray[np.float32]:
    """(N, C) pooled features of unchanged films."""
    network.eval()
    rows = []
    with torch.inference_mode():
        for pixels, _ in PlainBatches(films, batch):
            inputs = (to_films(pixels) - spec.mean) / spec.std
            rows.append(network.explain(inputs.contiguous(memory_format=torch.channels_last)).features.numpy())
    return np.concatenate(rows)


def validated(network: FilmNetwork, films: LabelledFilms, spec: Preprocessing, recipe: Recipe) -> dict[str, float]:
    """What the network reaches on films set aside, by the names that a run's log has for it."""
    found = torch.from_numpy(features(network, films, spec, recipe.optimisation.batch))
    with torch.inference_mode():
        logits = network.head(found)
        answers = torch.from_numpy(films.targets)
        weights = torch.from_numpy(class_weights(films.targets))
        loss = film_loss(logits, answers, recipe.optimisation, weights, exclusive=False).item()
    return {"val_loss": loss, **reached(logits, answers, recipe.data)}


def _fitted(
    rows: NDArray[np.float32], answers: NDArray[np.float32], recipe: Recipe
) -> tuple[NDArray[np.float64], float]:
    """Weight (C,) and bias."""
    if recipe.probe is None:
        raise ValueError("expected a recipe with a probe")
    if recipe.probe.smote:
        rows, answers = _filled_up(rows, answers, recipe.probe.neighbours, recipe.seed)
    balance = "balanced" if recipe.optimisation.balance else None
    model = LogisticRegression(C=recipe.probe.strength, class_weight=balance, max_iter=5000, tol=1e-6)
    model.fit(rows, answers)
    return model.coef_[0], float(model.intercept_[0])


def _filled_up(
    rows: NDArray[np.float32], answers: NDArray[np.float32], neighbours: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    from imblearn.over_sampling import SMOTE  # noqa: PLC0415  (slow to import, and seldom asked for)

    rarer = int(min(np.count_nonzero(answers == 0), np.count_nonzero(answers == 1)))
    if rarer <= neighbours:
        raise ManifestError(f"probe.neighbours: expected more than {neighbours} films of the rarer class, got {rarer}")
    filled: tuple[NDArray[np.float32], NDArray[np.float32]] = SMOTE(
        random_state=seed, k_neighbors=neighbours
    ).fit_resample(rows, answers)
    return filled
