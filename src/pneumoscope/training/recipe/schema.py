"""Every choice of one training run, in a strict file."""

from __future__ import annotations

import hashlib
import math
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from pneumoscope.core import RecipeError

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, Meta(gt=0.0, le=1e9)]
Count = Annotated[int, Meta(ge=1)]
Pixels = Annotated[int, Meta(ge=32, le=2048)]
Range = tuple[float, float]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file: unknown keys are errors."""


class Network(_Section, frozen=True):
    """Which network, and where it starts.

    ``timm`` is a name that ``timm.create_model`` knows, with ``arguments`` for it. ``weights`` is "imagenet" (timm's
    hub, or the file given on the command line) or "none".
    """

    timm: str
    arguments: dict[str, str | int | float | bool] = {}
    weights: Literal["imagenet", "none"] = "imagenet"
    dropout: Share = 0.2


class Input(_Section, frozen=True):
    """``size`` is what the shipped graph takes; ``train_size`` what the network sees while it learns.

    A random crop enlarges what is in it, so training at a smaller size than is used later brings the two closer
    (Touvron et al., "Fixing the train-test resolution discrepancy", 2019) and is quicker.
    """

    size: Pixels = 224
    train_size: Pixels = 224


class Data(_Section, frozen=True):
    """One patient-grouped fold in ``folds`` of the train films is set aside for validation."""

    folds: Annotated[int, Meta(ge=2, le=100)] = 8


class Augmentation(_Section, frozen=True):
    """How far a film is changed at random. Ranges are drawn from uniformly unless said otherwise.

    Attributes
    ----------
    area : share of the film's area that a crop keeps.
    aspect : width/height of the crop relative to the film (drawn log-uniformly).
    rotation : degrees, to either side.
    flip : chance of a left-right mirror image.
    sharpness : from blurred (-1) through unchanged (0) to sharpened (above 0).
    blur : width (sigma, in pixels) of the blur that ``sharpness`` works with.
    gamma : exponent on the pixels (drawn log-uniformly).
    contrast : factor about the film's mean (drawn log-uniformly).
    brightness : added to all pixels.
    noise : standard deviation of Gaussian noise.
    """

    area: Range = (1.0, 1.0)
    aspect: Range = (1.0, 1.0)
    rotation: Annotated[float, Meta(ge=0, le=180)] = 0.0
    flip: Share = 0.0
    sharpness: Range = (0.0, 0.0)
    blur: Range = (1.0, 1.0)
    gamma: Range = (1.0, 1.0)
    contrast: Range = (1.0, 1.0)
    brightness: Range = (0.0, 0.0)
    noise: Range = (0.0, 0.0)

    def __post_init__(self) -> None:
        for name in ("area", "aspect", "sharpness", "blur", "gamma", "contrast", "brightness", "noise"):
            low, high = getattr(self, name)
            if not (math.isfinite(low) and math.isfinite(high)):
                raise ValueError(f"{name}: expected two numbers, got [{low}, {high}]")
            if low > high:
                raise ValueError(f"{name}: expected [low, high] with low <= high, got [{low}, {high}]")
        for name in ("area", "aspect", "blur", "gamma", "contrast"):
            if getattr(self, name)[0] <= 0:
                raise ValueError(f"{name}: expected values above 0, got {getattr(self, name)[0]}")
        if self.noise[0] < 0:
            raise ValueError(f"noise: expected values from 0, got {self.noise[0]}")
        if self.area[1] > 1:
            raise ValueError(f"area: expected at most 1, got {self.area[1]}")


class Optimisation(_Section, frozen=True):
    """AdamW with one learning-rate cycle; the shipped weights are their moving average.

    ``balance`` weighs the rarer class up until both count the same: a logit of 0 is then where a film is as likely
    among either class.
    """

    epochs: Count = 10
    batch: Count = 32
    rate: Positive = 1e-3
    warm_up: Share = 0.2
    weight_decay: Annotated[float, Meta(ge=0.0)] = 0.05
    ema_decay: Share = 0.998
    label_smoothing: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.05
    balance: bool = True
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed"


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

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of every choice, those left at their defaults included."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


def packaged_recipes() -> dict[str, str]:
    """Name and TOML text of the recipes that come with the program."""
    folder = files("pneumoscope.training") / "recipes"
    return {entry.name.removesuffix(".toml"): entry.read_text("utf-8") for entry in folder.iterdir()}


def load_recipe(name_or_path: str) -> Recipe:
    """The packaged recipe of that name, or the recipe in that TOML file.

    Raises
    ------
    RecipeError : if there is no such recipe, or it has an unknown key or an impossible value.
    """
    packaged = packaged_recipes()
    if name_or_path in packaged:
        return parse_recipe(packaged[name_or_path], name_or_path)
    try:
        return parse_recipe(Path(name_or_path).read_text("utf-8"), name_or_path)
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(sorted(packaged))
        raise RecipeError(f"{name_or_path}: expected a TOML file or one of the recipes {known}: {error}") from error


def parse_recipe(text: str, name: str) -> Recipe:
    """Parse TOML text; ``name`` is for messages.

    Raises
    ------
    RecipeError : if it has an unknown key or an impossible value.
    """
    try:
        return msgspec.toml.decode(text, type=Recipe)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise RecipeError(f"{name}: {error}") from error
