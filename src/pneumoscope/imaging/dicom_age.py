"""How old the patient was, from a DICOM header: whole years, and nothing else is kept."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from pneumoscope.imaging.dicom_header import Header

_AGE: Final = re.compile(r"(\d{1,3})([DWMY]?)")
_A_YEAR: Final = {"D": 365, "W": 52, "M": 12, "Y": 1, "": 1}
"""How many of each unit make a year. The standard wants one; public collections often leave it out, and mean years."""

_DATE: Final = re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)")
_OLDEST: Final = 110
"""Older patients are made up: software that takes names away likes to leave a birth in 1900 or an age of 999."""


def age_in_years(header: Header) -> int | None:
    """PatientAge (PS3.5 section 6.2, AS), else what lies between the birth and the study; None if neither can be.

    Whole years as people count them: 0 until the first birthday.
    """
    age = _stated(header.text("PatientAge") or "")
    if age is None:
        age = _lived(_day(header.text("PatientBirthDate") or ""), _day(header.text("StudyDate") or ""))
    return age if age is not None and 0 <= age <= _OLDEST else None


def _stated(text: str) -> int | None:
    match = _AGE.fullmatch(text)
    return int(match[1]) // _A_YEAR[match[2]] if match else None


def _lived(birth: date | None, study: date | None) -> int | None:
    if birth is None or study is None:
        return None
    return study.year - birth.year - ((study.month, study.day) < (birth.month, birth.day))


def _day(text: str) -> date | None:
    """A DA value, with dots as older files have it; None for what is no day."""
    match = _DATE.fullmatch(text)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None
