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
    PneumoscopeError,
    RecipeError,
    RunError,
    ScoresError,
    UnreadableFilm,
    UnsupportedFilm,
)
from pneumoscope.core.radiograph import Radiograph
from pneumoscope.core.reading import Failure, Finding, Outcome, QualityFlag, Reading, Region, Timings

__all__ = [
    "BundleError",
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
    "Outcome",
    "PneumoscopeError",
    "QualityFlag",
    "Radiograph",
    "Reading",
    "RecipeError",
    "Region",
    "RunError",
    "ScoresError",
    "Timings",
    "UnreadableFilm",
    "UnsupportedFilm",
]
