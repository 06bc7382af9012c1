"""Recipes as TOML files that build on one another."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from pneumoscope.core import RecipeError
from pneumoscope.training.recipe.schema import Recipe

BASES = ("base", "transfer")
"""What the packaged recipes build on; no recipes themselves."""


def packaged_recipes() -> dict[str, str]:
    """Name and TOML text of the recipes that come with the program."""
    return {name: text for name, text in sorted(_packaged().items()) if name not in BASES}


def _packaged() -> dict[str, str]:
    folder = files("pneumoscope.training") / "recipes"
    return {entry.name.removesuffix(".toml"): entry.read_text("utf-8") for entry in folder.iterdir()}


def load_recipe(name_or_path: str, changes: Iterable[str] = ()) -> Recipe:
    """The packaged recipe of that name, or the recipe in that TOML file, with ``changes`` such as "input.size=128".

    Raises
    ------
    RecipeError : if there is no such recipe, or it has an unknown key, an impossible value or an impossible
        combination.
    """
    return _checked(_changed(_resolved(name_or_path, ()), changes), name_or_path)


def parse_recipe(text: str, name: str, changes: Iterable[str] = ()) -> Recipe:
    """Parse TOML text; ``name`` is for messages. Raises as :func:`load_recipe` does."""
    return _checked(_changed(_inherited(_parsed(text, name), None, (name,)), changes), name)


def changed_recipe(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """``recipe`` with other values at keys such as "optimisation.rate". Raises as :func:`load_recipe` does."""
    said: dict[str, Any] = {}
    for key, value in values.items():
        *tables, last = key.split(".")
        table = said
        for name in tables:
            table = table.setdefault(name, {})
        table[last] = value
    return _checked(_merged(msgspec.to_builtins(recipe), said), recipe.name)


def as_toml(recipe: Recipe) -> str:
    """Every choice of the recipe, as a file that :func:`load_recipe` takes."""
    said = {key: value for key, value in msgspec.to_builtins(recipe).items() if value is not None}
    return msgspec.toml.encode(said).decode()


def _resolved(name_or_path: str, heirs: tuple[str, ...]) -> dict[str, Any]:
    """The tables of a recipe and of all that it builds on."""
    if name_or_path in heirs:
        raise RecipeError(f"{heirs[0]}: builds on itself: {' on '.join((*heirs, name_or_path))}")
    packaged = _packaged()
    if name_or_path in packaged:
        return _inherited(_parsed(packaged[name_or_path], name_or_path), None, (*heirs, name_or_path))
    path = Path(name_or_path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(packaged_recipes())
        raise RecipeError(f"{name_or_path}: expected a TOML file or one of the recipes {known}: {error}") from error
    return _inherited(_parsed(text, name_or_path), path.parent, (*heirs, name_or_path))


def _inherited(tables: dict[str, Any], folder: Path | None, heirs: tuple[str, ...]) -> dict[str, Any]:
    """``extends`` names a packaged recipe, or a file beside this one; what is said here goes before."""
    parent = tables.pop("extends", None)
    if parent is None:
        return tables
    if not isinstance(parent, str):
        raise RecipeError(f"{heirs[-1]}: extends: expected the name of a recipe or of a file, got {parent!r}")
    beside = folder / parent if folder else None
    return _merged(_resolved(str(beside) if beside and beside.is_file() else parent, heirs), tables)


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{name}: {error}") from error


def _merged(base: Mapping[str, Any], over: Mapping[str, Any], *, sections: bool = True) -> dict[str, Any]:
    """Tables are merged key by key; all else is replaced, and so is a table within a section by an empty one.

    Another network takes none of the first one's arguments.
    """
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping) and (value or sections):
            merged[key] = _merged(merged[key], value, sections=False)
        else:
            merged[key] = value
    if "name" in over and over["name"] != base.get("name") and "arguments" in base and "arguments" not in over:
        del merged["arguments"]
    return merged


def _changed(tables: dict[str, Any], changes: Iterable[str]) -> dict[str, Any]:
    for change in changes:
        key, sign, value = change.partition("=")
        if not sign or not all(key.strip().split(".")):
            raise RecipeError(f"--set {change}: expected KEY=VALUE, such as optimisation.epochs=20")
        said: Any = _value(value.strip())
        for part in reversed(key.strip().split(".")):
            said = {part: said}
        tables = _merged(tables, said)
    return tables


def _value(text: str) -> Any:
    """A TOML value, or else a word."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _checked(tables: dict[str, Any], name: str) -> Recipe:
    try:
        return msgspec.convert(tables, Recipe)
    except msgspec.ValidationError as error:
        raise RecipeError(f"{name}: {error}") from error
