"""Everything that can be found out about a manifest before a network learns from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version

from pneumoscope.core import ManifestError
from pneumoscope.data.audit import bias, copies, files, labels
from pneumoscope.data.audit.case import WORDS, Case
from pneumoscope.data.audit.model import Audit, AuditFinding
from pneumoscope.data.survey import Survey

Check = Callable[[Case], list[AuditFinding] | None]
"""None where there was nothing to look at: no second split, no labels, no scores."""

CHECKS: dict[str, Check] = {
    "unreadable files": files.unreadable,
    "patients in two splits": copies.patients_on_two_sides,
    "exact copies": copies.exact_copies,
    "near copies": copies.near_copies,
    "classes and splits": labels.classes,
    "patient keys": labels.patients_unknown,
    "shortcuts": bias.shortcuts,
    "shift between splits": bias.shift,
    "label suspects": labels.label_suspects,
    "burnt-in markers": files.burnt_in_markers,
    "colour containers": files.colour_containers,
    "notes of the source": files.row_notes,
    "films without a label": labels.unlabelled,
}
"""One line a check."""

_RANK = {"error": 0, "warning": 1, "note": 2}

Progress = Callable[[Iterable[str], int], Iterable[str]]


def audit(
    survey: Survey,
    *,
    scores: Mapping[str, float] | None = None,
    seed: int = 0,
    resamples: int = 200,
    progress: Progress | None = None,
) -> Audit:
    """Run every check on the surveyed films.

    Parameters
    ----------
    scores : probability of pneumonia by film path, of a model; without it no label is suspected.
    resamples : for the intervals.

    Raises
    ------
    ManifestError : if there are no films at all: "nothing found" would be misread.
    MissingExtra : without scikit-learn.
    """
    if not len(survey):
        raise ManifestError(f"{survey.listing.root}: expected films to audit, the manifest lists none")
    case = Case(survey, scores or {}, seed, resamples)
    findings: list[AuditFinding] = []
    checked: dict[str, int] = {}
    for name in progress(CHECKS, len(CHECKS)) if progress else CHECKS:
        found = CHECKS[name](case)
        if found is not None:
            checked[name] = len(found)
            findings += found
    listing = survey.listing
    return Audit(
        manifest_digest=listing.digest,
        films=len(listing),
        patients=len({film.key for film in listing.films}),
        sources=tuple(sorted({film.source for film in listing.films})),
        counts=_counts(case),
        checked=checked,
        findings=tuple(sorted(findings, key=lambda finding: _RANK[finding.severity])),
        seed=seed,
        program=f"pneumoscope {version('pneumoscope')}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _counts(case: Case) -> dict[str, dict[str, int]]:
    counted = Counter((film.split or "no split", WORDS[film.label]) for film in case.films)
    counts: dict[str, dict[str, int]] = {}
    for (split, label), number in sorted(counted.items()):
        counts.setdefault(split, {})[label] = number
    return counts
