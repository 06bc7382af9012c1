"""A folder of DICOM films, to any depth, as a scanner or an archive writes them; a table of one's own has the labels.

Kept are films of modality CR, DX, DR or RG whose body part, where stated, is the chest and whose view, where stated, is
not lateral, oblique or decubitus. The others are counted and told of. Only headers are read.

Known faults
    The patient key is the start of a SHA-256 of the PatientID and its issuer, so that the manifest does not hold the
    ID; but who has the IDs can compute the keys, and file names are kept as they are. Where a set was stripped of its
    IDs, the study stands in for the patient; where all films were given one ID, all count as one patient.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from pneumoscope.core import ManifestError
from pneumoscope.data.sources import folder
from pneumoscope.data.sources.base import Entry, Options, Source, told, walk
from pneumoscope.data.sources.dicom_labels import Kept, labels_of
from pneumoscope.data.sources.headers import Header, headers

_ENDINGS: Final = (".dcm", ".dicom", "")
_MODALITIES: Final = ("CR", "DX", "DR", "RG")
_CHEST: Final = ("CHEST", "THORA", "TORAX", "LUNG")
_SIDEWAYS: Final = re.compile(r"[LR]L[DO]?\b|.*(LAT|OBL|DECUB)")
"""PS3.3 C.8.1.1: LL, RL, decubitus (LLD, RLD) and oblique (LLO, RLO), and what people write instead."""


def _recognises(root: Path) -> bool:
    """Whether the first film is a DICOM file, and no folder is called after a class; archives number theirs."""
    first = next(walk(root), None)
    if first is None or first.suffix.lower() not in _ENDINGS:
        return False
    return not any(folder.meaning(name, {}) is not None for name in folder.names_below(root) if not name.isdigit())


def _entries(root: Path, options: Options) -> Iterator[Entry | str]:
    paths = list(walk(root))
    films = [path for path in paths if path.suffix.lower() in _ENDINGS]
    skipped: Counter[str] = Counter()
    kept: list[Kept] = []
    for path, header in zip(films, headers(films), strict=True):
        if reason := _why_not(header):
            skipped[reason] += 1
        else:
            kept.append(_kept(path.relative_to(root), header, options.patient_pattern))
    stated, notes = _stated(kept, options)
    for film, what in zip(kept, stated, strict=True):
        yield Entry(
            path=root / film.path,
            patient=film.patient,
            view=film.header.view,
            age=film.header.age,
            sex=film.header.sex,
            note=film.header.damage or film.header.note,
            **what,
        )
    yield from notes
    if skipped:
        yield f"{skipped.total()} DICOM files are no frontal chest films and are not listed: {told(skipped)}"
    if other := len(paths) - len(films):
        yield f"{other} pictures are no DICOM files and are not listed"
    if len(kept) > 1 and len({film.patient for film in kept}) == 1:
        yield "all films are of one patient; if the IDs were removed, say with --patient where a path has them"


def _why_not(header: Header) -> str:
    """What keeps a file from being a frontal chest film, as far as the header tells; "" if nothing does."""
    if header.damage:
        return ""
    if header.modality not in _MODALITIES:
        return f"modality {header.modality or '(none)'}"
    if header.body_part and not any(word in header.body_part for word in _CHEST):
        return f"body part {header.body_part}"
    return f"view {header.view}" if _SIDEWAYS.match(header.view) else ""


def _kept(path: Path, header: Header, pattern: re.Pattern[str] | None) -> Kept:
    if pattern is not None or not (header.patient_id or header.study_instance_uid):
        return Kept(path=path, header=header, patient=folder.patient_of(path, pattern))
    words = (header.issuer, header.patient_id) if header.patient_id else ("study", header.study_instance_uid)
    digest = hashlib.sha256("\x1f".join(words).encode("utf-8", "surrogateescape")).hexdigest()
    return Kept(path=path, header=header, patient=digest[:16])


def _stated(films: Sequence[Kept], options: Options) -> tuple[list[dict[str, Any]], list[str]]:
    """What the table states of each film, and what is told of the rest; without a table no label is stated."""
    if options.table is not None:
        return labels_of(films, options.table, options)
    if options.columns or options.classes:
        raise ManifestError("--column and --class speak of a table; name it with --table")
    return [{"label": None}] * len(films), []


SOURCE = Source(
    name="dicom",
    title="A folder of DICOM films",
    layout="DICOM files to any depth; labels come from a table (--table) that names films, studies or patients",
    recognises=_recognises,
    entries=_entries,
    options=frozenset({"table", "columns", "classes", "patient_pattern"}),
)
