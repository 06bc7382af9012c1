"""Years from a header, as they are stated or as they are worked out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pneumoscope.imaging import read

GREYS = np.arange(400, dtype=np.uint16).reshape(20, 20)


@pytest.mark.parametrize(
    ("stated", "years"),
    [
        ("003Y", 3),
        ("018M", 1),
        ("011M", 0),
        ("052W", 1),
        ("364D", 0),
        ("365D", 1),
        ("110Y", 110),
        ("111Y", None),
    ],
)
def test_a_stated_age(make_dicom, stated, years):
    assert read(make_dicom(GREYS, PatientAge=stated)).age == years


def test_a_stated_age_without_its_unit_is_in_years(make_dicom):
    """As public collections have it; pydicom writes no such age without a warning."""
    data = make_dicom(GREYS, PatientAge="058Y")
    assert data.count(b"058Y") == 1
    assert read(data.replace(b"058Y", b"58  ")).age == 58


@pytest.mark.parametrize(
    ("birth", "study", "years"),
    [
        ("20160310", "20200309", 3),  # the day before the birthday
        ("20160310", "20200310", 4),
        ("20160229", "20170228", 0),
        ("20160229", "20170301", 1),
        ("20200310", "20160310", None),  # born after the study
        ("19000101", "20200101", None),  # what software that takes names away leaves
        ("", "20200101", None),
        ("20160310", "", None),
    ],
)
def test_an_age_from_dates(make_dicom, birth, study, years):
    assert read(make_dicom(GREYS, PatientBirthDate=birth, StudyDate=study)).age == years


def test_a_stated_age_comes_before_the_dates(make_dicom):
    film = read(make_dicom(GREYS, PatientAge="002Y", PatientBirthDate="19600101", StudyDate="20200101"))
    assert film.age == 2


def test_a_film_without_either_states_no_age(make_dicom):
    assert read(make_dicom(GREYS)).age is None


def test_no_date_is_kept(make_dicom):
    film = read(make_dicom(GREYS, PatientBirthDate="20160310", StudyDate="20200611"))
    assert film.age == 4
    told = " ".join(str(value) for name, value in dataclasses.asdict(film).items() if name not in ("pixels", "digest"))
    assert "2016" not in told
    assert "0611" not in told
