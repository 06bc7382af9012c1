"""A finished bundle that a smaller network learns from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, logsigmoid

from pneumoscope.bundle import load_bundle
from pneumoscope.core import RecipeError
from pneumoscope.core.parallel import usable_cores
from pneumoscope.engines import open_engine
from pneumoscope.training.recipe import Recipe


class Teacher:
    """Answers for the very films that the student sees, crops and all (Beyer et al., "Knowledge distillation: a good
    teacher is patient and consistent", 2022).

    Raises
    ------
    RecipeError : if the bundle says nothing about one of the recipe's labels, unless that is asked only where the first
        is true, or asks it of other films, or is shown films in another way.
    BundleError : if it cannot be used.
    """

    def __init__(self, bundle: Path | str, recipe: Recipe) -> None:
        loaded = load_bundle(bundle)
        self.name, self.digest = f"{loaded.spec.name} {loaded.spec.version}", loaded.digest
        self.spec = loaded.spec.preprocessing
        known, given = {label.name: label for label in loaded.spec.labels}, recipe.data.given
        missing = [label for label in recipe.data.labels if label not in known and label not in given]
        if missing:
            raise RecipeError(f"--teacher {bundle}: says nothing of {', '.join(missing)}; it knows {', '.join(known)}")
        if other := [name for name in recipe.data.labels if name in known and known[name].given != given.get(name)]:
            raise RecipeError(
                f"--teacher {bundle}: asks {', '.join(other)} of other films; write the same in the recipe's data.given"
            )
        shown = recipe.input
        if (self.spec.aspect, self.spec.contrast, self.spec.edges) != (shown.aspect, shown.contrast, shown.edges):
            raise RecipeError(
                f"--teacher {bundle}: is shown films with aspect {self.spec.aspect!r}, contrast {self.spec.contrast!r} "
                f"and edges {self.spec.edges}; write the same in the recipe's [input]"
            )
        self._exclusive = recipe.data.exclusive
        self._labels = recipe.data.labels
        self._known = {name: (place, label.calibration) for place, (name, label) in enumerate(known.items())}
        self._engine = open_engine(loaded, threads=usable_cores())

    def __call__(self, films: Tensor) -> Tensor:
        """Logits (B, K) for films (B, C, H, W) in [0, 1]: calibrated log-odds, or the logarithms of probabilities where
        the labels exclude each other. NaN for a label that it does not know."""
        sized = interpolate(films, self.spec.size, mode="bilinear", antialias=True, align_corners=False)
        inputs = ((sized - self.spec.mean) / self.spec.std).cpu().numpy()
        logits = self._engine.run(np.ascontiguousarray(inputs)).logits
        answers = [self._log_odds(name, logits) for name in self._labels]
        log_odds = torch.from_numpy(np.stack(answers, axis=1).astype(np.float32)).to(films.device)
        return logsigmoid(log_odds) if self._exclusive else log_odds

    def _log_odds(self, label: str, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        if label not in self._known:
            return np.full(len(logits), np.nan)
        place, calibration = self._known[label]
        return calibration.log_odds(logits[:, place])
