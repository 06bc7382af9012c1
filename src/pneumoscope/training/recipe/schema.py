"""Every choice of one training run. Free of torch, so that a wrong recipe is refused at once."""

from __future__ import annotations

import hashlib
import math
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from pneumoscope.core.manifest import otherwise

OWN_NETWORKS = ("cnn",)
"""Networks that are not timm's; ``training.networks`` builds them."""

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, Meta(gt=0.0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0.0, le=1e9)]
Count = Annotated[int, Meta(ge=1)]
Pixels = Annotated[int, Meta(ge=32, le=2048)]
Range = tuple[float, float]
Argument = str | int | float | bool | list[int | float | str]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file: unknown keys are errors."""


class Network(_Section, frozen=True):
    """Which network, and where it starts.

    Attributes
    ----------
    name : one of :data:`OWN_NETWORKS`, or a name that ``timm.create_model`` knows.
    arguments : what else the network's builder is given.
    weights : "none" (random), or a set on timm's hub by its name, such as "timm/densenet121.ra_in1k". A file or a run
        named on the command line takes their place.
    dropout : before the last layer.
    """

    name: str
    arguments: dict[str, Argument] = {}
    weights: Annotated[str, Meta(pattern=r"^(none|[\w.-]+/[\w.-]+)$")] = "none"
    dropout: Share = 0.2

    def __post_init__(self) -> None:
        if self.name in OWN_NETWORKS and self.weights != "none":
            raise ValueError(f"weights: {self.name} is a network of our own, nobody has weights for it: write 'none'")


class Input(_Section, frozen=True):
    """What the network is shown of a film; all of it but ``train_size`` travels in the bundle.

    ``size`` is what the shipped graph takes; ``train_size`` what the network sees while it learns. A random crop
    enlarges what is in it, so training at a smaller size than is used later brings the two closer (Touvron et al.,
    "Fixing the train-test resolution discrepancy", 2019) and is quicker. The other attributes are those of
    :class:`pneumoscope.imaging.preprocess.Preprocessing`.
    """

    size: Pixels = 224
    train_size: Pixels = 224
    aspect: Literal["squash", "pad", "crop"] = "squash"
    contrast: Literal["none", "equalise", "clahe"] = "none"
    edges: bool = False
    mean: Share = 0.5
    std: Positive = 0.5


class Data(_Section, frozen=True):
    """Which films teach what, and how often.

    Attributes
    ----------
    folds : one patient-grouped fold in so many of the train films is set aside for validation.
    labels : what is told of a film, each a yes or a no of its own: "pneumonia" and "normal" (the manifest's label),
        "bacterial" and "viral" (its subtype), or a finding in the manifest's words. The first comes first in a reading.
    exclusive : exactly one of the labels is true of each film.
    given : labels that are asked only where the first is true, such as ``{ bacterial = "pneumonia" }``: other films say
        nothing about them, and a reading tells them only where the first answer is yes.
    sampling : "natural" (each film once an epoch), "balanced" (as many films, drawn so that classes are equally
        frequent) or "oversampled" (films of rarer classes are repeated, each time with another augmentation).
    """

    folds: Annotated[int, Meta(ge=2, le=100)] = 8
    labels: Annotated[tuple[str, ...], Meta(min_length=1)] = ("pneumonia",)
    exclusive: bool = False
    given: dict[str, str] = {}
    sampling: Literal["natural", "balanced", "oversampled"] = "natural"

    def __post_init__(self) -> None:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels: expected each once, got {', '.join(self.labels)}")
        if self.exclusive and len(self.labels) < 2:
            raise ValueError("exclusive: expected at least two labels to tell apart")
        if self.labels[0] == "normal":
            raise ValueError("labels: the first is what a reading is about; put 'normal' last")
        if self.given and self.exclusive:
            raise ValueError("given: labels that exclude each other are asked of every film; remove one of the two")
        for label, condition in self.given.items():
            if label not in self.labels[1:] or condition != self.labels[0]:
                raise ValueError(
                    f"given: expected a further label, and the first ({self.labels[0]}), got {label} = {condition!r}"
                )
            if otherwise(label) in map(str.casefold, self.given):
                raise ValueError(
                    f"given: expected {label} or {otherwise(label)}, each of which is what the other is otherwise, got "
                    f"both: a reading could contradict itself"
                )


class Augmentation(_Section, frozen=True):
    """How far a film is changed at random. Ranges are drawn from uniformly unless said otherwise.

    Attributes
    ----------
    area : share of the film's area that a crop keeps.
    aspect : width/height of the crop relative to the film (drawn log-uniformly).
    rotation : degrees, to either side.
    flip : chance of a left-right mirror image.
    resolution : scale at which the film is sampled down and up again (drawn log-uniformly); 1 leaves it alone.
    sharpness : from blurred (-1) through unchanged (0) to sharpened (above 0).
    blur : width (sigma, in pixels) of the blur that ``sharpness`` works with.
    gamma : exponent on the pixels (drawn log-uniformly).
    contrast : factor about the film's mean (drawn log-uniformly).
    brightness : added to all pixels.
    noise : standard deviation of Gaussian noise.
    erasing : chance that a rectangle is painted over.
    erased : share of the area that the rectangle takes.
    """

    area: Range = (1.0, 1.0)
    aspect: Range = (1.0, 1.0)
    rotation: Annotated[float, Meta(ge=0, le=180)] = 0.0
    flip: Share = 0.0
    resolution: Range = (1.0, 1.0)
    sharpness: Range = (0.0, 0.0)
    blur: Range = (1.0, 1.0)
    gamma: Range = (1.0, 1.0)
    contrast: Range = (1.0, 1.0)
    brightness: Range = (0.0, 0.0)
    noise: Range = (0.0, 0.0)
    erasing: Share = 0.0
    erased: Range = (0.02, 0.2)

    def __post_init__(self) -> None:
        for name, bounds in msgspec.structs.asdict(self).items():
            if isinstance(bounds, tuple):
                _check_range(name, bounds)
        for name in ("area", "aspect", "resolution", "blur", "gamma", "contrast", "erased"):
            if getattr(self, name)[0] <= 0:
                raise ValueError(f"{name}: expected values above 0, got {getattr(self, name)[0]}")
        if self.noise[0] < 0:
            raise ValueError(f"noise: expected values from 0, got {self.noise[0]}")
        for name in ("area", "resolution", "erased"):
            if getattr(self, name)[1] > 1:
                raise ValueError(f"{name}: expected at most 1, got {getattr(self, name)[1]}")


def _check_range(name: str, bounds: Range) -> None:
    low, high = bounds
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"{name}: expected two numbers, got [{low}, {high}]")
    if low > high:
        raise ValueError(f"{name}: expected [low, high] with low <= high, got [{low}, {high}]")


class Stage(_Section, frozen=True):
    """Epochs in which only a part of the network learns: the head, with it the last so many blocks, or of the head what
    answers the "further" labels.

    A recipe with a "further" stage takes its whole start from a finished run, the first label's answer included, and
    such a stage leaves that answer as it is. ``rate`` is relative to that of the recipe.
    """

    epochs: Count
    learns: Literal["head", "further"] | Count = "head"
    rate: Positive = 1.0


class Optimisation(_Section, frozen=True):
    """How the network learns.

    Attributes
    ----------
    epochs : those in which the whole network learns, after the stages in ``before``.
    before : stages of transfer learning, each with a rate cycle of its own.
    batch : films a step, over all devices together.
    rate, schedule, warm_up : the highest learning rate, how it goes on from there ("plateau" shrinks it when the
        validation loss has not fallen for ``plateau`` epochs), and the share of a stage in which it rises.
    layer_decay : the rate of each block is that of the block above it times this; 1 treats all alike.
    momentum : of SGD and RMSprop; the others keep their own.
    freeze_norm : normalisation layers keep the statistics and weights that they start with.
    clip : the gradient's norm is cut to this; 0 leaves it.
    ema_decay : the shipped weights are a moving average; 0 ships those of the last step.
    loss, focal : binary cross-entropy, or focal loss with that exponent (Lin et al., 2017), for each label on its own.
        Labels that exclude each other are learned by cross-entropy over them.
    balance : weighs the rarer answer to each label up until both count the same: a logit of 0 is then where a film is
        as likely among either.
    mixup : films are blended in pairs, with a share from Beta(mixup, mixup); 0 leaves them (Zhang et al., 2018).
    patience : end when the validation loss has not fallen for so many epochs; 0 goes on to the end.
    keep : ship the weights of the last epoch, or of the one with the lowest validation loss.
    precision : "auto" takes bfloat16 where the hardware is quick with it, else float16 on a GPU and float32 on a CPU.
    """

    epochs: Annotated[int, Meta(ge=0)] = 10
    before: tuple[Stage, ...] = ()
    batch: Count = 32
    optimiser: Literal["adam", "adamw", "nadam", "rmsprop", "sgd"] = "adamw"
    rate: Positive = 1e-3
    schedule: Literal["one-cycle", "cosine", "plateau", "constant"] = "one-cycle"
    warm_up: Share = 0.2
    plateau: Count = 2
    weight_decay: NotNegative = 0.05
    layer_decay: Annotated[float, Meta(gt=0.0, le=1.0)] = 1.0
    momentum: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.9
    freeze_norm: bool = False
    clip: NotNegative = 0.0
    ema_decay: Share = 0.998
    loss: Literal["bce", "focal"] = "bce"
    focal: NotNegative = 2.0
    label_smoothing: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.05
    balance: bool = True
    mixup: NotNegative = 0.0
    patience: Annotated[int, Meta(ge=0)] = 0
    keep: Literal["last", "best"] = "last"
    precision: Literal["auto", "bf16-mixed", "16-mixed", "32-true"] = "auto"

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("epochs: expected at least 1, or a stage in before")

    @property
    def stages(self) -> tuple[Stage | Whole, ...]:
        """All stages, in order."""
        return (*self.before, Whole(self.epochs)) if self.epochs else self.before


class Whole(msgspec.Struct, frozen=True):
    """The stage in which the whole network learns."""

    epochs: int
    learns: Literal["all"] = "all"
    rate: float = 1.0


class Distillation(_Section, frozen=True):
    """How a network learns from a teacher's answers, where one is named on the command line.

    ``weight`` is the share of the loss that is about the teacher's answers, the rest is about the labels; both sides'
    logits are divided by ``temperature`` (Hinton et al., 2015).
    """

    weight: Share = 0.7
    temperature: Positive = 2.0


class Probe(_Section, frozen=True):
    """A logistic regression on the features of a network that stays as it is; no epochs.

    ``strength`` is scikit-learn's C. With ``smote`` the rarer class is filled up with films that never were, between
    neighbours in the space of features (Chawla et al., 2002).
    """

    strength: Positive = 0.01
    smote: bool = False
    neighbours: Count = 5


class Recipe(_Section, frozen=True, kw_only=True):
    """One training run. Equal recipes have equal digests."""

    name: str
    description: str
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 0
    network: Network
    input: Input = Input()
    data: Data = Data()
    augmentation: Augmentation = Augmentation()
    optimisation: Optimisation = Optimisation()
    distillation: Distillation = Distillation()
    probe: Probe | None = None

    def __post_init__(self) -> None:
        if self.optimisation.loss == "focal" and self.data.exclusive:
            raise ValueError("loss: focal loss is for labels on their own; with data.exclusive write 'bce'")
        if self.probe and self.optimisation.before:
            raise ValueError("probe: a probe has no stages; remove optimisation.before")
        if self.probe and self.data.exclusive:
            raise ValueError("probe: fits each label on its own; remove data.exclusive")
        if self.keeps_first_answer and (len(self.data.labels) < 2 or self.data.exclusive):
            raise ValueError("before: a 'further' stage needs labels after the first, each on its own, in data.labels")
        if self.input.train_size > self.input.size:
            raise ValueError(f"train_size: expected at most size ({self.input.size}), got {self.input.train_size}")

    @property
    def keeps_first_answer(self) -> bool:
        """Whether the run starts with the first answer of another."""
        return any(stage.learns == "further" for stage in self.optimisation.before)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of every choice, those left at their defaults included."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()
