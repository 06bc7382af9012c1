"""The RSNA Pneumonia Detection Challenge of 2018: NIH films that radiologists have read again.

Citation
    Shih G, Wu CC, Halabi SS, et al. Augmenting the National Institutes of Health Chest Radiograph Dataset with Expert
    Annotations of Possible Pneumonia. Radiology: Artificial Intelligence 1(1):e180041, 2019.
    doi:10.1148/ryai.2019180041.
Licence
    RSNA's terms: any use, commercial or not, with the attribution that they ask for. On Kaggle the competition's rules
    must be accepted first.
Counts
    Stage 2: 26,684 films to train on, 6,012 with lung opacity (9,555 boxes), 8,851 normal, 11,821 neither; and 3,000
    without public labels.
Download
    Kaggle competition ``rsna-pneumonia-detection-challenge``. RSNA's own page has the mapping to the NIH's films, and
    the films in another layout, which is not read here.
Known faults
    "patientId" names an exam: a patient has one for each film. With ``pneumonia-challenge-dataset-mappings_2018.json``
    beside the table the NIH's patient number is the key; without it a split can put a patient on both sides. All films
    are also in source 'nih'. The readers saw the film alone: a label says "opacity that may be pneumonia". Films
    without opacity that are not normal count as 0. The films of ``stage_2_test_images`` are listed without label and
    without split: nobody can test on them. Some ages, 148 to 155, cannot be; they are left out with a note. Boxes are
    in pixels of the 1024 x 1024 film.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import msgspec

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Box
from pneumoscope.data.fetch.places import KaggleCompetition
from pneumoscope.data.sources.base import Entry, Options, Source, by_name, films_in, home_of, table_rows
from pneumoscope.data.sources.headers import headers

_TABLE = "stage_2_train_labels.csv"
_CLASSES = "stage_2_detailed_class_info.csv"
_MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
_SIDES = ("x", "y", "width", "height")
_LAYOUT = f"{_TABLE}; stage_2_train_images/ with DICOM or converted films"


def _recognises(root: Path) -> bool:
    return home_of(root, _TABLE) is not None


def _entries(root: Path, _: Options) -> Iterator[Entry | str]:
    home = home_of(root, _TABLE)
    if home is None:
        raise ManifestError(f"{root}: expected {_LAYOUT}; found no {_TABLE}")
    labels, boxes = _labels(home / _TABLE)
    classes, patients = _classes(home / _CLASSES), _patients(home / _MAPPING)
    train = by_name(films_in(home / "stage_2_train_images"), key=attrgetter("stem"))
    test = by_name(films_in(home / "stage_2_test_images"), key=attrgetter("stem"))
    listed = [(exam, train[exam]) for exam in labels if exam in train] + list(test.items())
    for (exam, path), header in zip(listed, headers(path for _, path in listed), strict=True):
        picture = path.suffix.lower() not in (".dcm", "")
        yield Entry(
            path=path,
            patient=patients.get(exam, exam),
            label=labels.get(exam),
            findings=classes.get(exam, ()),
            view=header.view,
            age=header.age,
            sex=header.sex,
            boxes=tuple(boxes[exam]),
            note="" if picture else header.note or header.damage,
        )
    if absent := len(labels.keys() - train.keys()):
        yield f"{absent} of {len(labels)} films in {_TABLE} are not in the folder and are not listed"
    if strange := len(train.keys() - labels.keys()):
        yield f"{strange} films in stage_2_train_images are not in {_TABLE} and are not listed"
    if not patients:
        yield f"{_MAPPING} is not there: each exam counts as a patient, although patients have several"


def _labels(table: Path) -> tuple[dict[str, int], dict[str, list[Box]]]:
    """Label and boxes of each exam; a table has a row for each box."""
    labels: dict[str, int] = {}
    boxes: dict[str, list[Box]] = defaultdict(list)
    for line, row in table_rows(table, "patientId", *_SIDES, "Target"):
        exam, target = row["patientId"], {"1": 1, "0": 0}.get(row["Target"])
        if target is None:
            raise ManifestError(f"{table}, line {line}: Target: expected 1 or 0, got {row['Target']!r}")
        if labels.setdefault(exam, target) != target:
            raise ManifestError(f"{table}, line {line}: {exam} has another Target in a line above; expected one")
        try:
            box = Box(*(round(float(row[side]), 1) for side in _SIDES)) if target else None
        except ValueError as error:
            raise ManifestError(f"{table}, line {line}: expected four numbers for the box ({error})") from error
        if box and box not in boxes[exam]:
            boxes[exam].append(box)
    return labels, boxes


def _classes(table: Path) -> dict[str, tuple[str, ...]]:
    """What readers saw on each film, unless it is normal; empty without the table."""
    rows = (row for _, row in table_rows(table, "patientId", "class")) if table.is_file() else ()
    return {row["patientId"]: () if row["class"] == "Normal" else (row["class"],) for row in rows}


class _Mapped(msgspec.Struct):
    subset_img_id: str
    img_id: str


def _patients(mapping: Path) -> dict[str, str]:
    """The NIH's patient number of each exam, as source 'nih' has it; empty without the mapping."""
    if not mapping.is_file():
        return {}
    try:
        rows = msgspec.json.decode(mapping.read_bytes(), type=list[_Mapped])
    except (OSError, msgspec.DecodeError) as error:
        raise ManifestError(f"{mapping}: expected a list of subset_img_id with img_id: {error}") from error
    return {row.subset_img_id: row.img_id.partition("_")[0].lstrip("0") for row in rows}


SOURCE = Source(
    name="rsna",
    title="RSNA Pneumonia Detection Challenge (2018)",
    layout=_LAYOUT,
    recognises=_recognises,
    entries=_entries,
    citation=(
        "Shih G, Wu CC, Halabi SS, et al. Augmenting the National Institutes of Health Chest Radiograph Dataset with "
        "Expert Annotations of Possible Pneumonia. Radiology: Artificial Intelligence 1(1):e180041, 2019. "
        "doi:10.1148/ryai.2019180041"
    ),
    licence="RSNA's terms of use: any use with attribution; on Kaggle, the competition's rules",
    homepage=(
        "https://www.rsna.org/education/ai-resources-and-training/ai-image-challenge/"
        "rsna-pneumonia-detection-challenge-2018"
    ),
    download=(KaggleCompetition("rsna-pneumonia-detection-challenge"),),
    intended_use=(
        "A second look at frontal (AP or PA) chest X-rays of adults in hospital, by or under a qualified reader, and "
        "research. It says how likely an opacity is that may be pneumonia and which part of the film speaks for it."
    ),
    exclusions=(
        "Not for young children, lateral views, CT, or any other part of the body.",
        "Not validated outside one hospital; its readers knew nothing of the patients but the film.",
        "Says nothing about findings other than opacity, such as effusion, fracture, tuberculosis or a tumour.",
        "A low probability does not rule pneumonia out.",
    ),
)
