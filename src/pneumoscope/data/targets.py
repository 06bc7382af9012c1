"""What a manifest says of its films about the labels that a network tells: yes, no, or nothing.

    pneumonia             the manifest's label
    normal                yes without pneumonia and without any finding
    bacterial, viral      the subtype of a pneumonia; no without pneumonia
    any other word        a finding in the manifest's words, whatever their case; no where the row states other things

Where a row states nothing about a label the answer is NaN, not "no": silence is no finding. Of a label that is asked
only where another is true (``given``), nothing is stated of any other film.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import compress
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Film, Manifest

PNEUMONIA: Final = "pneumonia"
_NOTHING: Final = {"normal", "no finding", "no findings"}
"""Findings that say that there is none."""
_NOT_STATED: Final = float("nan")
_NAMED = 20

_Rule = Callable[[Film, set[str]], float]
"""What a film says of one label, given the film and its findings."""

Given = Mapping[str, str]
"""Labels that are asked only where another is true, and which that is."""


def targets(
    films: Sequence[Film], labels: Sequence[str], *, exclusive: bool = False, given: Given | None = None
) -> NDArray[np.float32]:
    """(N, K) whether each label is true of each film: 1 yes, 0 no, NaN not stated.

    If the labels are ``exclusive`` and one is true, those that are not stated are not true. Of a label in ``given``
    nothing is stated unless the one that it goes with is true.

    >>> film = Film("a.png", "", "p", 1, "viral", "train", "made up")
    >>> targets([film], ["pneumonia", "normal", "bacterial", "viral", "tumour"]).tolist()
    [[1.0, 0.0, 0.0, 1.0, 0.0]]
    >>> normal = replace(film, label=0, subtype="")
    >>> targets([film, normal], ["pneumonia", "bacterial"], given={"bacterial": "pneumonia"}).tolist()
    [[1.0, 0.0], [0.0, nan]]
    """
    rules = [_rule(label) for label in labels]
    answers = [[rule(film, found) for rule in rules] for film, found in zip(films, map(_found, films), strict=True)]
    stated = np.array(answers, np.float32).reshape(len(films), len(labels))
    settled = one_each(stated)[:, np.newaxis] & exclusive
    return _where_asked(np.where(settled, np.nan_to_num(stated), stated), list(labels), given or {})


def _where_asked(answers: NDArray[np.float32], labels: list[str], given: Given) -> NDArray[np.float32]:
    asked = answers.copy()
    for label, condition in given.items():
        asked[answers[:, labels.index(condition)] != 1, labels.index(label)] = _NOT_STATED
    return asked


def with_targets(manifest: Manifest, labels: Sequence[str], given: Given | None = None) -> Manifest:
    """The films of which at least one label is known; may be none."""
    known = np.asarray((~np.isnan(targets(manifest.films, labels, given=given))).any(axis=1))
    return replace(manifest, films=tuple(compress(manifest.films, known)))


def check_labels(
    manifest: Manifest, labels: Sequence[str], *, exclusive: bool = False, given: Given | None = None
) -> None:
    """Make sure that each label can be learned, or calibrated, on these films.

    Raises
    ------
    ManifestError : if no film is said to have a label, or none not to have it; names what the films are said to have.
    """
    answers = targets(manifest.films, labels, exclusive=exclusive, given=given)
    for label, column in zip(labels, answers.T, strict=True):
        yes, no = int((column == 1).sum()), int((column == 0).sum())
        among = f" among those with {given[label]}" if given and label in given else ""
        if not yes or not no:
            raise ManifestError(
                f"{manifest.root}: label {label!r}: expected films with and without it{among}, found {yes} with and "
                f"{no} without. The films state: {_stated(manifest.films)}"
            )


def exclusive_targets(films: Sequence[Film], labels: Sequence[str]) -> NDArray[np.int64]:
    """(N,) which of the labels, 0 to K - 1, is the one that is true of each film. What is not stated counts as no.

    Raises
    ------
    ManifestError : if none or several are true of a film.
    """
    answers = targets(films, labels)
    wrong = np.flatnonzero(~one_each(answers))
    if len(wrong):
        film, has = films[wrong[0]], answers[wrong[0]] == 1
        said = " and ".join(label for label, true in zip(labels, has, strict=True) if true) or "none of them"
        raise ManifestError(
            f"expected exactly one of {', '.join(labels)} for each film; {len(wrong)} of {len(films)} have none or "
            f"several, the first is {film.path} with {said} (it states: {', '.join(_words(film)) or 'nothing'}). Take "
            f"them out of the manifest, name a label for them too, or give up data.exclusive"
        )
    return np.asarray(np.nan_to_num(answers).argmax(axis=1), np.int64)


def one_each(answers: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) of which films exactly one label is true, given their targets (N, K)."""
    return np.asarray((answers == 1).sum(axis=1) == 1)


def _rule(label: str) -> _Rule:
    word = label.casefold()
    return _RULES.get(word) or partial(_finding, word)


def _pneumonia(film: Film, found: set[str]) -> float:
    return _NOT_STATED if film.label is None else float(film.label)


def _normal(film: Film, found: set[str]) -> float:
    if film.label == 1 or found:
        return 0.0
    return 1.0 if film.label == 0 or film.findings else _NOT_STATED


def _subtype(word: str, film: Film, found: set[str]) -> float:
    if film.label == 1:
        return float(film.subtype == word) if film.subtype else _NOT_STATED
    return _pneumonia(film, found)


def _finding(word: str, film: Film, found: set[str]) -> float:
    return float(word in found) if film.findings or film.label is not None else _NOT_STATED


def _found(film: Film) -> set[str]:
    """What is seen on a film, by the manifest's findings, in lower case."""
    return {finding.casefold() for finding in film.findings} - _NOTHING if film.findings else set()


_RULES: Final[dict[str, _Rule]] = {
    PNEUMONIA: _pneumonia,
    "normal": _normal,
    "bacterial": partial(_subtype, "bacterial"),
    "viral": partial(_subtype, "viral"),
}


def _stated(films: Sequence[Film]) -> str:
    """What films are said to have, and how many, the most frequent first."""
    counts = Counter(word for film in films for word in _words(film))
    listed = [f"{word} ({n})" for word, n in counts.most_common(_NAMED)]
    return ", ".join(listed) + (f" and {len(counts) - _NAMED} more" if len(counts) > _NAMED else "")


def _words(film: Film) -> Iterator[str]:
    """Labels that are true of a film."""
    found = _found(film)
    yield from (word for word, rule in _RULES.items() if rule(film, found) == 1)
    yield from sorted(found - _RULES.keys())
