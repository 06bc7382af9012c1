"""What a search may vary: a strict TOML file of recipe keys and their ranges.

"optimisation.rate" = { low = 1e-4, high = 3e-3, log = true }
"optimisation.batch" = { low = 16, high = 64, step = 16 }
"optimisation.optimiser" = { choices = ["adamw", "sgd"] }
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, permutations, product
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import msgspec

from pneumoscope.core import RecipeError
from pneumoscope.training.recipe import Recipe, changed_recipe

Objective = Literal["val_loss", "val_auc"]
OBJECTIVES: dict[Objective, Literal["minimize", "maximize"]] = {"val_loss": "minimize", "val_auc": "maximize"}
"""What a search may go by. Recall or specificity alone is best when the answer is always the same."""

_SAME_QUESTION = {
    "name": "it is only a name",
    "description": "it is only a description",
    "seed": "the luckiest seed is no better recipe",
    "data.folds": "the validation films are drawn once, for all trials alike",
    "data.labels": "trials would answer different questions",
    "data.exclusive": "trials would answer different questions",
    "data.given": "trials would answer different questions",
}
"""What no trial may change, and why."""
_SAME_LOSS = ("optimisation.loss", "optimisation.focal", "optimisation.label_smoothing", "optimisation.balance")
"""What no trial may change where the validation loss is the objective, as it changes what the loss is."""

Number = int | float
Drawn = Mapping[str, Number | str]
"""A value by key, a choice by its label."""


class Numbers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers from ``low`` to ``high``, both included: whole ones if both are written so.

    ``step`` goes from ``low`` in steps; ``log`` makes each factor as likely as any other.
    """

    low: Number
    high: Number
    step: Number | None = None
    log: bool = False

    def __post_init__(self) -> None:
        given = [self.low, self.high] + ([] if self.step is None else [self.step])
        if not all(math.isfinite(number) for number in given):
            raise ValueError(f"expected numbers, got {given}")
        if len({type(number) for number in given}) > 1:
            raise ValueError("expected all of low, high and step as whole numbers (1) or all as real ones (1.0)")
        if self.low >= self.high:
            raise ValueError(f"expected low < high, got {self.low} and {self.high}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log: expected low > 0 and no step")
        if self.step is not None:
            self._check_step(self.step)

    def _check_step(self, step: Number) -> None:
        if step <= 0:
            raise ValueError(f"step: expected more than 0, got {step}")
        steps = (self.high - self.low) / step
        if not math.isclose(steps, round(steps), rel_tol=1e-9):
            raise ValueError(f"high: expected low and whole steps of {step}, got {self.high}")

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are drawn."""
        return isinstance(self.low, int)

    @property
    def ends(self) -> tuple[Number | str, ...]:
        """The outermost values."""
        return self.low, self.high

    def value(self, drawn: Any) -> Any:
        """What the recipe is given."""
        return drawn


class Choices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of these values, which may be of any kind that the key takes."""

    choices: tuple[Any, ...]

    def __post_init__(self) -> None:
        if len(self.choices) < 2:
            raise ValueError("choices: expected at least two")
        if len(set(self.labels)) < len(self.choices):
            raise ValueError(f"choices: expected each once, got {', '.join(self.labels)}")

    @property
    def labels(self) -> tuple[str, ...]:
        """A word for each choice."""
        return tuple(one if isinstance(one, str) else msgspec.json.encode(one).decode() for one in self.choices)

    @property
    def ends(self) -> tuple[Number | str, ...]:
        """All choices."""
        return self.labels

    def value(self, drawn: Any) -> Any:
        """What the recipe is given."""
        return self.choices[self.labels.index(drawn)]


@dataclass(frozen=True)
class Space:
    """The ranges by recipe key, in alphabetical order."""

    ranges: Mapping[str, Numbers | Choices]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the ranges, in whatever order and spelling the file has them."""
        return hashlib.sha256(msgspec.json.encode(self.ranges)).hexdigest()

    @property
    def first(self) -> Drawn:
        """What a search may draw, among much else."""
        return {key: found.ends[0] for key, found in self.ranges.items()}

    def recipe(self, base: Recipe, drawn: Drawn) -> Recipe:
        """``base`` with the values that were drawn.

        Raises
        ------
        RecipeError : if they do not go together.
        """
        return changed_recipe(base, {key: self.ranges[key].value(value) for key, value in drawn.items()})


def load_space(path: Path, base: Recipe, objective: Objective) -> Space:
    """Read a space and try it out on ``base``: each end of each range, with each end of each other.

    Raises
    ------
    RecipeError : if the file cannot be read, or has an unknown key, an impossible range, a value or two that the recipe
        cannot have, or one that would make trials incomparable.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{path}: expected a TOML file of recipe keys and ranges: {error}") from error
    return parse_space(tables, str(path), base, objective)


def parse_space(tables: Mapping[str, Any], name: str, base: Recipe, objective: Objective) -> Space:
    """As :func:`load_space`, of parsed TOML; ``name`` is for messages."""
    found = list(_ranges(tables, name, ""))
    if not found:
        raise RecipeError(
            f'{name}: expected keys such as "optimisation.rate" = {{ low = 1e-4, high = 1e-2, log = true }}'
        )
    for (key, _), (other, _) in permutations(found, 2):
        if other == key or other.startswith(f"{key}."):
            raise RecipeError(f"{name}: {other}: expected once, got it by itself and in {key}")
    space = Space(dict(sorted(found, key=itemgetter(0))))
    _check_kinds(space, name, base)
    for drawn in _corners(space):
        try:
            _check_comparable(base, space.recipe(base, drawn), objective)
        except RecipeError as error:
            tried = ", ".join(f"{key} = {value}" for key, value in drawn.items())
            raise RecipeError(f"{name}: {error} (tried {tried})") from error
    return space


def _ranges(tables: Mapping[str, Any], name: str, within: str) -> Iterator[tuple[str, Numbers | Choices]]:
    """All ranges with their keys, written as one or as tables of tables."""
    for key, said in tables.items():
        where = f"{within}{key}"
        if not isinstance(said, Mapping):
            raise RecipeError(f"{name}: {where}: expected {{ low, high }} or {{ choices }}, got {said!r}")
        if said and all(isinstance(value, Mapping) for value in said.values()):
            yield from _ranges(said, name, f"{where}.")
            continue
        try:
            kind: type[Numbers | Choices] = Choices if "choices" in said else Numbers
            yield where, msgspec.convert(said, kind)
        except msgspec.ValidationError as error:
            raise RecipeError(f"{name}: {where}: {error}") from error


def _check_kinds(space: Space, name: str, base: Recipe) -> None:
    """Refuse whole bounds, without a step, of a key that takes real numbers: they may be meant either way."""
    for key, found in space.ranges.items():
        if isinstance(found, Numbers) and found.whole and found.step is None:
            between = found.low + (found.high - found.low) / math.pi
            try:
                changed_recipe(base, {key: between})
            except RecipeError:
                continue
            raise RecipeError(
                f"{name}: {key} takes real numbers: expected low = {found.low}.0, high = {found.high}.0, or step = 1 "
                f"for whole ones"
            )


def _corners(space: Space) -> Iterator[Drawn]:
    """Each pair of two keys' ends, with all other keys at their first. All are ones that a search may draw."""
    for key, found in space.ranges.items():
        yield from ({**space.first, key: end} for end in found.ends)
    for key, other in combinations(space.ranges, 2):
        for one, two in product(space.ranges[key].ends, space.ranges[other].ends):
            yield {**space.first, key: one, other: two}


def _check_comparable(base: Recipe, recipe: Recipe, objective: Objective) -> None:
    for key, why in _SAME_QUESTION.items():
        if _at(recipe, key) != _at(base, key):
            raise RecipeError(f"{key} cannot be searched: {why}; set it for all trials with --set")
    for key in _SAME_LOSS if objective == "val_loss" else ():
        if _at(recipe, key) != _at(base, key):
            raise RecipeError(
                f"{key} changes what the loss is, so that val_loss does not compare trials: use --objective val_auc"
            )


def _at(recipe: Recipe, key: str) -> Any:
    found: Any = recipe
    for name in key.split("."):
        found = getattr(found, name)
    return found
