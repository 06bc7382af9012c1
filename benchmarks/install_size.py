"""What `pip install pneumoscope` costs on disk, and whether it works: the wheel in a fresh environment.

Builds the wheel, installs it with its base dependencies only, weighs site-packages against an empty environment, looks
for torch, and runs `pneumoscope doctor` there. Needs a package index for the dependencies.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

import common
from common import ROOT, Figure, Result, say

_METHOD = (
    "Bytes of all files in site-packages, compiled modules among them, less those of an empty environment. A package "
    "weighs what its installer recorded."
)
_LARGEST = 10
_FOREIGN = ("torch", "torchvision", "timm", "lightning")
_COMMAND = "pip install pneumoscope"


def main() -> None:
    args = _arguments()
    bundle = common.bundle_facts(args.bundle)
    facts = common.machine()
    with tempfile.TemporaryDirectory() as scratch:
        wheel = _build_wheel(Path(scratch))
        venv = Path(scratch, "venv")
        _run([sys.executable, "-m", "venv", str(venv)])
        site = _site_packages(venv)
        empty_mb, own = _megabytes(site.rglob("*")), set(_weigh(site))
        say("installing the wheel and its base dependencies")
        _run([_python(venv), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)])
        installed = _megabytes(site.rglob("*")) - empty_mb
        packages = {name: mb for name, mb in _weigh(site).items() if name not in own}
        say("running pneumoscope doctor in it")
        doctor = json.loads(_run([_python(venv), "-m", "pneumoscope", "doctor", "--json", "--bundle", args.bundle]))
        wheel_mb = _megabytes([wheel])
        if args.keep:
            args.keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(wheel, args.keep)
    figures = _figures(installed, wheel_mb, packages, doctor)
    detail = {"packages_mb": packages, "doctor": doctor}
    Result("install_size", "python benchmarks/install_size.py", _METHOD, figures, facts, bundle, detail).write(args.out)
    if intruders := _intruders(packages):
        raise SystemExit(f"expected an environment without {', '.join(intruders)}: a base dependency brings it in")


def _arguments() -> argparse.Namespace:
    parser = common.options(__doc__)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the wheel there")
    return parser.parse_args()


def _intruders(packages: Iterable[str]) -> list[str]:
    return [name for name in _FOREIGN if name in packages]


def _build_wheel(scratch: Path) -> Path:
    say("building the wheel")
    _run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(scratch), str(ROOT)])
    return next(scratch.glob("pneumoscope-*.whl"))


def _python(venv: Path) -> str:
    folder = "Scripts" if sys.platform == "win32" else "bin"
    return str(venv / folder / "python")


def _site_packages(venv: Path) -> Path:
    return next(venv.rglob("site-packages"))


def _run(command: Sequence[str]) -> str:
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        raise SystemExit(f"{' '.join(command)}\nended with {found.returncode}: {found.stderr.strip()[-2000:]}")
    return found.stdout


def _megabytes(paths: Iterable[Path]) -> float:
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def _weigh(site: Path) -> dict[str, float]:
    """Megabytes of each installed package, the largest first."""
    weights = {found.metadata["Name"]: _weight(found) for found in distributions(path=[str(site)])}
    return dict(sorted(weights.items(), key=lambda item: -item[1]))


def _weight(found: Distribution) -> float:
    return _megabytes(Path(str(found.locate_file(file))) for file in found.files or [])


def _figures(installed: float, wheel: float, packages: dict[str, float], doctor: dict[str, str]) -> list[Figure]:
    largest = ", ".join(f"{name} {common.number(mb)}" for name, mb in list(packages.items())[:_LARGEST])
    return [
        Figure("installed, with all base dependencies", installed, "MB", command=_COMMAND),
        Figure("wheel, with its bundles", wheel, "MB", command="pip wheel --no-deps ."),
        Figure("ten largest packages, MB", largest, command=_COMMAND),
        Figure("torch and its like installed", ", ".join(_intruders(packages)) or "none", command=_COMMAND),
        Figure("doctor in that environment", doctor["golden check"], command="pneumoscope doctor"),
    ]


if __name__ == "__main__":
    main()
