"""The paediatric films of Kermany et al. in their Kaggle and Mendeley folder layout.

Citation
    Kermany D, Zhang K, Goldbaum M. Labeled Optical Coherence Tomography (OCT) and Chest X-Ray Images for
    Classification. Mendeley Data, V2, 2018. doi:10.17632/rscbjbr9sj.2. Cell 172(5):1122-1131, 2018.
Licence
    CC BY 4.0.
Counts
    Train 1,341 normal and 3,875 pneumonia, test 234 and 390, and on Kaggle a ``val`` folder of 8 and 8 (5,856 films;
    the Kaggle page says 5,863).
Download
    Kaggle ``paultimothymooney/chest-xray-pneumonia``; Mendeley Data, versions 2 and 3 (other file names, no ``val``).
Labels
    By the description published with the films: two expert physicians graded the diagnoses, and a third checked those
    of the evaluation films. Bacterial pneumonia is illustrated by a focal lobar consolidation, viral pneumonia by a
    diffuse interstitial pattern in both lungs. No culture, PCR or other laboratory finding is named, nor the clinical
    course: bacterial and viral are what the graders called them.
Known faults
    The ``val`` folder is too small to choose anything on. The number in ``person1234`` is used again for another child
    with another subtype, so the patient key is the pair. ``IM-k`` and ``NORMAL2-IM-k`` are separate name spaces, and a
    best effort: nothing proves that two numbers are two children. About 30 groups of byte-identical files exist, none
    across folders. 283 pneumonia films are colour containers. Only the normal films shift from train to test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pneumoscope.core import ManifestError
from pneumoscope.data.fetch.places import Kaggle, Mendeley
from pneumoscope.data.sources.base import Entry, Options, Source, films_in

CITATION = (
    "Kermany D, Zhang K, Goldbaum M. Labeled Optical Coherence Tomography (OCT) and Chest X-Ray Images for "
    "Classification. Mendeley Data, V2, 2018. doi:10.17632/rscbjbr9sj.2"
)
INTENDED_USE = (
    "A second look at frontal (AP or PA) chest X-rays of children of one to five years, by or under a qualified "
    "reader, and research. It says how likely pneumonia is and which part of the film speaks for it."
)
EXCLUSIONS = (
    "Not for adults, newborns, lateral views, CT, or any other part of the body.",
    "Not validated outside one hospital; expect it to do worse elsewhere until measured there.",
    "Says nothing about findings other than pneumonia, such as effusion, fracture, tuberculosis or a tumour.",
    "A low probability does not rule pneumonia out.",
)
AGES = (1, 5)
SUBTYPES = (
    "Bacterial and viral are what the physicians who graded the films of Kermany et al. called them; no culture or "
    "other laboratory finding is named in what is published with the films."
)
LAYOUT = "train/NORMAL, train/PNEUMONIA, test/NORMAL, test/PNEUMONIA"

_SPLITS = ("train", "val", "test")
_LABEL_OF_FOLDER = {"NORMAL": 0, "PNEUMONIA": 1}
_PNEUMONIA = re.compile(r"(?P<person>person\d+)_(?P<germ>bacteria|virus)_\d+", re.IGNORECASE)
MENDELEY = re.compile(r"(?P<kind>BACTERIA|VIRUS|NORMAL)-(?P<person>\d+)-\d+", re.IGNORECASE)
_NORMAL = re.compile(r"(?P<person>(?:NORMAL2-)?IM-\d+)-\d+", re.IGNORECASE)
_SUBTYPE = {"bacteria": "bacterial", "virus": "viral"}


def recognises(root: Path) -> bool:
    """Whether the folder, or the ``chest_xray`` folder that the archives hold, has this layout."""
    home = _home(root)
    return home is not None and not _other_classes(home)


def entries(root: Path, _: Options) -> Iterator[Entry]:
    """Yield the films below ``root``; label and split are those of the folders, patient and subtype of the names.

    Raises
    ------
    ManifestError : if the folder has another layout.
    """
    home = _home(root)
    if home is None:
        raise ManifestError(f"{root}: expected the folders {LAYOUT}; found none of them")
    if others := _other_classes(home):
        raise ManifestError(
            f"{root}: expected the folders {LAYOUT}; found {', '.join(others)} too; --source folder takes any"
        )
    for split in _SPLITS:
        for name, label in _LABEL_OF_FOLDER.items():
            yield from (_entry(path, split, label) for path in films_in(home / split / name))


def _home(root: Path) -> Path | None:
    """Where the split folders lie: one published archive holds everything twice, one level apart."""
    for home in (root, root / "chest_xray", root / "chest_xray" / "chest_xray"):
        if any((home / split / label).is_dir() for split in _SPLITS for label in _LABEL_OF_FOLDER):
            return home
    return None


def _other_classes(home: Path) -> list[str]:
    """Folders with films of a class that this data set does not have: somebody's own set in the same layout."""
    folders = (folder for split in _SPLITS for folder in (home / split).glob("*/") if not folder.name.startswith("."))
    return sorted({folder.name for folder in folders if folder.name not in _LABEL_OF_FOLDER and any(films_in(folder))})


def _entry(path: Path, split: str, label: int) -> Entry:
    patient, subtype = _patient(path.stem)
    wrong = f"its name says {subtype} pneumonia, its folder says normal" if subtype and not label else ""
    return Entry(path=path, patient=patient, label=label, subtype=subtype, split=split, note=wrong)


def _patient(stem: str) -> tuple[str, str]:
    """Patient key and subtype; a name under no known rule is a patient of its own."""
    if match := _PNEUMONIA.match(stem):
        germ = match["germ"].lower()
        return f"{match['person'].lower()}/{germ}", _SUBTYPE[germ]
    if match := MENDELEY.match(stem):
        return f"{match['kind']}-{match['person']}".upper(), _SUBTYPE.get(match["kind"].lower(), "")
    if match := _NORMAL.match(stem):
        return match["person"].upper(), ""
    return stem, ""


SOURCE = Source(
    name="kermany",
    title="Chest X-rays of children, Guangzhou (Kermany et al. 2018)",
    layout=LAYOUT,
    recognises=recognises,
    entries=entries,
    citation=CITATION,
    licence="CC BY 4.0",
    homepage="https://data.mendeley.com/datasets/rscbjbr9sj",
    download=(
        Kaggle("paultimothymooney/chest-xray-pneumonia"),
        Mendeley("rscbjbr9sj", version=2, file="ChestXRay2017.zip"),
    ),
    intended_use=INTENDED_USE,
    exclusions=EXCLUSIONS,
    ages=AGES,
    subtypes=SUBTYPES,
)
