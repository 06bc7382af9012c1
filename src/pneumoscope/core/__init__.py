"""The types, the vocabulary and the error tree. Imports nothing of the package."""

from pneumoscope.core.errors import (
    BundleError,
    DamagedBundle,
    FetchError,
    FilmError,
    ForeignBundle,
    ManifestError,
    MetricsError,
    MissingExtra,
    NewerBundle,
    NotAnswered,
    PneumoscopeError,
    RecipeError,
    RunError,
    ScoresError,
    UnreadableFilm,
    UnsupportedFilm,
)
from pneumoscope.core.radiograph import Radiograph
from pneumoscope.core.reading import Correction, Failure, Finding, Outcome, QualityFlag, Reading, Timings

__all__ = [
    "BundleError",
    "Correction",
    "DamagedBundle",
    "Failure",
    "FetchError",
    "FilmError",
    "Finding",
    "ForeignBundle",
    "ManifestError",
    "MetricsError",
    "MissingExtra",
    "NewerBundle",
    "NotAnswered",
    "Outcome",
    "PneumoscopeError",
    "QualityFlag",
    "Radiograph",
    "Reading",
    "RecipeError",
    "RunError",
    "ScoresError",
    "Timings",
    "UnreadableFilm",
    "UnsupportedFilm",
]
