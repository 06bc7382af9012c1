"""The types, the vocabulary and the error tree. Imports nothing of the package."""

from pneumoscope.core.errors import (
    BundleError,
    DamagedBundle,
    FetchError,
    FilmError,
    ForeignBundle,
    ManifestError,
    MissingExtra,
    NewerBundle,
    PneumoscopeError,
    RecipeError,
    RunError,
    UnreadableFilm,
    UnsupportedFilm,
)
from pneumoscope.core.radiograph import Radiograph
from pneumoscope.core.reading import Failure, Finding, Outcome, QualityFlag, Reading, Timings

__all__ = [
    "BundleError",
    "DamagedBundle",
    "Failure",
    "FetchError",
    "FilmError",
    "Finding",
    "ForeignBundle",
    "ManifestError",
    "MissingExtra",
    "NewerBundle",
    "Outcome",
    "PneumoscopeError",
    "QualityFlag",
    "Radiograph",
    "Reading",
    "RecipeError",
    "RunError",
    "Timings",
    "UnreadableFilm",
    "UnsupportedFilm",
]
