"""What a film's header says of those whom a bundle is for: reasons not to answer, and reasons for doubt.

A header that names another modality, part of the body, view or age is a reason not to answer. A word that is no name of
any (``"XX"``, ``"RIBCAGE"``) is typing, and a reason for doubt alone: it says nothing about the film.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from pneumoscope.bundle.spec import Population
from pneumoscope.core import QualityFlag, Radiograph

# DICOM PS3.3 C.7.3.1.1.1: those that make pictures. A CT machine's scout looks just like a chest film, and is none. RF
# is left out: some rooms for fluoroscopy send plain films under it.
OTHER_MODALITIES: Final = frozenset(
    {
        "BMD",
        "CT",
        "ECG",
        "EPS",
        "ES",
        "GM",
        "IO",
        "IVOCT",
        "IVUS",
        "KER",
        "LEN",
        "MG",
        "MR",
        "NM",
        "OCT",
        "OP",
        "OPM",
        "OPT",
        "PT",
        "PX",
        "RTIMAGE",
        "SM",
        "TG",
        "US",
        "VA",
        "XA",
        "XC",
    }
)
# PS3.16 CID 4031 (defined terms of BodyPartExamined), as single words; parts inside the chest are left out.
OTHER_PARTS: Final = frozenset(
    {
        "ABDOMEN",
        "ANKLE",
        "ARM",
        "BLADDER",
        "BRAIN",
        "BREAST",
        "CALCANEUS",
        "CLAVICLE",
        "COCCYX",
        "COLON",
        "CSPINE",
        "EAR",
        "ELBOW",
        "EXTREMITY",
        "EYE",
        "FACE",
        "FEMUR",
        "FIBULA",
        "FINGER",
        "FOOT",
        "FOREARM",
        "HAND",
        "HEAD",
        "HEEL",
        "HIP",
        "HUMERUS",
        "JAW",
        "KIDNEY",
        "KNEE",
        "LEG",
        "LIVER",
        "LSPINE",
        "MANDIBLE",
        "MAXILLA",
        "NECK",
        "NOSE",
        "ORBIT",
        "PATELLA",
        "PELVIS",
        "RADIUS",
        "SACRUM",
        "SCAPULA",
        "SHOULDER",
        "SKULL",
        "SPINE",
        "SSPINE",
        "STOMACH",
        "TEETH",
        "THIGH",
        "THUMB",
        "TIBIA",
        "TOE",
        "TSPINE",
        "ULNA",
        "WRIST",
        "ZYGOMA",
    }
)
# PS3.3 C.8.1.1, and what is written for its terms; decubitus films (LLD, RLD) are taken lying on a side.
OTHER_VIEWS: Final = frozenset(
    {
        "AX",
        "AXIAL",
        "LAO",
        "LAT",
        "LATERAL",
        "LL",
        "LLD",
        "LLO",
        "LPO",
        "OBL",
        "OBLIQUE",
        "RAO",
        "RL",
        "RLD",
        "RLO",
        "RPO",
        "SWIMMER",
        "TANGENTIAL",
    }
)


def header_flags(film: Radiograph) -> tuple[QualityFlag, ...]:
    """Reasons for doubt of a bundle that does not say whom it is for: whatever is not a frontal chest film's."""
    return tuple(flag for flag, _ in _outside(film, Population()))


def header_reasons(film: Radiograph, population: Population) -> tuple[tuple[QualityFlag, ...], tuple[QualityFlag, ...]]:
    """Reasons not to answer, and reasons for doubt."""
    found = [*_outside(film, population), *_age(film, population)]
    return tuple(flag for flag, known in found if known), tuple(flag for flag, known in found if not known)


def _outside(film: Radiograph, population: Population) -> Iterator[tuple[QualityFlag, bool]]:
    """What the header says otherwise, and whether it is known to be something else."""
    p = population
    if film.modality and film.modality not in p.modalities:
        message = f"The header says {film.modality}, not a plain X-ray ({_listed(p.modalities[:2])})."
        yield QualityFlag("wrong-modality", message), film.modality in OTHER_MODALITIES
    if film.body_part and not any(part in film.body_part for part in p.body_parts):
        message = f"The header says {film.body_part}, not the {p.body_parts[0].lower()}."
        yield QualityFlag("wrong-body-part", message), _names(film.body_part, OTHER_PARTS)
    if film.view and film.view not in p.views:
        message = f"The header says view {film.view}, not frontal ({_listed(p.views)})."
        yield QualityFlag("wrong-view", message), _names(film.view, OTHER_VIEWS) and not _names(film.view, p.views)


def _age(film: Radiograph, population: Population) -> Iterator[tuple[QualityFlag, bool]]:
    if film.age is None or population.ages is None:
        return
    low, high = population.ages
    if not low <= film.age <= high:
        message = f"The patient was {film.age} years old by the header; the model is for those of {low} to {high}."
        yield QualityFlag("wrong-age", message), True


def _names(text: str, words: Iterable[str]) -> bool:
    """Whether one of the words is there as a word of its own: a PHARMACY is no ARM."""
    return not set(words).isdisjoint(re.findall("[A-Z]+", text))


def _listed(words: tuple[str, ...]) -> str:
    return " or ".join(words)
