"""The peers in PyTorch: DenseNet121 of torchvision or of torchxrayvision, files to a CSV of probabilities.

Each prepares films as its own examples do, in the worker processes of a DataLoader. The weights are random: they do not
change the time, and nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import peer_common
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

_SIDE = 224
_BATCH = 32


def main() -> None:
    parser = peer_common.options(__doc__)
    parser.add_argument("--library", choices=_LIBRARIES, default="torchvision")
    args = parser.parse_args()
    films = peer_common.films_in(args.folder)
    prepare, network = _LIBRARIES[args.library]()
    network.eval()

    def read_all() -> None:
        loader = DataLoader(_Films(films, prepare), batch_size=_BATCH, num_workers=peer_common.cores())
        with torch.inference_mode():
            probabilities = torch.cat([torch.sigmoid(network(batch)[:, 0]) for batch in loader])
        peer_common.write(args.out, map(str, films), probabilities.tolist())

    def read_one(film: Path) -> float:
        with torch.inference_mode():
            return float(torch.sigmoid(network(prepare(film)[None])[0, 0]))

    peer_common.measure(films, read_all, read_one, args.warm)


class _Films(Dataset[Tensor]):
    """Films as they are prepared, one by one."""

    def __init__(self, films: list[Path], prepare: Callable[[Path], Tensor]) -> None:
        self._films, self._prepare = films, prepare

    def __len__(self) -> int:
        return len(self._films)

    def __getitem__(self, i: int) -> Tensor:
        return self._prepare(self._films[i])


def _torchvision() -> tuple[Callable[[Path], Tensor], nn.Module]:
    from PIL import Image
    from torchvision import models, transforms

    network = models.densenet121(weights=None)
    network.classifier = nn.Linear(network.classifier.in_features, 1)
    steps = transforms.Compose(
        [
            transforms.Resize((_SIDE, _SIDE)),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )

    def prepare(film: Path) -> Tensor:
        picture = Image.fromarray(_shown(film)) if film.suffix == ".dcm" else Image.open(film)
        return steps(picture.convert("RGB"))

    return prepare, network


def _shown(film: Path) -> Any:
    """A DICOM film in 8 bits, by pydicom's own transformations."""
    from pydicom import dcmread
    from pydicom.pixels import apply_voi_lut

    dataset = dcmread(film)
    values = apply_voi_lut(dataset.pixel_array, dataset)
    return (255 * (values / (2**dataset.BitsStored - 1))).astype(np.uint8)


def _torchxrayvision() -> tuple[Callable[[Path], Tensor], nn.Module]:
    import torchxrayvision as xrv
    from torchvision import transforms

    steps = transforms.Compose([xrv.datasets.XRayCenterCrop(), xrv.datasets.XRayResizer(_SIDE)])

    def prepare(film: Path) -> Tensor:
        values = xrv.utils.read_xray_dcm(film)[None] if film.suffix == ".dcm" else xrv.utils.load_image(str(film))
        return torch.from_numpy(steps(values))

    return prepare, xrv.models.DenseNet(weights=None)


_LIBRARIES: dict[str, Callable[[], tuple[Callable[[Path], Tensor], nn.Module]]] = {
    "torchvision": _torchvision,
    "torchxrayvision": _torchxrayvision,
}


if __name__ == "__main__":
    main()
