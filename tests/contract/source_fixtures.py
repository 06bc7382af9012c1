"""A tiny folder for each source of films, with the names and tables that the real one has."""

from __future__ import annotations

import csv
import json
import warnings
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pneumoscope.data.sources import Options
from tests.conftest import build_dicom

COVID_COLUMNS = [
    *("patientid", "offset", "sex", "age", "finding", "RT_PCR_positive", "survival", "intubated", "intubation_present"),
    *("went_icu", "in_icu", "needed_supplemental_O2", "extubated", "temperature", "pO2_saturation", "leukocyte_count"),
    *("neutrophil_count", "lymphocyte_count", "view", "modality", "date", "location", "folder", "filename", "doi"),
    *("url", "license", "clinical_notes", "other_notes", ""),
]
NIH_COLUMNS = [
    *("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "Patient Gender", "View Position"),
    *("OriginalImage[Width", "Height]", "OriginalImagePixelSpacing[x", "y]"),
]
BOX_COLUMNS = ["Image Index", "Finding Label", "Bbox [x", "y", "w", "h]", "", "", ""]
RSNA_COLUMNS = ["patientId", "x", "y", "width", "height", "Target"]
RSNA_EXAMS = (
    "0004cfab-14fd-4e49-80ba-63a80b6bddd6",
    "00436515-870c-4b36-a041-de91049b9ab4",
    "000924cf-0f8d-42bd-9158-1af53881a557",
)


def write_film(path: Path, **elements: Any) -> Path:
    """A small film, unlike that of any other name; a DICOM file if the ending says so, or there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(zlib.crc32(path.name.encode())).integers(0, 256, (8, 6), np.uint8)
    if path.suffix in ("", ".dcm"):
        with warnings.catch_warnings(action="ignore"):  # pydicom warns of an age such as RSNA's "51"
            path.write_bytes(build_dicom(pixels, **elements))
    else:
        Image.fromarray(pixels).save(path)
    return path


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object] | Mapping[str, object]]) -> Path:
    """A CSV; a row is in the columns' order, or names those that are not empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in rows:
            writer.writerow([row.get(name, "") for name in columns] if isinstance(row, Mapping) else row)
    return path


def films_in(root: Path, *paths: str) -> Path:
    for path in paths:
        write_film(root / path)
    return root


def kermany(tmp: Path) -> Path:
    return films_in(
        tmp / "chest_xray",
        "train/NORMAL/IM-0115-0001.jpeg",
        "train/PNEUMONIA/person1_bacteria_1.jpeg",
        "test/NORMAL/NORMAL2-IM-0173-0001-0001.jpeg",
        "test/PNEUMONIA/person1_virus_6.jpeg",
    )


def labeled_chest_xray(tmp: Path) -> Path:
    root = tmp / "labeled-chest-xray-images"
    films_in(
        root / "chest_xray",
        "train/NORMAL/NORMAL-1003233-0001.jpeg",
        "train/PNEUMONIA/BACTERIA-1008087-0001.jpeg",
        "test/PNEUMONIA/VIRUS-1008087-0002.jpeg",
    )
    return root


def covid_chestxray(tmp: Path) -> Path:
    root = tmp / "covid-chestxray-dataset-master"
    frontal = {"modality": "X-ray", "folder": "images"}
    rows = [
        {"patientid": 4, "sex": "F", "age": 52, "finding": "Pneumonia/Viral/COVID-19", "view": "PA", **frontal},
        {"patientid": 5, "finding": "Pneumonia/Bacterial/Streptococcus", "view": "AP Supine", **frontal},
        {"patientid": 6, "finding": "No Finding", "view": "AP Erect", "sex": "M", **frontal},
        {"patientid": 7, "finding": "Tuberculosis", "view": "AP", **frontal},
        {"patientid": 4, "finding": "Pneumonia/Viral/COVID-19", "view": "L", **frontal},
        {"patientid": 4, "finding": "Pneumonia/Viral/COVID-19", "view": "Axial", "modality": "CT", "folder": "volumes"},
    ]
    names = ("nejmc2001573_f1a.jpeg", "ARDSSevere.png", "02b973.jpeg", "tb.jpg", "f1-L.jpeg", "coronacases_1.nii.gz")
    write_table(
        root / "metadata.csv",
        COVID_COLUMNS,
        [{**row, "filename": name} for row, name in zip(rows, names, strict=True)],
    )
    return films_in(root, *(f"images/{name}" for name in names[:5]))


def nih_row(name: str, findings: str, **more: object) -> dict[str, object]:
    patient = int(name.partition("_")[0])
    return {"Image Index": name, "Finding Labels": findings, "Patient ID": patient, "View Position": "PA", **more}


def nih(tmp: Path) -> Path:
    root = tmp / "nih"
    rows = [
        nih_row("00000001_000.png", "Cardiomegaly|Pneumonia", **{"Patient Age": "058Y", "Patient Gender": "M"}),
        nih_row("00000001_001.png", "No Finding", **{"Patient Age": "58"}),
        nih_row("00000013_005.png", "Infiltration", **{"Patient Age": "414", "View Position": "AP"}),
    ]
    write_table(root / "Data_Entry_2017_v2020.csv", NIH_COLUMNS, rows)
    (root / "train_val_list.txt").write_text("00000001_000.png\n00000001_001.png\n")
    (root / "test_list.txt").write_text("00000013_005.png\n")
    write_table(
        root / "BBox_List_2017.csv",
        BOX_COLUMNS,
        [
            (
                "00000001_000.png",
                "Cardiomegaly",
                "225.084745762712",
                "547.019216763771",
                "86.7796610",
                "79.18",
                "",
                "",
                "",
            ),
            ("00000001_000.png", "Pneumonia", "1", "2", "3", "4", "", "", ""),
        ],
    )
    films_in(root, "images_001/images/00000001_000.png", "images_001/images/00000001_001.png")
    return films_in(root, "images_002/images/00000013_005.png")


def rsna(tmp: Path) -> Path:
    root = tmp / "rsna"
    normal, opaque, hidden = RSNA_EXAMS
    rows = [
        (normal, "", "", "", "", 0),
        (opaque, "264.0", "152.0", "213.0", "379.0", 1),
        (opaque, "562.0", "152.0", "256.0", "453.0", 1),
    ]
    write_table(root / "stage_2_train_labels.csv", RSNA_COLUMNS, rows)
    classes = [(normal, "No Lung Opacity / Not Normal"), (opaque, "Lung Opacity"), (opaque, "Lung Opacity")]
    write_table(root / "stage_2_detailed_class_info.csv", ("patientId", "class"), classes)
    mapped = zip(RSNA_EXAMS, ("00000003_000.png", "00028538_001.png", "00028538_002.png"), strict=True)
    (root / "pneumonia-challenge-dataset-mappings_2018.json").write_text(
        json.dumps([{"subset_img_id": exam, "img_id": name, "subset_group": 1} for exam, name in mapped])
    )
    images = root / "stage_2_train_images"
    write_film(images / f"{normal}.dcm", Modality="CR", PatientAge="51", PatientSex="F", ViewPosition="PA")
    write_film(images / f"{opaque}.dcm", Modality="CR", PatientAge="148", PatientSex="M", ViewPosition="AP")
    write_film(root / "stage_2_test_images" / f"{hidden}.dcm", Modality="CR", ViewPosition="AP")
    return root


def csv_table(tmp: Path) -> Path:
    root = films_in(tmp / "ward", "films/a.png", "films/b.png", "films/c.png")
    rows = [
        ("films/a.png", "ann", 1, "viral", "training", "consolidation|effusion", "pa", "058Y", "female"),
        ("films/b.png", "bob", 0, "", "valid", "", "AP", "7", "M"),
        ("films/c.png", "ann", "", "", "train", "", "", "", ""),
    ]
    columns = ("File Name", "Patient ID", "Label", "subtype", "split", "findings", "view", "age", "sex")
    write_table(root / "films.csv", columns, rows)
    return root


def dicom(tmp: Path) -> Path:
    root = tmp / "archive"
    ann = {"PatientID": "4711", "PatientName": "Doe^Ann", "StudyInstanceUID": "1.2.1"}
    write_film(root / "ann" / "IM1", **ann, SOPInstanceUID="1.2.1.1", PatientAge="034Y", ViewPosition="PA")
    write_film(root / "ann" / "IM2.dcm", **ann, SOPInstanceUID="1.2.1.2", PatientSex="F", ViewPosition="LL")
    write_film(root / "bob" / "1" / "IM1.dcm", SOPInstanceUID="1.2.2.1", StudyInstanceUID="1.2.2", PatientAge="006M")
    write_film(root / "ct.dcm", SOPInstanceUID="1.2.3.1", Modality="CT", PatientID="4712")
    return root


def dicom_table(root: Path) -> Options:
    rows = [("1.2.1.1", "pneumonia"), ("1.2.2.1", "normal")]
    return Options(table=write_table(root.parent / "labels.csv", ("SOPInstanceUID", "label"), rows))


def folder(tmp: Path) -> Path:
    paths = ("NORMAL/a.png", "PNEUMONIA/b.png", "effusion/c.png")
    return films_in(tmp / "films", *paths)


FIXTURES: dict[str, Callable[[Path], Path]] = {
    "kermany": kermany,
    "labeled-chest-xray": labeled_chest_xray,
    "covid-chestxray": covid_chestxray,
    "nih": nih,
    "rsna": rsna,
    "csv": csv_table,
    "dicom": dicom,
    "folder": folder,
}
"""Each makes the folder of one source below a given one, and returns it."""

OPTIONS: dict[str, Callable[[Path], Options]] = {"dicom": dicom_table}
"""What a source wants to be told of its folder, beyond what lies in it."""
