"""What a network could learn in place of the disease, and what differs between the splits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import ManifestError
from pneumoscope.data.audit.case import WORDS, Case
from pneumoscope.data.audit.model import AuditFinding, Figure
from pneumoscope.data.shift import ClassShift, shift_by_class
from pneumoscope.data.shortcuts import ShortcutBaseline, shortcut_baselines, usable
from pneumoscope.data.survey import MEASURED, SCALARS, THUMB

_TELLS_MUCH = 0.7
"""AUC whose lower end makes a warning of a shortcut."""
_DIFFERS = 0.6
"""AUC whose lower end makes a warning of a shift."""
_SIDE = 16
_MOVED = 0.5
"""Cohen's d from which on a scalar is named: half a standard deviation."""


def shortcuts(case: Case) -> list[AuditFinding] | None:
    """How well facts that know nothing of the lungs tell the class."""
    films = case.sample
    splits = case.splits[films]
    if not (splits == "train").any():
        splits = np.full(len(splits), "train")
    told = {name: values[films] for name, values in _facts(case).items()}
    facts = {name: values for name, values in told.items() if usable(values).size}
    if not facts:
        return None
    try:
        found = shortcut_baselines(
            facts,
            case.labels[films],
            case.patients[films].tolist(),
            splits.tolist(),
            seed=case.seed,
            resamples=case.resamples,
        )
    except ManifestError:  # one class, or hardly a patient: nothing to be learned, and other checks say so
        return None
    found.sort(key=lambda one: -one.auc["train"].value)
    best = found[0]
    auc = best.auc["train"]
    return [
        AuditFinding(
            code="shortcuts",
            severity="warning" if auc.low >= _TELLS_MUCH else "note",
            title=f"The class can be told with AUC {auc.value:.2f} without looking at the lungs ({best.name})",
            meaning="Each line is a logistic regression on facts that know no anatomy; the train films are scored by "
            "models that have not seen their patient. A network finds these shortcuts too, and where films are "
            "acquired otherwise they fail. A network's AUC means little unless it is far above these.",
            remedy="Augment what gives the class away (crop scale and aspect, sharpness, brightness); validate on "
            "films where it does not ('data split --strategy shifted'); report these baselines beside any result.",
            figures=tuple(_figures(found, splits)),
        )
    ]


def shift(case: Case) -> list[AuditFinding] | None:
    """Whether films of one class are of one make in all splits."""
    films = case.sample
    cells = case.survey.thumbs[films].reshape(-1, _SIDE, THUMB // _SIDE, _SIDE, THUMB // _SIDE)
    thumbs = cells.mean((2, 4), dtype=np.float32)
    pictures = thumbs.reshape(len(thumbs), _SIDE**2)
    scalars = {name: case.survey.rows[name][films] for name in SCALARS}
    compare = partial(
        shift_by_class,
        labels=case.labels[films],
        splits=case.splits[films].tolist(),
        patients=case.patients[films].tolist(),
        seed=case.seed,
        resamples=case.resamples,
    )
    seen = compare(pictures, scalars=scalars)
    measured = compare(np.hstack([pictures, np.stack(list(scalars.values()), axis=1)]))
    pairs = zip(seen, measured, strict=True)
    return [_shift(*both) for both in sorted(pairs, key=lambda both: -both[0].auc.value)] or None


def _facts(case: Case) -> dict[str, NDArray[np.float64]]:
    """Groups of facts: those of the files, those of the header, and the source."""
    facts = {name: case.survey.columns(*columns) for name, columns in MEASURED.items()}
    facts["all measurements"] = case.survey.columns(*SCALARS)
    header = [*_one_hot([film.view for film in case.films]), *_one_hot([film.sex for film in case.films]), *_ages(case)]
    source = list(_one_hot([film.source for film in case.films]))
    if header:
        facts["view, sex and age"] = np.stack(header, axis=1)
    if source:
        facts["the source"] = np.stack(source, axis=1)
    return facts


def _one_hot(values: list[str]) -> Iterator[NDArray[np.float64]]:
    """A column for each value, if there are several."""
    kinds = sorted(set(values))
    if len(kinds) > 1:
        yield from (np.array([value == kind for value in values], np.float64) for kind in kinds)


def _ages(case: Case) -> Iterator[NDArray[np.float64]]:
    """Age, with the mean for those not stated, and whether it is stated."""
    ages = np.array([np.nan if film.age is None else film.age for film in case.films])
    if not np.isnan(ages).all():
        yield np.where(np.isnan(ages), np.nanmean(ages), ages)
        yield np.isnan(ages).astype(np.float64)


def _figures(found: list[ShortcutBaseline], splits: NDArray[np.str_]) -> Iterator[Figure]:
    for one in found:
        for split, auc in one.auc.items():
            yield Figure(
                what=f"AUC of {one.name}, {split}",
                value=auc.value,
                low=auc.low,
                high=auc.high,
                films=int((splits == split).sum()),
            )


def _shift(one: ClassShift, measured: ClassShift) -> AuditFinding:
    """``one`` as thumbnails show it; ``measured`` with all measurements beside them."""
    first, second = one.splits
    differs = one.auc.low >= _DIFFERS
    moved = [(name, d) for name, d in one.moved if abs(d) >= _MOVED][:4]
    told = ", ".join(
        f"{name.replace('_', ' ')} ({'more' if d > 0 else 'less'} in {second}: d {d:+.1f})" for name, d in moved
    )
    word = "differ" if differs else "are alike"
    return AuditFinding(
        code=f"shift-{first}-{second}-{WORDS[one.label].replace(' ', '-')}",
        severity="warning" if differs else "note",
        title=f"Films of {first} and {second} with {WORDS[one.label]} {word}: told apart with AUC {one.auc.value:.2f}"
        if one.label
        else f"Films of {first} and {second} without pneumonia {word}: told apart with AUC {one.auc.value:.2f}",
        meaning="A classifier tells the split of a film from its thumbnail, without having seen its patient; 0.5 would "
        f"be guessing.{f' What moved most: {told}.' if told else ''}",
        remedy="Expect figures on one split to differ from those on the other; choose epoch, threshold and "
        "augmentation on a validation split that shows such a difference ('data split --strategy shifted'), never on "
        "the test films."
        if differs
        else "Nothing.",
        figures=tuple(
            Figure(
                what=f"AUC {first} against {second}, by {features}",
                value=each.auc.value,
                low=each.auc.low,
                high=each.auc.high,
                films=sum(each.films),
            )
            for features, each in (("thumbnails", one), ("thumbnails and all measurements", measured))
        ),
    )
