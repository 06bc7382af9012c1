"""Films of one kind in a folder of two classes: what `reading_speed.py` has read. Prints how many there are.

The 224-pixel films are links to those of the data folder. The large ones are the full-size originals, enlarged: JPEG of
quality 90, or DICOM with 12 of 16 bits, the noise of a detector and a window.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import common
import numpy as np
from common import CLASSES, ORIGINAL, TEST
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, JPEG2000Lossless, generate_uid

_FULL = 4095
_NOISE = 8.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["jpeg224", *_MAKERS])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--films", type=int, help="only so many, half of each class")
    args = parser.parse_args()
    part = TEST if args.kind == "jpeg224" else ORIGINAL
    films = some(common.films_in(part), args.films)
    if args.kind == "jpeg224":
        common.link_films(films, args.folder)
    else:
        for i, film in enumerate(films):
            _make(args.kind, film, args.folder / film.parent.name / f"{i:04d}", seed=i)
    print(len(films))


def some(films: list[Path], limit: int | None) -> list[Path]:
    """The first films of each class, no more than half the limit of each."""
    each = None if limit is None else max(1, limit // len(CLASSES))
    return [film for name in CLASSES for film in [f for f in films if f.parent.name == name][:each]]


def _make(kind: str, film: Path, target: Path, seed: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    side, write = _MAKERS[kind]
    write(_enlarged(film, side), target, seed)


def _enlarged(film: Path, side: int) -> Image.Image:
    """In grey, its longer side ``side`` pixels."""
    with Image.open(film) as picture:
        grey = picture.convert("L")
    scale = side / max(grey.size)
    return grey.resize((round(grey.width * scale), round(grey.height * scale)), Image.Resampling.BICUBIC)


def _jpeg(picture: Image.Image, target: Path, seed: int) -> None:
    picture.save(target.with_suffix(".jpeg"), quality=90)


def _dicom(picture: Image.Image, target: Path, seed: int) -> None:
    _dataset(_stored(picture, seed)).save_as(target.with_suffix(".dcm"), enforce_file_format=True)


def _jpeg2000(picture: Image.Image, target: Path, seed: int) -> None:
    dataset = _dataset(_stored(picture, seed))
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    dataset.save_as(target.with_suffix(".dcm"), enforce_file_format=True)


def _stored(picture: Image.Image, seed: int) -> NDArray[np.uint16]:
    values = np.asarray(picture, np.float32) * (_FULL / 255)
    noise = np.random.default_rng(seed).normal(0, _NOISE, values.shape)
    return np.clip(np.rint(values + noise), 0, _FULL).astype(np.uint16)


def _dataset(values: NDArray[np.uint16]) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = (generate_uid() for _ in range(3))
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "AP"
    dataset.Rows, dataset.Columns = values.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    dataset.PixelData = values.tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


_MAKERS: dict[str, tuple[int, Callable[[Image.Image, Path, int], None]]] = {
    "jpeg2000px": (2000, _jpeg),
    "dicom16": (3000, _dicom),
    "dicom-jpeg2000": (3000, _jpeg2000),
}
"""The longer side in pixels, and what writes the file."""


if __name__ == "__main__":
    main()
