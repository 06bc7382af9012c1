"""What many rooms' tests share: the optional data folder, and DICOM films made on the spot."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"

# DCMTK's tools and options that write what no Python package here can write.
DCMTK = {
    "1.2.840.10008.1.2.4.50": ["dcmcjpeg", "+eb", "+q", "95", "+un"],
    "1.2.840.10008.1.2.4.51": ["dcmcjpeg", "+ee", "+q", "95", "+un"],
    "1.2.840.10008.1.2.4.57": ["dcmcjpeg", "+el", "+un"],
    "1.2.840.10008.1.2.4.70": ["dcmcjpeg", "+e1", "+un"],
}


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The local data folder. It is optional: no test may fail where it does not exist."""
    folder = os.environ.get("PNEUMOSCOPE_DATA")
    if not folder:
        pytest.skip("PNEUMOSCOPE_DATA does not name a local data folder")
    return Path(folder)


@pytest.fixture(scope="session")
def make_dicom() -> Callable[..., bytes]:
    """``make_dicom(values, syntax=..., **elements)`` gives the bytes of a DX file with these stored values."""
    return build_dicom


def build_dicom(
    values: np.ndarray, *, syntax: str = EXPLICIT_LITTLE, bits: int | None = None, **elements: Any
) -> bytes:
    from pydicom import dcmwrite

    dataset = dataset_of(values, bits, elements)
    file = io.BytesIO()
    if syntax in DCMTK:
        dcmwrite(file, dataset, enforce_file_format=True)
        return convert(file.getvalue(), *DCMTK[syntax])
    if dataset.file_meta.TransferSyntaxUID != syntax:
        change_syntax(dataset, syntax)
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def dataset_of(values: np.ndarray, bits: int | None, elements: dict[str, Any]) -> Any:
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import DigitalXRayImageStorageForPresentation, generate_uid

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = EXPLICIT_LITTLE
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = (generate_uid() for _ in range(3))
    dataset.Modality, dataset.BodyPartExamined = "DX", "CHEST"
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.SamplesPerPixel = values.shape[2] if values.ndim == 3 else 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = 8 * values.itemsize
    dataset.BitsStored = bits or dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    data = values.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if values.itemsize == 1 else "OW"
    return dataset


def change_syntax(dataset: Any, syntax: str) -> None:
    from pydicom.uid import JPEG2000, UID, JPEGLSNearLossless

    uid = UID(syntax)
    if uid.is_encapsulated:
        options = {JPEGLSNearLossless: {"jls_error": 1}, JPEG2000: {"j2k_cr": [4]}}.get(uid, {})
        dataset.compress(uid, generate_instance_uid=False, **options)
        return
    if not uid.is_little_endian:
        size = dataset.BitsAllocated // 8
        dataset.PixelData = np.frombuffer(dataset.PixelData, f"<u{size}").astype(f">u{size}").tobytes()
        if size == 1:
            dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = uid


def convert(data: bytes, tool: str, *options: str) -> bytes:
    """Send a DICOM file through one of DCMTK's tools; skip where it is not installed."""
    import tempfile

    if shutil.which(tool) is None:
        pytest.skip(f"DCMTK's {tool} is not on the path")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.dcm"), Path(folder, "out.dcm")
        source.write_bytes(data)
        subprocess.run([tool, *options, source, target], check=True, capture_output=True)
        return target.read_bytes()
