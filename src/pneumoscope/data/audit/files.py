"""What is the matter with the files themselves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core.manifest import SPLITS
from pneumoscope.data.audit.case import WORDS, Case, count
from pneumoscope.data.audit.model import AuditFinding, Figure

_TOLD_APART = 0.05
"""Difference of a share between the classes from which on it is worth a warning."""


def unreadable(case: Case) -> list[AuditFinding]:
    """Files that cannot be opened or hold no film."""
    errors = case.survey.errors
    if not errors:
        return []
    return [
        AuditFinding(
            code="unreadable",
            severity="error",
            title=f"{count(len(errors), 'film')} cannot be read",
            meaning="Training stops at such a film; evaluation counts it as not answered.",
            remedy="Copy or export the file again, or drop the film.",
            action="drop",
            groups=tuple((case.films[i].path,) for i in errors),
            remarks=tuple(errors.values()),
        )
    ]


def row_notes(case: Case) -> list[AuditFinding]:
    """What the source had to say about single rows."""
    noted = [film for film in case.films if film.note and film.digest]
    if not noted:
        return []
    return [
        AuditFinding(
            code="notes",
            severity="warning",
            title=f"{count(len(noted), 'row has a note', 'rows have notes')}",
            meaning="The source contradicts itself or says something that cannot be true.",
            remedy="Look at these films; correct the manifest or drop them.",
            action="drop",
            groups=tuple((film.path,) for film in noted),
            remarks=tuple(film.note for film in noted),
        )
    ]


def colour_containers(case: Case) -> list[AuditFinding] | None:
    """Grey films in colour files."""
    colour = case.survey.readable & (case.survey.rows["colour"] > 0)
    found, readable = int(colour.sum()), int(case.survey.readable.sum())
    if not found:
        return [] if readable else None
    apart = _apart(case, colour)
    some = found < readable
    return [
        AuditFinding(
            code="colour-containers",
            severity="warning" if apart else "note",
            title=f"{found:,} of {count(readable, 'film')} store their greys in colour channels",
            meaning="The reader makes one grey channel of them, so the picture is not harmed. A program that keeps "
            "three channels, or reads tags, could tell the class from it."
            if apart
            else "The reader makes one grey channel of them; the picture is not harmed.",
            remedy="Nothing, where films are read by this package. Elsewhere convert to grey before training.",
            groups=tuple((case.films[i].path,) for i in np.flatnonzero(colour)) if some else (),
            figures=tuple(_shares(case, colour)) if some else (),
        )
    ]


def burnt_in_markers(case: Case) -> list[AuditFinding] | None:
    """Side letters and other marks in the picture."""
    marked = case.survey.readable & (case.survey.rows["markers"] > 0)
    found, readable = int(marked.sum()), int(case.survey.readable.sum())
    if not found:
        return [] if readable else None
    return [
        AuditFinding(
            code="burnt-in-markers",
            severity="warning" if _apart(case, marked) else "note",
            title=f"Marks are burnt into at least {found:,} of {count(readable, 'film')}",
            meaning="A network may learn the letter of a machine or a ward in place of the disease. The share of "
            "marked films in each class tells how much there is to be learned from it.",
            remedy="Crop or rotate at random in training, so that corners come and go; look where the heat maps lie. "
            "The detector misses faint marks: what it finds is a lower bound.",
            figures=tuple(_shares(case, marked)),
        )
    ]


def _shares(case: Case, chosen: NDArray[np.bool_]) -> Iterator[Figure]:
    for split in (*SPLITS, ""):
        for label in (1, 0):
            films = case.usable & (case.splits == split) & (case.labels == label)
            if films.any():
                what = f"share of {split or 'unassigned'}, {WORDS[label]}"
                yield Figure(what=what, value=float(chosen[films].mean()), films=int(films.sum()))


def _apart(case: Case, chosen: NDArray[np.bool_]) -> bool:
    """Whether one class has clearly more of it than the other."""
    shares = [chosen[films].mean() for label in (0, 1) if (films := case.usable & (case.labels == label)).any()]
    return len(shares) == 2 and abs(shares[1] - shares[0]) > _TOLD_APART
