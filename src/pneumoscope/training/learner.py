"""The network while it learns: what it is shown, what it is told, and what it reaches on films set aside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from numpy.typing import NDArray
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from pneumoscope.core import RunError
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.stats.metrics import auc
from pneumoscope.training.augment import augment
from pneumoscope.training.batches import Batch, epoch_randomness, to_films
from pneumoscope.training.losses import class_weights, distillation_loss, exclusive_weights, film_loss, mixup
from pneumoscope.training.networks import FilmNetwork
from pneumoscope.training.optimiser import build_optimiser, set_learning, set_pace
from pneumoscope.training.recipe import Data, Recipe
from pneumoscope.training.schedule import pace, stage_of

_SHRINK = 0.3
"""What a plateau leaves of the learning rate."""


class Learner(LightningModule):
    """Trains ``network``; ``average`` holds the moving average of its weights, which is what is validated and
    shipped. ``targets`` (N, K) are those of the films to be learned from, shown in ``steps`` batches an epoch."""

    class_weights: Tensor

    def __init__(
        self,
        recipe: Recipe,
        network: FilmNetwork,
        targets: NDArray[np.float32],
        spec: Preprocessing,
        *,
        steps: int,
        teacher: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.recipe, self.spec, self.steps, self.teacher = recipe, spec, steps, teacher
        self.network = network.train().to(memory_format=torch.channels_last)
        self.average = ModelEmaV3(network, decay=recipe.optimisation.ema_decay, use_warmup=True).eval()
        self.average.requires_grad_(False)  # several processes would wait for its gradients
        self.register_buffer("class_weights", _weights(recipe, targets), persistent=False)
        self._plateau = ReduceLROnPlateau(
            torch.optim.SGD([torch.zeros(1)], lr=1.0), factor=_SHRINK, patience=recipe.optimisation.plateau
        )
        self._validation: list[tuple[Tensor, Tensor]] = []

    def on_train_epoch_start(self) -> None:
        """Seed the epoch anew, so that resuming changes nothing (dropout knows only torch's global generator)."""
        seed, _ = epoch_randomness(self.recipe.seed, self.current_epoch)
        self.generator = torch.Generator(self.device).manual_seed(seed + self.global_rank)
        torch.manual_seed(self.recipe.seed * 100_003 + self.current_epoch + self.global_rank)
        options = self.recipe.optimisation
        stage = stage_of(options, self.current_epoch)
        set_learning(self.network, stage, freeze_norm=options.freeze_norm)
        self._kept = [row.clone() for row in _first_row(self.network)] if stage.learns == "further" else []

    def on_train_batch_start(self, *_: Any) -> None:
        """Set the learning rate of this step."""
        optimiser: Any = self.optimizers()
        now = pace(self.recipe.optimisation, self.global_step, self.steps)
        now = now._replace(rate=now.rate * self._plateau.optimizer.param_groups[0]["lr"])
        set_pace(optimiser, now)
        self.log("rate", now.rate, on_step=True, on_epoch=False)

    def on_after_batch_transfer(self, batch: Batch, _: int) -> Batch:
        """Films in [0, 1], changed at random on the network's own device; here, since it is still in full precision."""
        pixels, targets = batch
        films, recipe = to_films(pixels), self.recipe
        if not self.trainer.training:
            return films, targets
        films = augment(films, recipe.input.train_size, recipe.augmentation, self.generator)
        return mixup(films, targets, recipe.optimisation.mixup, self.generator)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Loss of one batch."""
        films, targets = batch
        recipe = self.recipe
        logits = self.network(self._standardised(films))
        loss = self._loss(logits, targets)
        if self.teacher:
            answers = _asked(self.teacher(films), targets, recipe.data)
            taught = distillation_loss(logits, answers, recipe.distillation, exclusive=recipe.data.exclusive)
            loss = (1 - recipe.distillation.weight) * loss + recipe.distillation.weight * taught
        self.log(
            "train_loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(targets), sync_dist=True
        )
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        """Put back what is to stay, and move the average, after each step of the optimiser."""
        for row, kept in zip(_first_row(self.network), self._kept, strict=False):
            row.copy_(kept)
        self.average.update(self.network, step=self.global_step)

    def on_validation_start(self) -> None:
        """Stop a run whose weights are no numbers any more: it can only waste time.

        Raises
        ------
        RunError : with what to change.
        """
        if not all(values.isfinite().all() for values in self.network.state_dict().values()):
            raise RunError(
                f"the training diverged in epoch {self.current_epoch + 1}: expected numbers, got infinity or none. "
                f"Lower optimisation.rate, or cut gradients with optimisation.clip, in a new run"
            )

    def validation_step(self, batch: Batch, _: int) -> None:
        """Collect logits of the averaged network."""
        films, targets = batch
        self._validation.append((self.average.module(self._standardised(films)).float(), targets))

    def on_validation_epoch_end(self) -> None:
        """Log what the averaged network reaches on the films set aside, those of all processes together."""
        parts = _gathered([(logits.cpu(), targets.cpu()) for logits, targets in self._validation])
        self._validation.clear()
        logits, targets = (torch.cat(column) for column in zip(*parts, strict=True))
        loss = self._loss(logits.to(self.device), targets.to(self.device)).item()
        self.log_dict({"val_loss": loss, **reached(logits, targets, self.recipe.data)}, prog_bar=True)
        if self.recipe.optimisation.schedule == "plateau":
            self._plateau.step(loss)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what the plateau has done to the rate."""
        checkpoint["plateau"] = self._plateau.state_dict()
        checkpoint["plateau_rate"] = self._plateau.optimizer.param_groups[0]["lr"]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what was kept."""
        self._plateau.load_state_dict(checkpoint["plateau"])
        self._plateau.optimizer.param_groups[0]["lr"] = checkpoint["plateau_rate"]

    def configure_optimizers(self) -> Any:
        """The recipe's optimiser; its rate is set step by step."""
        return build_optimiser(self.network, self.recipe.optimisation)

    def _standardised(self, films: Tensor) -> Tensor:
        """As the network wants films in [0, 1], in the memory layout that convolutions are quickest in."""
        return ((films - self.spec.mean) / self.spec.std).contiguous(memory_format=torch.channels_last)

    def _loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return film_loss(
            logits, targets, self.recipe.optimisation, self.class_weights, exclusive=self.recipe.data.exclusive
        )


def _weights(recipe: Recipe, targets: NDArray[np.float32]) -> Tensor:
    """What each answer counts in the loss."""
    count = exclusive_weights(targets) if recipe.data.exclusive else class_weights(targets)
    return torch.from_numpy(count if recipe.optimisation.balance else np.ones_like(count))


def _first_row(network: FilmNetwork) -> list[Tensor]:
    """What of the head answers the first label, as it lies in the network: weight (C,) and bias ()."""
    return [parameter.detach()[0] for parameter in (network.head.weight, network.head.bias)]


def _asked(answers: Tensor, targets: Tensor, data: Data) -> Tensor:
    """A teacher's answers (B, K), NaN where a label is asked only of films with the first and this is none, or a blend
    with one that is none."""
    if not data.given:
        return answers
    conditional = torch.tensor([label in data.given for label in data.labels], device=answers.device)
    return answers.masked_fill(conditional & (targets[:, :1] != 1), float("nan"))


def _gathered(parts: list[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """The parts of all processes."""
    if not torch.distributed.is_initialized():
        return parts
    all_parts: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(all_parts, parts)
    return [part for each in all_parts for part in each]


def reached(logits: Tensor, targets: Tensor, data: Data) -> dict[str, float]:
    """AUC, averaged over the labels; recall and specificity of the first label, at a logit of 0 or as the likeliest.

    A label that is asked of some films only has an AUC of its own, and no part in the average.
    """
    areas = {}
    for label, scores, truth in zip(data.labels, logits.T, targets.T, strict=True):
        known = ~truth.isnan()
        if len(truth[known].unique()) == 2:
            areas[label] = auc(truth[known].numpy(), scores[known].numpy())
    positive = logits.argmax(dim=1) == 0 if data.exclusive else logits[:, 0] > 0
    return {
        "val_auc": float(np.mean([area for label, area in areas.items() if label not in data.given])),
        **{f"val_auc_{label}": area for label, area in areas.items() if label in data.given},
        "val_recall": float(positive[targets[:, 0] == 1].float().mean()),
        "val_specificity": float(1 - positive[targets[:, 0] == 0].float().mean()),
    }
