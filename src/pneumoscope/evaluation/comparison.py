"""Programs on the same films: who is better, by how much, and whether that could be chance."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

import pneumoscope
from pneumoscope.core import ScoresError
from pneumoscope.evaluation.entries import Entry
from pneumoscope.evaluation.measures import METHOD, Answers, label_measures
from pneumoscope.report.comparison import (
    LOWER_IS_BETTER,
    MEASURES,
    Comparison,
    Difference,
    Disagreement,
    Entrant,
    Pair,
)
from pneumoscope.stats.bootstrap import Measures
from pneumoscope.stats.delong import delong_test
from pneumoscope.stats.holm import holm
from pneumoscope.stats.intervals import Estimate
from pneumoscope.stats.metrics import log_losses
from pneumoscope.stats.paired import PairedTest, mcnemar, paired_bootstrap
from pneumoscope.stats.weighted import decided, together

RESAMPLES = 2000
SEED = 0
LISTED = 100
"""Disagreements kept of each pair and kind."""
ENOUGH = 0.5
"""The share of each entrant's films that all must have in common to be ranked."""

Key = tuple[str, int]
"""A film's digest or name, and which of the films of that digest it is: some are there twice."""


def compare(entries: Sequence[Entry], *, rank_by: str = "auc", against_best: bool = False) -> Comparison:
    """Measure all entries on the films that they share, rank them, and test each against the first, or the best.

    Films are the same if their digests are; where an entry lacks digests, if their names are. Entries that share fewer
    than half of their films, or films of one class only, are measured each on its own films and not ranked.

    Raises
    ------
    ScoresError : for fewer than two entries, or a shared film with different labels.
    """
    if len(entries) < 2:
        raise ScoresError(f"expected two entrants or more, got {len(entries)}")
    keys = _keys(entries)
    shared = [key for key in keys[0] if all(key in each for each in keys[1:])]
    rows = [np.array([each[key] for key in shared], np.intp) for each in keys]
    reason = _incomparable(entries, rows)
    if reason:
        entrants = tuple(_entrant(entry, entry.answers, set_aside=0) for entry in entries)
        return msgspec.structs.replace(_side_by_side(entrants, rank_by), not_ranked=reason)
    patients = _patients(entries, rows)
    same = [_picked(entry, films, patients) for entry, films in zip(entries, rows, strict=True)]
    entrants = tuple(
        _entrant(ours, ours.answers, len(entry) - len(ours)) for entry, ours in zip(entries, same, strict=True)
    )
    order = sorted(range(len(same)), key=lambda i: _rank(entrants[i], rank_by))
    base = order[0] if against_best else 0
    return msgspec.structs.replace(
        _side_by_side(tuple(entrants[i] for i in order), rank_by),
        against=same[base].name,
        films=len(shared),
        positive=entrants[0].positive,
        patients=entrants[0].patients,
        pairs=_corrected([_pair(same[i], same[base]) for i in order if i != base]),
    )


def _side_by_side(entrants: tuple[Entrant, ...], rank_by: str) -> Comparison:
    program = f"pneumoscope {pneumoscope.__version__}"
    return Comparison(entrants=entrants, ranked_by=rank_by, intervals=METHOD, program=program)


def _keys(entries: Sequence[Entry]) -> list[dict[Key, int]]:
    """Each entry's films, and in which row it has them."""
    by_digest = all(all(entry.digests) for entry in entries)
    return [_numbered(entry.digests if by_digest else entry.films) for entry in entries]


def _numbered(names: Sequence[str]) -> dict[Key, int]:
    met: dict[str, int] = defaultdict(int)
    rows: dict[Key, int] = {}
    for i, name in enumerate(names):
        rows[name, met[name]] = i
        met[name] += 1
    return rows


def _incomparable(entries: Sequence[Entry], rows: Sequence[NDArray[np.intp]]) -> str:
    """Why the entries cannot be ranked, or ""."""
    films = len(rows[0])
    largest = max(entries, key=len)
    if films < ENOUGH * len(largest):
        counts = ", ".join(f"{entry.name} {len(entry):,}" for entry in entries)
        return f"the test sets differ: {films:,} films are shared ({counts})"
    _refuse_other_labels(entries, rows)
    if len(np.unique(entries[0].answers.truth[rows[0]])) < 2:
        return f"the {films:,} films that are shared are of one class"
    return ""


def _refuse_other_labels(entries: Sequence[Entry], rows: Sequence[NDArray[np.intp]]) -> None:
    first, truth = entries[0], entries[0].answers.truth[rows[0]]
    for entry, films in zip(entries[1:], rows[1:], strict=True):
        differ = np.flatnonzero(entry.answers.truth[films] != truth)
        if len(differ):
            raise ScoresError(
                f"{len(differ)} of {len(films)} films have another label in {entry.name} than in {first.name}, the "
                f"first is {first.films[rows[0][differ[0]]]}: expected answers to the same question"
            )


def _patients(entries: Sequence[Entry], rows: Sequence[NDArray[np.intp]]) -> NDArray[Any]:
    """As the entry tells them that knows most: to one that knows none, each film is of another patient."""
    told = [np.asarray(entry.answers.patients)[films] for entry, films in zip(entries, rows, strict=True)]
    return min(told, key=lambda patients: len(np.unique(patients)))


def _picked(entry: Entry, rows: NDArray[np.intp], patients: NDArray[Any]) -> Entry:
    answers = entry.answers
    return Entry(
        name=entry.name,
        about=entry.about,
        films=tuple(entry.films[i] for i in rows),
        digests=tuple(entry.digests[i] for i in rows),
        answers=Answers(answers.truth[rows], answers.probabilities[rows], answers.decisions[rows], patients),
    )


def _entrant(entry: Entry, answers: Answers, set_aside: int) -> Entrant:
    measured = label_measures(answers).metrics
    known = {name: measured[name] for name in MEASURES if measured[name].value is not None}
    return Entrant(
        name=entry.name,
        about=entry.about,
        films=len(answers),
        positive=int(answers.truth.sum()),
        patients=len(np.unique(np.asarray(answers.patients))),
        set_aside=set_aside,
        metrics={name: Estimate(*map(_or_nan, (f.value, f.low, f.high))) for name, f in known.items()},
    )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _rank(entrant: Entrant, measure: str) -> float:
    """Lower is better."""
    figure = entrant.metrics.get(measure)
    if figure is None:
        return math.inf
    return figure.value if measure in LOWER_IS_BETTER else -figure.value


def _pair(entry: Entry, base: Entry) -> Pair:
    ours, theirs = entry.answers, base.answers
    right, right_base = ours.decisions == ours.truth, theirs.decisions == theirs.truth
    drawn = _drawn(ours, theirs)
    tests = [
        _difference("auc", "DeLong", delong_test(ours.truth, ours.probabilities, theirs.probabilities)),
        _difference("accuracy", "McNemar, exact", mcnemar(right, right_base)),
        *(_difference(name, f"patients resampled {RESAMPLES} times", test) for name, test in drawn.items()),
    ]
    won, lost = np.flatnonzero(right & ~right_base), np.flatnonzero(~right & right_base)
    return Pair(
        name=entry.name,
        differences=tuple(tests),
        wins=len(won),
        losses=len(lost),
        won=_disagreements(entry, base, won),
        lost=_disagreements(entry, base, lost),
    )


def _drawn(ours: Answers, theirs: Answers) -> dict[str, PairedTest]:
    """By patient; of the films of a single one, which do not tell how patients differ, the difference alone."""
    drawn = paired_bootstrap(_resampled(ours), _resampled(theirs), ours.patients, resamples=RESAMPLES, seed=SEED)
    if any(one != ours.patients[0] for one in ours.patients):
        return drawn
    return {name: PairedTest(test.difference, math.nan, math.nan, math.nan) for name, test in drawn.items()}


def _resampled(answers: Answers) -> Measures:
    """Recall, specificity and log loss of weighted films."""
    losses = log_losses(answers.truth, answers.probabilities)
    measures = together(decided(answers.truth, answers.decisions), lambda w: {"log_loss": float(w @ losses / w.sum())})

    def kept(weights: NDArray[np.float64]) -> dict[str, float]:
        figures = measures(weights)
        return {name: figures[name] for name in ("recall", "specificity", "log_loss")}

    return kept


def _difference(measure: str, method: str, test: PairedTest) -> Difference:
    return Difference(
        measure=measure, method=method, difference=test.difference, low=test.low, high=test.high, p=test.p
    )


def _corrected(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """With Holm's correction of each measure over the pairs, if there are several."""
    if len(pairs) < 2:
        return tuple(pairs)
    of_each_measure = zip(*(pair.differences for pair in pairs), strict=True)
    corrected = [
        [
            msgspec.structs.replace(test, p_holm=float(p))
            for test, p in zip(tests, holm([t.p for t in tests]), strict=True)
        ]
        for tests in of_each_measure
    ]
    return tuple(
        msgspec.structs.replace(pair, differences=tests)
        for pair, tests in zip(pairs, zip(*corrected, strict=True), strict=True)
    )


def _disagreements(entry: Entry, base: Entry, films: NDArray[np.intp]) -> tuple[Disagreement, ...]:
    p, p_base = entry.answers.probabilities, base.answers.probabilities
    furthest = films[np.argsort(-np.abs(p[films] - p_base[films]), kind="stable")][:LISTED]
    return tuple(
        Disagreement(
            film=base.films[i],
            film_sha256=base.digests[i] or entry.digests[i],
            label=int(base.answers.truth[i]),
            probability=float(p[i]),
            probability_against=float(p_base[i]),
        )
        for i in furthest
    )
