"""Films with what was read from them, where the evidence lies, and what they were like as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pneumoscope.core import Radiograph, Reading
from pneumoscope.core.manifest import Film
from pneumoscope.data.markers import Marker, find_markers
from pneumoscope.evaluation.labelled import LabelledFilms, Progress
from pneumoscope.evaluation.measured import Measured, measured
from pneumoscope.imaging.preprocess import Preprocessing, resize
from pneumoscope.predict import Predictor

_MARKED = Preprocessing(size=(224, 224))
"""The size at which marks are looked for."""


@dataclass(frozen=True, eq=False)
class SeenFilm:
    """One film that could be read.

    ``positive`` is the truth; ``reading`` has a heat map. ``full_size`` (height, width), ``container`` and ``colour``
    are those of the file, ``view`` what the manifest or the file states, and ``markers`` the marks that were found.
    """

    film: Film
    positive: bool
    reading: Reading
    full_size: tuple[int, int]
    container: str
    colour: bool
    view: str
    markers: int

    @property
    def outcome(self) -> str:
        """``"true positive"``, ``"false positive"``, ``"true negative"`` or ``"false negative"``."""
        called = self.reading.finding.positive
        return f"{'true' if called == self.positive else 'false'} {'positive' if called else 'negative'}"


def look_at(
    predictor: Predictor, films: LabelledFilms, *, jobs: int | None = None, progress: Progress | None = None
) -> list[SeenFilm]:
    """Read each film once, with its heat map; those that cannot be read are left out."""

    def look(i: int, film: Radiograph) -> SeenFilm:
        row = films.films[i]
        return SeenFilm(
            film=row,
            positive=bool(films.truth[i]),
            reading=predictor.read_film(film, name=row.path),
            full_size=film.full_size,
            container=film.container,
            colour=film.colour,
            view=row.view or film.view or "",
            markers=len(markers_on(film)),
        )

    return [seen for seen in films.opened(predictor, look, jobs=jobs, progress=progress) if seen]


def markers_on(film: Radiograph) -> tuple[Marker, ...]:
    """The marks on a film of any size."""
    return find_markers(resize(film, _MARKED))


def measure(seen: Sequence[SeenFilm]) -> Measured:
    """What the answers to these films are worth, at the operating point at which they were read."""
    findings = [one.reading.finding for one in seen]
    return measured(
        np.array([one.positive for one in seen], np.int64),
        np.array([finding.probability for finding in findings], np.float64),
        np.array([finding.positive for finding in findings], np.bool_),
        [one.film.key for one in seen],
    )
