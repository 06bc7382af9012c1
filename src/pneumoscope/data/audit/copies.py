"""Films that are there twice, and patients on two sides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import FilmError
from pneumoscope.core.manifest import UNASSIGNED
from pneumoscope.data.audit.case import WORDS, Case, count
from pneumoscope.data.audit.model import Action, AuditFinding, Figure, Severity
from pneumoscope.data.duplicates import Index, NearPairs, confirmed, groups, near_pairs, same_bytes
from pneumoscope.data.survey import squashed

Groups = Sequence[Index]


def exact_copies(case: Case) -> list[AuditFinding] | None:
    """Files with the same bytes."""
    opened = np.array([i for i, film in enumerate(case.films) if film.digest], np.intp)
    if len(opened) < 2:
        return None
    found = [opened[group] for group in same_bytes([case.films[i].digest for i in opened])]
    return _sorted_out(case, found, "copies", "byte for byte the same file")


def near_copies(case: Case) -> list[AuditFinding] | None:
    """The same exposure saved another way: told by a perceptual hash, then thumbnails, then pixels.

    A group holds the exact copies of its films too: with one of them gone, the other is still a near copy.
    """
    readable, thumbs = np.flatnonzero(case.survey.readable), case.survey.thumbs
    if len(readable) < 2:
        return None
    digests = np.array([case.films[i].digest for i in readable])
    near = near_pairs(thumbs if len(readable) == len(thumbs) else thumbs[readable])
    other = digests[near.pairs[:, 0]] != digests[near.pairs[:, 1]]
    candidates = replace(near, pairs=near.pairs[other], likeness=near.likeness[other])
    found = confirmed(candidates, lambda i: _pixels(case, int(readable[i])))
    alike = groups(np.concatenate([found.pairs, near.pairs[~other]]))
    joined = [readable[group] for group in alike if len(set(digests[group])) > 1]
    findings = _sorted_out(case, joined, "near-copies", "the same exposure, saved another way")
    if near.left_out or near.crowded:
        findings.append(_incomplete(near))
    return findings


def patients_on_two_sides(case: Case) -> list[AuditFinding] | None:
    """Patients with films in more than one split."""
    films: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, film in enumerate(case.films):
        if film.split:
            films[film.key].append(i)
    if not films:
        return None
    leaking = [np.array(places) for places in films.values() if len(set(case.splits[places])) > 1]
    if not leaking:
        return []
    return [
        AuditFinding(
            code="patients-across-splits",
            severity="error",
            title=f"{count(len(leaking), 'patient has', 'patients have')} films in more than one split",
            meaning="A network can know the child instead of the disease: figures measured across these splits are too "
            "good, by an amount that nobody can tell.",
            remedy="Keep such a patient's films in the most held-out split only (test before val before train), or "
            "split again by patient. Training and evaluation refuse the manifest until then.",
            action="keep-held-out",
            groups=tuple(case.paths(group) for group in leaking),
            remarks=tuple(f"patient {case.films[group[0]].patient}: {_splits(case, group)}" for group in leaking),
        )
    ]


def _pixels(case: Case, i: int) -> NDArray[np.uint8]:
    """The film at 224 x 224; flat grey, which is like nothing, if it has gone since it was surveyed."""
    try:
        return squashed(case.survey.listing.root / case.films[i].path)
    except FilmError:
        return np.zeros((16, 16), np.uint8)


def _sorted_out(case: Case, found: Groups, code: str, what: str) -> list[AuditFinding]:
    """Tell groups with contradicting labels from those across splits, and from harmless ones."""
    kinds: dict[str, list[Index]] = defaultdict(list)
    for group in found:
        kinds[_kind(case, group)].append(group)
    makers = {"conflict": _conflicting, "across": _across, "within": _within}
    return [makers[kind](case, kinds[kind], code, what) for kind in makers if kinds[kind]]


def _kind(case: Case, group: Index) -> str:
    if len(set(case.labels[group]) - {-1}) > 1:
        return "conflict"
    return "across" if len(set(case.splits[group]) - {UNASSIGNED}) > 1 else "within"


def _conflicting(case: Case, found: Groups, code: str, what: str) -> AuditFinding:
    return _finding(
        case,
        found,
        code=f"conflicting-{code}",
        severity="error",
        title=f"{count(len(found), 'group')} of films with contradicting labels: {what}",
        meaning="One of the labels is wrong, and nothing in the data tells which.",
        remedy="Ask a reader, or drop all films of such a group.",
        action="drop",
    )


def _across(case: Case, found: Groups, code: str, what: str) -> AuditFinding:
    return _finding(
        case,
        found,
        code=f"{code}-across-splits",
        severity="error",
        title=f"{count(len(found), 'group')} ({count(_pairs(found), 'pair')}) of films across splits: {what}",
        meaning="A film that was learned from is asked again in the examination: recall and specificity are too good.",
        remedy="Keep the copy in the most held-out split (test before val before train), drop the others.",
        action="keep-held-out",
    )


def _within(case: Case, found: Groups, code: str, what: str) -> AuditFinding:
    return _finding(
        case,
        found,
        code=code,
        severity="warning",
        title=f"{count(len(found), 'group')} ({count(_pairs(found), 'pair')}) of films within a split: {what}",
        meaning="The film counts more than once: in training it weighs more, in a test an error or a success is "
        "counted again and the interval is too narrow. Under two patient keys, a new split may part the copies.",
        remedy="Keep one film of each group.",
        action="keep-one",
    )


def _finding(
    case: Case,
    found: Groups,
    *,
    code: str,
    severity: Severity,
    title: str,
    meaning: str,
    remedy: str,
    action: Action,
) -> AuditFinding:
    return AuditFinding(
        code=code,
        severity=severity,
        title=title,
        meaning=meaning,
        remedy=remedy,
        action=action,
        groups=tuple(case.paths(group) for group in found),
        remarks=tuple(_remark(case, group) for group in found),
        figures=tuple(_by_split(case, found)),
    )


def _by_split(case: Case, found: Groups) -> Iterable[Figure]:
    homes = [_splits(case, group) for group in found]
    for home in sorted(set(homes)):
        groups_there = [group for group, there in zip(found, homes, strict=True) if there == home]
        yield Figure(what=f"groups in {home}", value=len(groups_there), films=sum(map(len, groups_there)))


def _pairs(found: Groups) -> int:
    return sum(len(group) * (len(group) - 1) // 2 for group in found)


def _splits(case: Case, group: Index) -> str:
    return " and ".join(sorted({str(split) or "no split" for split in case.splits[group]}))


def _remark(case: Case, group: Index) -> str:
    keys = {case.patients[i] for i in group}
    patients = "one patient key" if len(keys) == 1 else f"{len(keys)} patient keys"
    labels = {film.label for film in (case.films[i] for i in group)}
    return f"{_splits(case, group)}; {patients}; {' and '.join(sorted(WORDS[label] for label in labels))}"


def _incomplete(near: NearPairs) -> AuditFinding:
    return AuditFinding(
        code="near-copies-incomplete",
        severity="note",
        title="The search for near copies was cut short",
        meaning=f"So many films are nearly the same (blank films, one phantom again and again) that "
        f"{count(near.left_out, 'comparison was', 'comparisons were')} left out, and that for "
        f"{count(near.crowded, 'film')} with many partners no others were looked for.",
        remedy="Drop what was found and run the audit again.",
    )
