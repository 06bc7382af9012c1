"""The network while it learns: loss, optimiser, moving average, validation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from timm.utils.model_ema import ModelEmaV3
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from pneumoscope.stats.metrics import auc
from pneumoscope.training.network import FilmNetwork
from pneumoscope.training.recipe import Recipe


class Learner(LightningModule):
    """Trains ``network``; ``average`` holds the moving average of its weights, which is what is validated and
    shipped."""

    def __init__(self, recipe: Recipe, network: FilmNetwork, labels: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = network.train().to(memory_format=torch.channels_last)
        self.average = ModelEmaV3(network, decay=recipe.optimisation.ema_decay, use_warmup=True).eval()
        self.class_weights = _class_weights(labels) if recipe.optimisation.balance else (1.0, 1.0)
        self._validation: list[tuple[Tensor, Tensor]] = []

    def on_train_epoch_start(self) -> None:
        """Dropout knows only torch's global generator: seed it anew each epoch, so that resuming changes nothing."""
        torch.manual_seed(self.recipe.seed * 100_003 + self.current_epoch)

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Loss of one batch."""
        films, labels = batch
        loss = self._loss(self.network(films), labels)
        self.log("train_loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(labels))
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        """Move the average after each step of the optimiser."""
        self.average.update(self.network, step=self.global_step)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """Collect logits of the averaged network."""
        films, labels = batch
        self._validation.append((self.average.module(films).float(), labels))

    def on_validation_epoch_end(self) -> None:
        """Log what the averaged network reaches on the films set aside."""
        logits, labels = (torch.cat(parts) for parts in zip(*self._validation, strict=True))
        self._validation.clear()
        positive = logits > 0
        self.log_dict(
            {
                "val_loss": self._loss(logits, labels),
                "val_auc": auc(labels.numpy().ravel(), logits.numpy().ravel()),
                "val_recall": positive[labels == 1].float().mean(),
                "val_specificity": 1 - positive[labels == 0].float().mean(),
            },
            prog_bar=True,
        )

    def configure_optimizers(self) -> Any:
        """AdamW and one cycle; no decay on biases and normalisation, as is usual."""
        options = self.recipe.optimisation
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim <= 1]
        optimiser = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": options.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=options.rate,
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser,
            options.rate,
            total_steps=int(self.trainer.estimated_stepping_batches),
            pct_start=options.warm_up,
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        negative, positive = self.class_weights
        weights = torch.where(labels == 1, positive, negative)
        smoothing = self.recipe.optimisation.label_smoothing
        targets = labels * (1 - smoothing) + smoothing / 2
        return binary_cross_entropy_with_logits(logits.float(), targets, weight=weights)


def _class_weights(labels: np.ndarray[Any, np.dtype[np.float32]]) -> tuple[float, float]:
    """Weights of negative and positive films under which both classes count the same and the mean weight is 1."""
    share = float(labels.mean())
    return 0.5 / (1 - share), 0.5 / share
