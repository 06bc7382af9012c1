"""Recipes: every choice of one training run, in a strict file. Nothing here imports torch."""

from pneumoscope.training.recipe.files import as_toml, changed_recipe, load_recipe, packaged_recipes, parse_recipe
from pneumoscope.training.recipe.schema import (
    Augmentation,
    Data,
    Distillation,
    Input,
    Network,
    Optimisation,
    Probe,
    Range,
    Recipe,
    Stage,
    Whole,
)

__all__ = [
    "Augmentation",
    "Data",
    "Distillation",
    "Input",
    "Network",
    "Optimisation",
    "Probe",
    "Range",
    "Recipe",
    "Stage",
    "Whole",
    "as_toml",
    "changed_recipe",
    "load_recipe",
    "packaged_recipes",
    "parse_recipe",
]
