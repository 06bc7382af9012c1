"""Films in a folder for each class, at any depth, with or without folders for the splits.

Known faults
    Nothing tells which films are of one patient unless the user gives a pattern for it: each film counts as a patient
    of its own, and a split can put two films of one child on both sides. A class that says neither pneumonia nor normal
    leaves the label open: not every finding excludes pneumonia.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from pneumoscope.core import ManifestError
from pneumoscope.data.sources.base import Entry, Options, Source, walk

SPLIT_WORDS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_NORMAL = {"normal", "normals", "healthy", "negative", "0"}
_PNEUMONIA = {"pneumonia", "bacterial", "bacteria", "viral", "virus", "positive", "1"}
_NOTHING = {"finding", "findings", "disease"}
_NOT = {"no", "non", "not", "without"}
_SUBTYPE = {"bacterial": "bacterial", "bacteria": "bacterial", "viral": "viral", "virus": "viral"}
_WORDS = re.compile(r"[a-z]+")


def _recognises(root: Path) -> bool:
    return any(meaning(name, {}) is not None for name in names_below(root))


def names_below(root: Path) -> Iterator[str]:
    """Names of the folders in ``root``, and of those in them."""
    yield from (path.name for level in ("*/", "*/*/") for path in root.glob(level) if not path.name.startswith("."))


def _entries(root: Path, options: Options) -> Iterator[Entry]:
    found = [(path, _class(path, root, options.classes)) for path in walk(root)]
    counts = Counter(name for _, name in found)
    if not set(counts) <= set(options.classes) and not any(meaning(name, options.classes) in (0, 1) for name in counts):
        told = ", ".join(f"{name or '(none)'} ({n} films)" for name, n in counts.items()) or "no films"
        raise ManifestError(
            f"{root}: expected a folder for each class, such as NORMAL and PNEUMONIA; found {told}. Say what they mean "
            f"with --class NAME=1 (pneumonia), NAME=0 (none) or NAME=unknown"
        )
    unknown = set(options.classes) - set(counts)
    if unknown:
        raise ManifestError(f"{root}: no folder is called {', '.join(sorted(unknown))}; found {', '.join(counts)}")
    for path, name in found:
        label = meaning(name, options.classes)
        yield Entry(
            path=path,
            patient=patient_of(path.relative_to(root), options.patient_pattern),
            label=label,
            subtype=subtype_of(name) if label == 1 else "",
            split=_split(path.relative_to(root)),
            findings=(name,) if name and meaning(name, {}) is None else (),
        )


def _class(path: Path, root: Path, classes: Mapping[str, int | None]) -> str:
    """The nearest folder above whose name means something; else the nearest one that is not a split's."""
    parts = [part for part in reversed(path.relative_to(root).parts[:-1]) if part.lower() not in SPLIT_WORDS]
    telling = (part for part in parts if part in classes or meaning(part, classes) is not None)
    return next(telling, parts[0] if parts else "")


def _split(path: Path) -> str:
    return next((SPLIT_WORDS[part.lower()] for part in path.parts[:-1] if part.lower() in SPLIT_WORDS), "")


def meaning(name: str, classes: Mapping[str, int | None]) -> int | None:
    """1, 0 or None; what the user says about a class comes first."""
    if name in classes:
        return classes[name]
    words = {name} if name.isdigit() else set(_WORDS.findall(name.lower()))  # "1" says something, "patient_1" does not
    normal, pneumonia = bool(words & _NORMAL), bool(words & _PNEUMONIA)
    if words & _NOT:  # "no pneumonia" is 0, "not normal" says too little
        return 0 if not normal and words & (_PNEUMONIA | _NOTHING) else None
    return None if normal == pneumonia else int(pneumonia)


def subtype_of(name: str) -> str:
    """Whether a class says bacterial or viral; "" if it says neither or both."""
    kinds = {_SUBTYPE[word] for word in _WORDS.findall(name.lower()) if word in _SUBTYPE}
    return kinds.pop() if len(kinds) == 1 else ""


def patient_of(path: Path, pattern: re.Pattern[str] | None) -> str:
    """What the pattern finds; else the film is a patient of its own."""
    match = pattern.search(path.as_posix()) if pattern else None
    if not match:
        return path.with_suffix("").as_posix()
    return match[1] if match.re.groups else match[0]


SOURCE = Source(
    name="folder",
    title="Any folder with a folder of films for each class",
    layout="a folder for each class (NORMAL, PNEUMONIA, ...), at any depth",
    recognises=_recognises,
    entries=_entries,
    options=frozenset({"classes", "patient_pattern"}),
)
