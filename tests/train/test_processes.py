"""Two processes that average their gradients are as one with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pneumoscope.core import RunError
from pneumoscope.training.hardware import Hardware, precision_on
from pneumoscope.training.recipe import Optimisation, parse_recipe
from pneumoscope.training.run_folder import Run

from .conftest import FILMS, TINY

pytestmark = pytest.mark.train

PLAIN = (
    *("network.name=cnn", "network.arguments={widths=[8, 16], norm=false}", "network.dropout=0.0"),
    *("augmentation.area=[1, 1]", "augmentation.flip=0.0", "augmentation.noise=[0, 0]", "optimisation.batch=12"),
)
"""Without normalisation by batch, dropout and augmentation, nothing depends on who has which film."""


LAUNCHERS = {
    "lightning": (sys.executable, "-m"),
    "torchrun": (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"),
}


def train(
    folder: Path, cache: Path, *words: str, changes: tuple[str, ...] = (), processes: int = 2, by: str = "lightning"
) -> Run:
    (folder.parent / "tiny.toml").write_text(TINY)
    command = [*LAUNCHERS[by], "pneumoscope", "train", str(folder.parent / "tiny.toml"), "--data", str(FILMS)]
    command += ["--out", str(folder), "--devices", str(processes), "--accelerator", "cpu", *words]
    command += [word for change in changes for word in ("--set", change)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLURM")}
    environment |= {"PNEUMOSCOPE_CACHE": str(cache)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("the run is complete") == 1
    return Run(folder)


def test_two_processes_learn_what_one_does(cache: Path, tmp_path: Path) -> None:
    one = load_file(train(tmp_path / "one", cache, changes=PLAIN, processes=1).weights)
    two = train(tmp_path / "two", cache, changes=PLAIN)
    for name, value in load_file(two.weights).items():
        torch.testing.assert_close(value, one[name], rtol=1e-4, atol=1e-5)
    assert two.load_record().processes == 2


def test_two_processes_repeat_themselves_bit_for_bit(finished: Run, cache: Path, tmp_path: Path) -> None:
    """With all that chance does, and parts of the network that rest; started by Lightning and by torchrun."""
    changes = ("optimisation.before=[{epochs=1}, {epochs=1, learns=2}]", "augmentation.erasing=0.5")
    lightning, torchrun = (
        train(tmp_path / by, cache, "--weights", str(finished.folder), changes=changes, by=by) for by in LAUNCHERS
    )
    assert lightning.weights.read_bytes() == torchrun.weights.read_bytes()
    assert lightning.log.read_text() == torchrun.log.read_text()


def test_more_devices_than_there_are_is_refused() -> None:
    missing = torch.cuda.device_count() + 1
    with pytest.raises(RunError, match=f"expected {missing} devices of the kind gpu"):
        Hardware("gpu", devices=missing).kind()


def test_precision_is_what_the_recipe_says_or_what_is_quick_here() -> None:
    assert precision_on("cpu", Optimisation(precision="32-true")) == "32-true"
    assert precision_on("mps", Optimisation()) == "32-true"
    quick = torch.cpu.get_capabilities().get("avx512_bf16") or torch.cpu.get_capabilities().get("amx_bf16")
    assert precision_on("cpu", Optimisation()) == ("bf16-mixed" if quick else "32-true")


def test_a_resumed_run_keeps_its_number_of_processes(cache: Path, tmp_path: Path) -> None:
    from pneumoscope.data import open_manifest
    from pneumoscope.training.fitting import Setup
    from pneumoscope.training.run import train as go

    recipe = parse_recipe(TINY, "tiny", ["optimisation.epochs=1"])
    go(recipe, open_manifest(FILMS), tmp_path / "run", cache=cache)
    setup = Setup(hardware=Hardware("cpu", devices=2))
    with pytest.raises(RunError, match="its processes is not that of this command"):
        go(recipe, open_manifest(FILMS), tmp_path / "run", cache=cache, setup=setup, resume=True)
