"""The paediatric films of Kermany et al. in their Kaggle and Mendeley folder layout.

Citation
    Kermany D, Zhang K, Goldbaum M. Labeled Optical Coherence Tomography (OCT) and Chest X-Ray Images for
    Classification. Mendeley Data, V2, 2018. doi:10.17632/rscbjbr9sj.2. Cell 172(5):1122-1131, 2018.
Licence
    CC BY 4.0.
Counts
    Train 1,341 normal and 3,875 pneumonia, test 234 and 390, and on Kaggle a ``val`` folder of 8 and 8.
Known faults
    The ``val`` folder is too small to choose anything on: its films are read as train films. The number in
    ``person1234`` is used again for another child with another subtype, so the patient key is the pair. About 30
    groups of byte-identical files exist, none across folders. ``IM-k`` and ``NORMAL2-IM-k`` are separate name
    spaces. Only the normal films shift from train to test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pneumoscope.core import ManifestError
from pneumoscope.core.files import sha256_file
from pneumoscope.core.manifest import Film, Manifest
from pneumoscope.core.parallel import ordered_map, usable_cores

NAME = "kermany"
CITATION = (
    "Kermany D, Zhang K, Goldbaum M. Labeled Optical Coherence Tomography (OCT) and Chest X-Ray Images for "
    "Classification. Mendeley Data, V2, 2018. doi:10.17632/rscbjbr9sj.2"
)
LICENCE = "CC BY 4.0"
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
"""What a model that has learned from these films is and is not for."""
LAYOUT = "train/NORMAL, train/PNEUMONIA, test/NORMAL, test/PNEUMONIA"
_SPLIT_OF_FOLDER = {"train": "train", "val": "train", "test": "test"}
_LABEL_OF_FOLDER = {"NORMAL": 0, "PNEUMONIA": 1}
_PNEUMONIA = re.compile(r"(?P<person>person\d+)_(?P<germ>bacteria|virus)_\d+", re.IGNORECASE)
_MENDELEY = re.compile(r"(?P<kind>BACTERIA|VIRUS|NORMAL)-(?P<person>\d+)-\d+", re.IGNORECASE)
_NORMAL = re.compile(r"(?P<person>(?:NORMAL2-)?IM-\d+)-\d+", re.IGNORECASE)
_SUBTYPE = {"bacteria": "bacterial", "virus": "viral"}
_ENDINGS = {".jpeg", ".jpg", ".png"}


def recognises(root: Path) -> bool:
    """Whether the folder has this layout: ``train`` or ``test`` with ``NORMAL`` and ``PNEUMONIA`` inside."""
    return any((root / split / label).is_dir() for split in _SPLIT_OF_FOLDER for label in _LABEL_OF_FOLDER)


def index(root: Path) -> Manifest:
    """List the films below ``root``.

    Raises
    ------
    ManifestError : if the folder has another layout, or a patient or a file sits in two splits.
    """
    if not recognises(root):
        raise ManifestError(f"{root}: expected the folders {LAYOUT}; found none of them")
    found = list(_walk(root))
    try:
        digests = list(ordered_map(sha256_file, (path for path, _, _ in found), usable_cores()))
    except OSError as error:
        raise ManifestError(f"{root}: a film cannot be opened: {error}") from error
    return Manifest(
        root,
        tuple(
            _film(root, path, split, label, digest) for (path, split, label), digest in zip(found, digests, strict=True)
        ),
    )


def _walk(root: Path) -> Iterator[tuple[Path, str, int]]:
    for folder, split in _SPLIT_OF_FOLDER.items():
        for name, label in _LABEL_OF_FOLDER.items():
            here = root / folder / name
            if here.is_dir():
                yield from ((path, split, label) for path in sorted(here.iterdir()) if _is_film(path))


def _is_film(path: Path) -> bool:
    """Film files; not the ``._`` files that one published archive carries."""
    return path.suffix.lower() in _ENDINGS and not path.name.startswith(".") and not path.is_dir()


def _film(root: Path, path: Path, split: str, label: int, digest: str) -> Film:
    patient, subtype = _patient(path.stem)
    return Film(path.relative_to(root).as_posix(), digest, patient, label, subtype, split, NAME)


def _patient(stem: str) -> tuple[str, str]:
    """Patient key and subtype; a name under no known rule is a patient of its own."""
    if match := _PNEUMONIA.match(stem):
        germ = match["germ"].lower()
        return f"{match['person'].lower()}/{germ}", _SUBTYPE[germ]
    if match := _MENDELEY.match(stem):
        return f"{match['kind']}-{match['person']}".upper(), _SUBTYPE.get(match["kind"].lower(), "")
    if match := _NORMAL.match(stem):
        return match["person"].upper(), ""
    return stem, ""
