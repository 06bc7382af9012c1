"""A run's folder: what lies where in it, and what was run."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec
from safetensors.torch import load_file, save
from torch import nn

import pneumoscope
from pneumoscope.core import RunError
from pneumoscope.core.files import atomic_write
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.training.networks import FilmNetwork, build_network, load_first_answer
from pneumoscope.training.recipe import Recipe

_PACKAGES = ("torch", "timm", "lightning", "numpy")


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was run, from what, with what: enough to repeat it.

    ``commit`` is that of the program's own checkout, with "+changes" if it had been edited; None where it is installed.
    """

    recipe: Recipe
    recipe_digest: str
    manifest_digest: str
    weights_file: str | None
    weights_digest: str | None
    teacher: str | None = None
    teacher_digest: str | None = None
    processes: int = 1
    versions: dict[str, str]
    commit: str | None = None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a complete run.

    ``parameters`` are all of the network's weights; ``minutes`` is the time spent in its ``epochs``, validation
    included, over all the times that it was resumed. ``validation`` is what the shipped weights reached.
    """

    parameters: int
    epochs: int
    minutes: float
    device: str
    precision: str
    validation: dict[str, float]


@dataclass(frozen=True)
class Run:
    """A run's folder and what lies where in it."""

    folder: Path

    @property
    def record(self) -> Path:
        """What was run (JSON)."""
        return self.folder / "run.json"

    @property
    def manifest(self) -> Path:
        """The films with the split that was used."""
        return self.folder / "manifest.csv"

    @property
    def log(self) -> Path:
        """A row an epoch."""
        return self.folder / "log.csv"

    @property
    def curves(self) -> Path:
        """The log as a picture."""
        return self.folder / "curves.png"

    @property
    def checkpoint(self) -> Path:
        """Where to go on from."""
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def best(self) -> Path:
        """The epoch with the lowest validation loss, where the recipe keeps it."""
        return self.folder / "checkpoints" / "best.ckpt"

    @property
    def weights(self) -> Path:
        """The averaged weights: there only when the run is complete."""
        return self.folder / "model.safetensors"

    @property
    def mlflow(self) -> Path:
        """The name of the MLflow run that this one is logged as, if it is."""
        return self.folder / "mlflow.txt"

    @property
    def summary(self) -> Path:
        """What came of it (JSON)."""
        return self.folder / "summary.json"

    def load_record(self) -> RunRecord:
        """Read the record.

        Raises
        ------
        RunError : if there is none, or it is damaged.
        """
        try:
            return msgspec.json.decode(self.record.read_bytes(), type=RunRecord)
        except (OSError, msgspec.DecodeError) as error:
            raise RunError(f"{self.folder}: expected the folder of a training run: {error}") from error

    def load_summary(self) -> Summary:
        """Read what came of it.

        Raises
        ------
        RunError : if the run is not complete.
        """
        try:
            return msgspec.json.decode(self.summary.read_bytes(), type=Summary)
        except (OSError, msgspec.DecodeError) as error:
            raise RunError(f"{self.folder}: expected a complete training run: {error}") from error

    def load_network(self) -> FilmNetwork:
        """The averaged network, ready to be used.

        Raises
        ------
        RunError : if the run is not complete.
        """
        recipe = self.load_record().recipe
        if not self.weights.exists():
            raise RunError(f"{self.folder}: the run is not complete; go on with 'pneumoscope train --resume'")
        network = network_of(recipe, start=False)
        network.load_state_dict(load_file(self.weights))
        return network.eval()

    def write_network(self, network: nn.Module) -> None:
        """Last of all: the weights' presence says that the run is complete."""
        state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
        with atomic_write(self.weights, "wb") as file:
            file.write(save(state))


def write_json(path: Path, what: msgspec.Struct) -> None:
    """Write it for people to read."""
    with atomic_write(path, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(what)) + b"\n")


def network_of(recipe: Recipe, weights_file: Path | None = None, *, start: bool = True) -> FilmNetwork:
    """The recipe's network, with as many inputs and outputs as the recipe asks for."""
    channels, labels = preprocessing_of(recipe).channels, len(recipe.data.labels)
    network = build_network(recipe.network, weights_file, channels=channels, labels=labels, start=start)
    if start and weights_file and recipe.keeps_first_answer:
        load_first_answer(network.head, weights_file)
    return network


def preprocessing_of(recipe: Recipe) -> Preprocessing:
    """How the recipe's network takes a film."""
    shown = recipe.input
    return Preprocessing(
        size=(shown.size, shown.size),
        aspect=shown.aspect,
        contrast=shown.contrast,
        edges=shown.edges,
        mean=shown.mean,
        std=shown.std,
    )


def versions() -> dict[str, str]:
    """Of the program and all that the weights' bits depend on."""
    own = {"pneumoscope": pneumoscope.__version__, "python": platform.python_version(), "machine": platform.machine()}
    return own | {name: version(name) for name in _PACKAGES}


def commit() -> str | None:
    """The program's commit, if it runs from a checkout."""
    here = Path(pneumoscope.__file__).parent
    try:
        head = _git(here, "rev-parse", "HEAD")
        return head + ("+changes" if _git(here, "status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
