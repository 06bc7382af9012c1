"""ChestX-ray14 of the NIH Clinical Center: frontal films with findings that a program read out of the reports.

Citation
    Wang X, Peng Y, Lu L, Lu Z, Bagheri M, Summers RM. ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks
    on Weakly-Supervised Classification and Localization of Common Thorax Diseases. IEEE CVPR 2017, pp. 3462-3471.
Licence
    No restriction of use; the NIH asks for a link to its download site, for the citation, and for being named as the
    provider.
Counts
    112,120 films (67,310 PA, 44,810 AP) of 30,805 patients: 1,431 with "Pneumonia", 60,361 with "No Finding". 5,402 are
    of patients under 18 years, 500 of children under six. 984 boxes on 880 films. Official lists: 86,524 films to
    train and validate on, 25,596 to test on.
Download
    The NIH's box (twelve archives ``images_001`` to ``images_012``), or Kaggle ``nih-chest-xrays/data``.
Known faults
    The findings were mined from reports by a program; its authors expect 90% to be right, a radiologist who looked at
    some 700 films found far fewer (Oakden-Rayner, Academic Radiology 27(1), 2020). Pneumonia is a clinical diagnosis:
    reports say consolidation or infiltration of what may well be one, so a film with other findings states no label
    here, only "Pneumonia" (1) and "No Finding" (0) do. Ages above 130 occur; they are left out with a note. A patient
    has up to 184 films, so only a split by patients is one. The films of source 'rsna' are a part of these.
    Boxes are kept for all findings of a film, in pixels of the 1024 x 1024 picture, to a tenth of a pixel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Box
from pneumoscope.data.fetch.places import Kaggle, Manual
from pneumoscope.data.sources.base import (
    Entry,
    Options,
    Source,
    age_of,
    by_name,
    home_of,
    one_each,
    sex_of,
    table_rows,
    walk,
)

_TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
_COLUMNS = ("Image Index", "Finding Labels", "Patient ID")
_LISTS = {"train_val_list.txt": "train", "test_list.txt": "test"}
_BOXES = "BBox_List_2017.csv"
_CORNERS = ("Bbox [x", "y", "w", "h]")
"""As its header splits at commas: ``Image Index,Finding Label,Bbox [x,y,w,h],,,``."""
_FOLDER = re.compile(r"images(_0\d\d)?")
_LAYOUT = f"{_TABLES[0]} or {_TABLES[1]}; images/ or images_001/images/ to images_012/images/"
_PAGE = "https://nihcc.app.box.com/v/ChestXray-NIHCC"


def _recognises(root: Path) -> bool:
    return home_of(root, *_TABLES) is not None


def _entries(root: Path, _: Options) -> Iterator[Entry | str]:
    home = home_of(root, *_TABLES)
    if home is None:
        raise ManifestError(f"{root}: expected {_LAYOUT}; found no table")
    table = next(home / name for name in _TABLES if (home / name).is_file())
    folders = sorted(folder for folder in home.glob("*/") if _FOLDER.fullmatch(folder.name))
    films = by_name(path for folder in folders for path in walk(folder))
    splits, boxes = _splits(home), _boxes(home / _BOXES)
    named: set[str] = set()

    def present() -> Iterator[tuple[int, Entry]]:
        for line, row in table_rows(table, *_COLUMNS):
            name = row["Image Index"]
            named.add(name)
            if name in films:
                yield line, _entry(films[name], row, splits.get(name, ""), boxes.get(name, ()))

    yield from one_each(table, present())
    if absent := len(named - films.keys()):
        yield f"{absent} of {len(named)} films in {table.name} are not in the folder and are not listed"
    if strange := len(films.keys() - named):
        yield f"{strange} films in the folder are not in {table.name} and are not listed"


def _entry(path: Path, row: Mapping[str, str], split: str, boxes: tuple[Box, ...]) -> Entry:
    stated = tuple(filter(None, row["Finding Labels"].split("|")))
    findings = tuple(finding for finding in stated if finding != "No Finding")
    age, note = age_of(row.get("Patient Age", ""))
    return Entry(
        path=path,
        patient=row["Patient ID"],
        label=1 if "Pneumonia" in findings else 0 if stated and not findings else None,
        split=split,
        findings=findings,
        view=row.get("View Position", "").upper(),
        age=age,
        sex=sex_of(row.get("Patient Gender") or row.get("Patient Sex", "")),
        boxes=boxes,
        note=note,
    )


def _splits(home: Path) -> dict[str, str]:
    """The official split of each film; films are not split if the lists are not there."""
    found: dict[str, str] = {}
    for name, split in _LISTS.items():
        path = home / name
        for film in path.read_text("utf-8", "surrogateescape").split() if path.is_file() else ():
            if found.setdefault(film, split) != split:
                raise ManifestError(f"{path}: {film} is in {' and in '.join(_LISTS)}; expected it in one of them")
    return found


def _boxes(path: Path) -> dict[str, tuple[Box, ...]]:
    found: dict[str, tuple[Box, ...]] = {}
    for line, row in table_rows(path, "Image Index", *_CORNERS) if path.is_file() else ():
        try:
            box = Box(*(round(float(row[side]), 1) for side in _CORNERS))
        except ValueError as error:
            raise ManifestError(f"{path}, line {line}: expected four numbers for the box ({error})") from error
        found[row["Image Index"]] = (*found.get(row["Image Index"], ()), box)
    return found


SOURCE = Source(
    name="nih",
    title="ChestX-ray14, NIH Clinical Center (Wang et al. 2017)",
    layout=_LAYOUT,
    recognises=_recognises,
    entries=_entries,
    citation=(
        "Wang X, Peng Y, Lu L, Lu Z, Bagheri M, Summers RM. ChestX-ray8: Hospital-scale Chest X-ray Database and "
        "Benchmarks on Weakly-Supervised Classification and Localization of Common Thorax Diseases. IEEE CVPR 2017"
    ),
    licence="no restriction of use; link, citation and the NIH Clinical Center's name are asked for",
    homepage=_PAGE,
    download=(
        Kaggle("nih-chest-xrays/data", bytes=45_000_000_000),
        Manual(
            "Fetch the table, the two lists, BBox_List_2017.csv and as many of the twelve archives of images as you "
            "want into one folder, and unpack the archives there.",
            page=_PAGE,
            bytes=45_000_000_000,
        ),
    ),
    intended_use=(
        "Research on frontal (AP or PA) chest X-rays, mostly of adults in hospital. A model that learned from these "
        "tells what a report would call pneumonia, which is less than a diagnosis."
    ),
    exclusions=(
        "Not for young children, lateral views, CT, or any other part of the body.",
        "Not validated outside one hospital; its labels were read from reports by a program and are often wrong.",
        "Says nothing about findings other than pneumonia; films with other findings alone took no part.",
        "A low probability does not rule pneumonia out.",
    ),
)
