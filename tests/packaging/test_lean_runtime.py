"""The runtime needs none of the libraries that training needs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRAINING = ("torch", "torchvision", "timm", "lightning", "onnx")
HEAVY = (*TRAINING, "sklearn", "scipy", "matplotlib", "pyarrow", "pandas", "cv2")

REFUSE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {refused!r}:
            raise ImportError("the lean runtime must not import " + name)
sys.meta_path.insert(0, Refuse())
"""


def run_lean(code: str, *arguments: str, refused: tuple[str, ...] = HEAVY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", REFUSE.format(refused=refused) + code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_guard_itself_refuses() -> None:
    assert "must not import torch" in run_lean("import torch").stderr


@pytest.mark.parametrize(
    "module",
    [
        "pneumoscope.cli",
        "pneumoscope.predict",
        "pneumoscope.report",
        "pneumoscope.engines",
        "pneumoscope.predict.doctor",
    ],
)
def test_every_entry_point_imports_without_the_extras(module: str) -> None:
    done = run_lean(f"import {module}")
    assert done.returncode == 0, done.stderr


def test_predict_reads_films_without_the_extras(tmp_path: Path) -> None:
    done = run_lean(
        "from pneumoscope.cli import main; main(sys.argv[1:])",
        *("predict", "demo/films/test", "--out", str(tmp_path / "r.csv"), "--html", str(tmp_path / "r.html")),
        *("--heatmaps", str(tmp_path / "maps")),
    )
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 1 + 32
    assert len(list((tmp_path / "maps").iterdir())) == 32


def test_a_bundle_that_needs_more_names_the_extra(tmp_path: Path) -> None:
    from pneumoscope.imaging.preprocess import Preprocessing
    from tests.helpers import SIZE, write_tiny

    bundle = write_tiny(tmp_path / "b", preprocessing=Preprocessing(size=SIZE, contrast="clahe"))
    done = run_lean(
        "from pneumoscope.cli import main; main(sys.argv[1:])",
        *("predict", "demo/films/test", "--bundle", str(bundle), "--out", str(tmp_path / "r.csv")),
    )
    assert done.returncode == 1
    assert "needs the 'vision' extra: pip install 'pneumoscope[vision]'" in done.stderr
    assert not (tmp_path / "r.csv").exists()


def test_the_card_is_shown_without_the_extras(tmp_path: Path) -> None:
    done = run_lean(
        "from pneumoscope.cli import main; main(sys.argv[1:])", "card", "default", "--out", str(tmp_path / "card.html")
    )
    assert done.returncode == 0, done.stderr
    assert "Known failures" in (tmp_path / "card.html").read_text(encoding="utf-8")


_WRITTEN = {"report.html", "report.pdf", "metrics.json", "scores.csv", "curves.png"}


def test_evaluate_needs_nothing_of_training(tmp_path: Path) -> None:
    done = run_lean(
        "from pneumoscope.cli import main; main(sys.argv[1:])",
        *("evaluate", "--data", "demo/films", "--out", str(tmp_path), "--robustness-films", "4"),
        refused=TRAINING,
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == _WRITTEN


def test_importing_the_package_does_nothing(tmp_path: Path) -> None:
    """No network, no files, no threads, no engine."""
    code = """
import socket, threading, os
def refuse(*_, **__): raise AssertionError("importing opened a connection")
socket.socket.connect = refuse
before = set(os.listdir("."))
import pneumoscope, pneumoscope.cli
assert set(os.listdir(".")) == before
assert threading.active_count() == 1
assert "onnxruntime" not in sys.modules and "pydicom" not in sys.modules
"""
    done = run_lean(code)
    assert done.returncode == 0, done.stderr
