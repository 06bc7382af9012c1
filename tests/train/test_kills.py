"""A run that is killed twenty times at random moments ends as one that was left in peace."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from pneumoscope.training.run_folder import Run

from .conftest import FILMS, TINY

pytestmark = pytest.mark.train

KILLS = 20
CHANGES = ("optimisation.epochs=100", "optimisation.keep=best", "optimisation.schedule=plateau")

RUN = """
import os, signal, sys, time
from pathlib import Path
from pneumoscope.data import open_manifest
from pneumoscope.training.recipe import parse_recipe
from pneumoscope.training.run import train
recipe, changes, films, folder, cache, *waits = sys.argv[1:]

# Threads that wait for each other, on a busy machine, wait long.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])

def go():
    asked = parse_recipe(recipe, "tiny", changes.split("|"))
    train(asked, open_manifest(Path(films)), Path(folder), cache=Path(cache), resume=True)

started = time.monotonic()
for wait in [*map(float, waits), None]:
    child = os.fork()  # what takes long is imported already
    if child == 0:
        go()
        os._exit(0)
    if wait is not None:
        time.sleep(wait)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else f"ended {os.WEXITSTATUS(status)}", flush=True)
print(f"seconds {time.monotonic() - started}")
"""


def ends(folder: Path, cache: Path, waits: list[float]) -> tuple[list[str], float]:
    """How the run's processes ended, one for each wait, which is killed, and one that is left in peace; seconds."""
    arguments = [TINY, "|".join(CHANGES), str(FILMS), str(folder), str(cache), *map(str, waits)]
    command = [sys.executable, "-W", "ignore", "-c", RUN, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    said = done.stdout.splitlines()
    return [line for line in said if line.startswith(("killed", "ended"))], float(said[-1].removeprefix("seconds "))


def test_twenty_kills_change_nothing(cache: Path, tmp_path: Path) -> None:
    """All processes that are killed have less time together than the run needs, so that none comes to its end."""
    left_alone, seconds = ends(tmp_path / "alone", cache, [])
    assert left_alone == ["ended 0"]
    rng = random.Random(0)
    shares = [rng.random() for _ in range(KILLS)]
    waits = [0.8 * seconds * share / sum(shares) for share in shares]
    assert ends(tmp_path / "killed", cache, waits)[0] == ["killed"] * KILLS + ["ended 0"]
    alone, killed = Run(tmp_path / "alone"), Run(tmp_path / "killed")
    assert killed.weights.read_bytes() == alone.weights.read_bytes()
    assert killed.log.read_text() == alone.log.read_text()
