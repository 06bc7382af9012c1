"""Run the benchmarks one after the other and put what they found into one table, results/benchmarks/README.md.

What cannot be run here (no films, no peer) is left out and said so. The table is made from the JSON files, so one made
earlier stays in it; `--only table` makes the table alone.
"""

from __future__ import annotations

import argparse
import json
import os
import string
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import common
from common import DATA_VARIABLE, ORIGINAL, TEST, TRAIN, Figure, markdown, say

_HERE = Path(__file__).parent
_NEEDS = {
    "reading_speed": (TEST, ORIGINAL),
    "ways_to_run": (),
    "stages": (TEST, ORIGINAL),
    "flat_memory": (TEST, TRAIN),
    "full_size": (ORIGINAL, TRAIN),
    "install_size": (),
    "data_room": (TEST, TRAIN),
    "near_duplicates": (),
    "evaluate_million": (),
    "train_throughput": (TRAIN,),
}
_OTHERS = ("resnet50v2", "xception", "vgg16", "mobilenetv2", "cnn-deep")
_TARGETS = {
    "10,000 films to csv, growth": "flat",
    "10,000 films to html, growth": "flat",
    "torch and its like installed": "none",
    "installed, with all base dependencies": "< 350 MB",
    "224-pixel JPEG, pneumoscope, one film, cold process": "<= 1.0 s",
    "224-pixel JPEG, pneumoscope, peak memory": "<= 400 MB",
    "224-pixel JPEG, pneumoscope : Keras DenseNet121": ">= 20 times",
    "224-pixel JPEG, pneumoscope, warm : Keras DenseNet121, warm": ">= 20 times",
    "224-pixel JPEG, pneumoscope with heat maps : Keras DenseNet121": ">= 6 times",
    "224-pixel JPEG, pneumoscope, warm : graph alone": "<= 1.3 times",
    "2000-pixel JPEG, pneumoscope : Keras DenseNet121": ">= 10 times",
    "2000-pixel JPEG, pneumoscope, warm : Keras DenseNet121, warm": ">= 10 times",
    "data index, 5,840 films, time": "< 60 s",
    "data audit, cold, 5,840 films, time": "< 60 s",
    "prepared films, cold, 5,840 films, time": "< 60 s",
    "data index, 200,000 links, peak memory": "< 1,000 MB",
    "data audit, cold, 200,000 links, peak memory": "< 1,000 MB",
    "evaluate --scores, 1,000,000 films, time": "< 60 s",
    "evaluate --scores, 1,000,000 films, peak memory": "< 2,000 MB",
    "training densenet121, pneumoscope : Keras": ">= 2.5 times",
    "training resnet50, pneumoscope : Keras": ">= 2.5 times",
    **{f"training {name}, pneumoscope : Keras": ">= 1.5 times" for name in _OTHERS},
    "full size and copy, all films": "same decision for 58 of 60, difference <= 0.03",
}
"""What a figure should be, by its name: what was aimed at before it was measured."""

_HEAD = """# Benchmarks

Speed, memory and size as measured: they change with the machine and promise nothing. A figure is the median of its
repeats, with the least and the largest. `make bench` measures again; every single measurement stands in the JSON files
beside this page. The films are those of the folder that `PNEUMOSCOPE_DATA` names.
"""


def main() -> None:
    args = _arguments()
    failed = []
    for name in args.only or _NEEDS:
        if name == "table":
            continue
        if missing := _missing(name):
            say(f"== {name}: left out, no {' and no '.join(missing)} in the folder that {DATA_VARIABLE} names")
        elif _without_peer(name, args):
            say(f"== {name}: left out, no {args.peer_python}")
        elif _run(name, args):
            failed.append(name)
    _write_table(args.out)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _arguments() -> argparse.Namespace:
    parser = common.options(__doc__)
    parser.add_argument("--only", action="append", choices=[*_NEEDS, "table"], help="run this one; may be repeated")
    parser.add_argument("--manifest", type=Path, help="manifest of the run that made the bundle, for full_size")
    parser.add_argument("--peer-python", type=Path, default=common.PEER_PYTHON, help="Python with TensorFlow")
    return parser.parse_args()


def _missing(name: str) -> list[str]:
    root = Path(os.environ.get(DATA_VARIABLE) or os.devnull)
    return [part for part in _NEEDS[name] if not (root / part).is_dir()]


def _run(name: str, args: argparse.Namespace) -> int:
    say(f"== {name}")
    command = [sys.executable, str(_HERE / f"{name}.py"), "--bundle", args.bundle, "--out", str(args.out)]
    return subprocess.run([*command, *_more(name, args)], check=False).returncode


def _more(name: str, args: argparse.Namespace) -> list[str]:
    if name == "full_size" and args.manifest:
        return ["--manifest", str(args.manifest)]
    if name in ("reading_speed", "train_throughput"):  # the former says itself which peers it does without
        return ["--peer-python", str(args.peer_python)]
    return []


def _without_peer(name: str, args: argparse.Namespace) -> bool:
    """A comparison that is nothing without the peer."""
    return name == "train_throughput" and not args.peer_python.exists()


def _write_table(folder: Path) -> None:
    found = {name: _load(folder / f"{name}.json") for name in _NEEDS}
    results = [result for result in found.values() if result]
    absent = [name for name, result in found.items() if not result]
    parts = [
        _HEAD,
        *_grids(results),
        _table(results),
        "## How\n",
        _methods(results),
        "## On what\n",
        _machines(results),
    ]
    if absent:
        parts.append(f"Not measured yet: {', '.join(absent)}.\n")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text("\n".join(parts), encoding="utf-8")
    print(f"wrote {folder / 'README.md'}")


def _load(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _grids(results: Sequence[dict[str, Any]]) -> list[str]:
    """The tables that benchmarks have made of their own figures."""
    return ["\n".join(markdown(result["detail"]["table"])) + "\n" for result in results if "table" in result["detail"]]


def _table(results: Sequence[dict[str, Any]]) -> str:
    lines = ["| what | figure | repeats | target | command | machine |", "|---|---|---|---|---|---|"]
    names = _names(results)
    for result in results:
        for found in result["figures"]:
            figure = Figure(**found)
            command = f"`{figure.command}`" if figure.command else ""
            cells = (figure.what, figure, figure.repeats, _TARGETS.get(figure.what, ""), command, names[_facts(result)])
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def _methods(results: Sequence[dict[str, Any]]) -> str:
    return "".join(f"- {_when(result)}: {result['method']}\n" for result in results)


def _when(result: dict[str, Any]) -> str:
    machine = result["machine"]
    busy = machine["busy_cores_before"]
    return f"`{result['command']}`, {machine['measured'][:10]}, {busy:.1f} cores busy with other things before"


def _machines(results: Sequence[dict[str, Any]]) -> str:
    return "".join(f"- **{name}**: {facts}\n" for facts, name in _names(results).items())


def _names(results: Sequence[dict[str, Any]]) -> dict[str, str]:
    """A letter for each machine, with its versions and its bundle, that was measured on."""
    return dict(zip(dict.fromkeys(map(_facts, results)), string.ascii_uppercase, strict=False))


def _facts(result: dict[str, Any]) -> str:
    machine, bundle = result["machine"], result["bundle"]
    parts = [
        f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']:.0f} GB, {machine['system']}",
        ", ".join(f"{name} {version}" for name, version in machine["versions"].items()),
    ]
    if bundle:
        name = f"bundle {bundle['name']} {bundle['version']} ({bundle['precision']})"
        parts.append(f"{name}, sha256 {bundle['sha256'][:16]}")
    return "; ".join(parts)


if __name__ == "__main__":
    main()
