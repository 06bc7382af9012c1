"""Everything that this package raises on purpose.

    PneumoscopeError
    ├── FilmError               one film cannot be read; the others can
    │   ├── UnreadableFilm      damaged, cut short, or no picture format that we know
    │   └── UnsupportedFilm     a sound file, but not one greyscale radiograph
    ├── BundleError             a model bundle cannot be used
    │   ├── DamagedBundle       incomplete, altered, or failing its own golden check
    │   ├── ForeignBundle       not a pneumoscope bundle at all
    │   └── NewerBundle         written by a later version of the format
    ├── NotAnswered             a finding was asked for of a film that the gate has refused
    ├── ManifestError           a data folder or manifest breaks a rule
    ├── FetchError              a data set cannot be downloaded or unpacked
    ├── RecipeError             a training recipe cannot be followed
    ├── RunError                a training run folder cannot be used
    ├── ScoresError             a file of scores cannot be measured
    ├── MetricsError            a metrics.json cannot be read
    └── MissingExtra            the command needs an optional install

Each message says what was expected, what came, and what to do.
"""

from __future__ import annotations


class PneumoscopeError(Exception):
    """Root of the tree. ``exit_code`` is what the command line ends with: 1 failure, 2 misuse."""

    exit_code = 1


class FilmError(PneumoscopeError):
    """One film cannot be read. ``code`` is a stable short name for tables and filters."""

    code = "film-error"


class UnreadableFilm(FilmError):
    """The bytes are damaged, cut short, or in no format that we know."""

    code = "unreadable"


class UnsupportedFilm(FilmError):
    """The file is sound but does not hold one greyscale radiograph (colour, many frames, no pixels, too large)."""

    code = "unsupported"


class BundleError(PneumoscopeError):
    """A model bundle cannot be used."""


class DamagedBundle(BundleError):
    """A file is missing or altered, or the graph fails the bundle's own golden check."""


class ForeignBundle(BundleError):
    """The path holds no pneumoscope bundle."""


class NewerBundle(BundleError):
    """The bundle's schema is newer than this program."""


class NotAnswered(PneumoscopeError):
    """A finding was asked for of a reading that has none, as the film was refused."""


class ManifestError(PneumoscopeError):
    """A data folder or manifest breaks a rule."""

    exit_code = 2


class FetchError(PneumoscopeError):
    """A data set cannot be downloaded or unpacked."""


class RecipeError(PneumoscopeError):
    """A training recipe cannot be followed."""

    exit_code = 2


class RunError(PneumoscopeError):
    """A training run folder cannot be started, resumed or exported."""


class ScoresError(PneumoscopeError):
    """A file of scores cannot be measured, or does not fit the manifest."""

    exit_code = 2


class MetricsError(PneumoscopeError):
    """A ``metrics.json`` is missing, of another format or version, or unsound."""


class MissingExtra(PneumoscopeError):
    """The command needs an optional part of the install."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the '{extra}' extra: pip install 'pneumoscope[{extra}]'")
