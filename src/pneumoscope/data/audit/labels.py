"""What is the matter with labels, classes and splits."""

from __future__ import annotations

from collections import Counter

import numpy as np

from pneumoscope.core.manifest import SPLITS
from pneumoscope.data.audit.case import WORDS, Case, count
from pneumoscope.data.audit.model import AuditFinding, Figure
from pneumoscope.data.split import TINY
from pneumoscope.stats.label_errors import find_label_errors

_MANY = 50
"""Films from which on it is strange that each is of a patient of its own."""


def label_suspects(case: Case) -> list[AuditFinding] | None:
    """Labels that a model contradicts with more confidence than its errors explain (confident learning).

    Source: Northcutt, Jiang, Chuang, "Confident learning: estimating uncertainty in dataset labels", 2021.
    """
    scored = np.array([film.path in case.scores for film in case.films]) & (case.labels >= 0)
    places = np.flatnonzero(scored)
    labels = case.labels[places]
    if len(np.unique(labels)) < 2:
        return None
    probability = np.array([case.scores[case.films[i].path] for i in places])
    suspects = places[find_label_errors(labels, np.stack([1 - probability, probability], axis=1))]
    if not len(suspects):
        return []
    by_split = Counter(str(split) for split in case.splits[suspects])
    return [
        AuditFinding(
            code="label-suspects",
            severity="warning",
            title=f"{count(len(suspects), 'label')} may be wrong, most suspicious first",
            meaning="The model is surer of the other answer than it usually is of its errors. Where it has learned "
            "from these very films it has partly learned their labels by heart, and finds too few. A suspect is a film "
            "for a second look, not an error.",
            remedy="Let a reader see them without the label. 'data clean' can take these labels away; never do so on "
            "the test films alone, as that would make the test easier.",
            action="forget-label",
            groups=tuple((case.films[i].path,) for i in suspects),
            remarks=tuple(
                f"{case.splits[i] or 'no split'}: labelled {WORDS[int(case.labels[i])]}, the model says "
                f"{case.scores[case.films[i].path]:.0%}"
                for i in suspects
            ),
            figures=tuple(
                Figure(what=f"suspects in {split or 'no split'}", value=found, films=int((case.splits == split).sum()))
                for split, found in sorted(by_split.items())
            ),
        )
    ]


def unlabelled(case: Case) -> list[AuditFinding]:
    """Films whose label is not stated."""
    found = int((case.labels < 0).sum())
    if not found:
        return []
    return [
        AuditFinding(
            code="unlabelled",
            severity="note",
            title=f"{found:,} of {count(len(case.films), 'film')} have no label",
            meaning="Training and evaluation pass over them.",
            remedy="Give them a label, or leave them.",
        )
    ]


def classes(case: Case) -> list[AuditFinding]:
    """Splits that lack a class, or are too small to decide anything."""
    findings = []
    here = [split for split in (*SPLITS, "") if (case.splits == split).any()]
    for split in here:
        labels = set(case.labels[(case.splits == split) & (case.labels >= 0)].tolist())
        if len(labels) == 1:
            findings.append(_one_class(split, labels.pop()))
    val, train = (int((case.splits == split).sum()) for split in ("val", "train"))
    if 0 < val < TINY * (val + train):
        findings.append(_tiny(case, val))
    return findings


def patients_unknown(case: Case) -> list[AuditFinding]:
    """Sources in which no two films share a patient."""
    findings = []
    for source, films in Counter(film.source for film in case.films).items():
        patients = len({film.patient for film in case.films if film.source == source})
        if films >= _MANY and patients == films:
            findings.append(_each_alone(source, films))
    return findings


def _one_class(split: str, label: int) -> AuditFinding:
    return AuditFinding(
        code="one-class",
        severity="warning",
        title=f"All labelled films of {split or 'no split'} are of one class: {WORDS[label]}",
        meaning="Neither AUC nor specificity and recall together can be measured on them, and nothing can be learned.",
        remedy="Split again, stratified by class, or add films of the other class from the same place.",
    )


def _tiny(case: Case, films: int) -> AuditFinding:
    return AuditFinding(
        code="tiny-validation",
        severity="warning",
        title=f"{count(films, 'validation film')}: too few to choose anything on",
        meaning=f"One film is {100 / films:.0f} points of accuracy: the best epoch or threshold is chosen by luck.",
        remedy="'data split' gives them back to training and draws validation films by patient.",
        groups=tuple((film.path,) for film in case.films if film.split == "val"),
    )


def _each_alone(source: str, films: int) -> AuditFinding:
    return AuditFinding(
        code="patients-unknown",
        severity="warning",
        title=f"No two of the {films:,} films of source '{source}' share a patient",
        meaning="The source may not tell patients apart. A random split can then put films of one child on both sides, "
        "and nothing here can find that out, except where the films are nearly the same.",
        remedy="Give the patient's key: 'data index --patient REGEX', or a column of a table.",
    )
