"""What the headers of DICOM films tell, for tables of films; the pixels are left alone."""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from pydicom import Dataset, dcmread
from pydicom.dataset import FileDataset
from pydicom.errors import BytesLengthException
from pydicom.multival import MultiValue
from pydicom.uid import MediaStorageDirectoryStorage

from pneumoscope.core.parallel import ordered_map, usable_cores
from pneumoscope.data.sources.base import age_of, sex_of

_TAGS: Final = [
    "SpecificCharacterSet",
    "SOPInstanceUID",
    "StudyDate",
    "AccessionNumber",
    "Modality",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "BodyPartExamined",
    "ViewPosition",
    "StudyInstanceUID",
    "PatientOrientation",
    "ViewCodeSequence",
]
_DAMAGE: Final = (
    BytesLengthException,
    OSError,
    EOFError,
    ValueError,
    struct.error,
    zlib.error,
    LookupError,
    TypeError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    MemoryError,
)
"""What pydicom raises on a file that is damaged, cut short, or no DICOM."""

_MEANINGS: Final = {"POSTERO-ANTERIOR": "PA", "ANTERO-POSTERIOR": "AP", "LATERAL": "LATERAL"}
"""PS3.16 CID 4010, by what the code's meaning contains."""

_DATE: Final = re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """Modality, body part and view in upper case; identifiers as they are stated; "" for what is not stated.

    ``note`` says what is wrong with a value. ``damage`` says why the header cannot be read; all else is then empty.
    """

    modality: str = ""
    body_part: str = ""
    view: str = ""
    age: float | None = None
    sex: str = ""
    patient_id: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    study_instance_uid: str = field(default="", repr=False)
    sop_instance_uid: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    note: str = ""
    damage: str = ""


def headers(films: Iterable[Path]) -> list[Header]:
    """The headers of DICOM films, in order; a film that cannot be read has one that says so."""
    with warnings.catch_warnings(action="ignore"):  # pydicom warns of odd values; around all threads, which share it
        return list(ordered_map(_header, films, usable_cores()))


def _header(path: Path) -> Header:
    try:
        data = dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS), force=True)  # old ones lack a preamble
        if "Modality" not in data:
            return _without_modality(data)
        age, note = age_of(_text(data, "PatientAge") or _years_lived(data))
        return Header(
            modality=_text(data, "Modality").upper(),
            body_part=_text(data, "BodyPartExamined").upper(),
            view=_view(data),
            age=age,
            sex=sex_of(_text(data, "PatientSex")),
            patient_id=_text(data, "PatientID"),
            issuer=_text(data, "IssuerOfPatientID"),
            study_instance_uid=_text(data, "StudyInstanceUID"),
            sop_instance_uid=_text(data, "SOPInstanceUID"),
            accession_number=_text(data, "AccessionNumber"),
            note=note,
        )
    except _DAMAGE as error:
        return Header(damage=f"its header cannot be read ({type(error).__name__})")  # its text may quote the patient


def _without_modality(data: FileDataset) -> Header:
    """A list of files says so in its file meta; anything else is no whole film: pydicom takes a cut file as it is."""
    if data.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        return Header(modality="DICOMDIR")
    return Header(damage="its header names no modality: damaged, cut short, or no film")


def _text(data: Dataset, keyword: str) -> str:
    value = data.get(keyword)
    if isinstance(value, MultiValue):
        value = next(iter(value), None)
    return "" if value is None else str(value).strip(" \0")


def _view(data: Dataset) -> str:
    """ViewPosition, else what the view's code means, else what the patient's orientation in the picture tells."""
    if stated := _text(data, "ViewPosition").upper():
        return stated
    meaning = " ".join(_text(item, "CodeMeaning").upper() for item in data.get("ViewCodeSequence") or ())
    ways = [str(way) for way in data.get("PatientOrientation") or ()]
    sideways = len(ways) == 2 and ways[0][:1] in ("A", "P") and ways[1][:1] in ("F", "H")
    return next((view for words, view in _MEANINGS.items() if words in meaning), "LATERAL" if sideways else "")


def _years_lived(data: Dataset) -> str:
    """Years from birth to the study, as text; "" if a date is missing or is none."""
    dates = [_DATE.fullmatch(_text(data, keyword)) for keyword in ("PatientBirthDate", "StudyDate")]
    try:
        born, seen = (date(*map(int, found.groups())) for found in dates if found)
    except ValueError:
        return ""
    return f"{(seen - born).days / 365.25:.2f}" if seen >= born else ""
