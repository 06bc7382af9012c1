"""How the search for near-duplicate films grows with their number: `near_pairs` on up to 200,000 thumbnails.

The thumbnails are those of the films at hand, or made up where there are none, again and again: as they are, or each
time with another brightness, contrast and noise, so that no two are the same. A crowd is one film with noise only.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common
import numpy as np
from child import Run, run
from common import DATA_VARIABLE, TEST, TRAIN, Figure, Result, say
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from pneumoscope.data.duplicates import groups, near_pairs

_FIRST, _LARGEST = 12_500, 200_000
_KINDS = {"jitter": "all different", "repeat": "repeated", "crowd": "one crowd"}
_MADE_UP = 5_840
_METHOD = (
    "Each search is a process of its own with the thumbnails mapped from a file. Time is that of the search alone, "
    "memory the peak of the process, with Python, its libraries and the pages of that file. The films are {source}; "
    "they come again once all have been taken."
)


def main() -> None:
    args = _arguments()
    if args.job:
        _job(*args.job)
        return
    facts = common.machine()
    films = _films()
    source = f"{len(films):,} of the data folder" if films else f"{_MADE_UP:,} made up ones"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "films.txt").write_text("\n".join(map(str, films)), encoding="utf-8")
        say(f"thumbnails of {source}")
        _child("source", folder)
        found = {kind: {n: _measure(kind, n, folder, args.repeats) for n in _sizes(args.films)} for kind in _KINDS}
    figures = [figure for kind, runs in found.items() for figure in _figures(kind, runs)]
    command = f"python benchmarks/near_duplicates.py --films {args.films} --repeats {args.repeats}"
    detail = {kind: {n: told for n, (_, told) in runs.items()} for kind, runs in found.items()}
    Result("near_duplicates", command, _METHOD.format(source=source), figures, facts, detail=detail).write(args.out)


def _arguments() -> argparse.Namespace:
    parser = common.options(__doc__, repeats=1)
    parser.add_argument("--films", type=int, default=_LARGEST, help=f"the largest number ({_LARGEST})")
    parser.add_argument("--job", nargs="+", help=argparse.SUPPRESS)
    return parser.parse_args()


def _sizes(largest: int) -> list[int]:
    return [n for n in (_FIRST * 2**i for i in range(5)) if n < largest] + [largest]


def _films() -> list[Path]:
    """The films at hand, none if there is no data folder."""
    root = Path(os.environ.get(DATA_VARIABLE) or os.devnull)
    return common.films_in(TRAIN) + common.films_in(TEST) if (root / TRAIN).is_dir() and (root / TEST).is_dir() else []


def _measure(kind: str, count: int, folder: Path, repeats: int) -> tuple[list[Run], list[dict[str, Any]]]:
    say(f"{count:,} films, {_KINDS[kind]}")
    _child("make", folder, kind, count)
    runs = [_child("search", folder) for _ in range(repeats)]
    return runs, [json.loads(done.stdout) for done in runs]


def _figures(kind: str, found: dict[int, tuple[list[Run], list[dict[str, Any]]]]) -> list[Figure]:
    what = f"near-duplicates, films {_KINDS[kind]}"
    command = "near_pairs(thumbs)"
    figures = []
    for n, (runs, told) in found.items():
        figures.append(Figure.of(f"{what}, {n:,}", [each["seconds"] for each in told], "s", command))
        figures.append(Figure.of(f"{what}, {n:,}, peak memory", [each.peak_mb for each in runs], "MB", command))
    first, last = min(found), max(found)
    if first < last:
        grown = min(t["seconds"] for t in found[last][1]) / min(t["seconds"] for t in found[first][1])
        power = math.log(grown) / math.log(last / first)
        figures.append(Figure(f"{what}, {last / first:.3g} times as many take", grown, "times as long"))
        figures.append(Figure(f"{what}, time grows with the power", power))
    return figures


def _child(*job: object) -> Run:
    return run([sys.executable, __file__, "--job", *map(str, job)])


def _job(name: str, folder: str, *options: str) -> None:
    """One step in a process of its own, so that its memory is not that of another."""
    {"source": _source, "make": _make, "search": _search}[name](Path(folder), *options)


def _source(folder: Path) -> None:
    """Thumbnails of the films, or made-up ones."""
    paths = (folder / "films.txt").read_text(encoding="utf-8").split("\n")
    thumbs = [_thumb(path) for path in paths] if paths[0] else [_made_up(seed) for seed in range(_MADE_UP)]
    np.save(folder / "source.npy", np.stack(thumbs))


def _thumb(path: str) -> NDArray[np.uint8]:
    with Image.open(path) as film:
        squashed = film.convert("L").resize((224, 224), Image.Resampling.BILINEAR)
    return np.asarray(squashed.resize((32, 32), Image.Resampling.BOX))


def _made_up(seed: int) -> NDArray[np.uint8]:
    """Two dark lungs in a bright body, and coarse and fine structure that no other film has."""
    noise = np.random.default_rng(seed).normal(size=(3, 32, 32))
    y, x = np.mgrid[-1:1:32j, -1:1:32j] + 0.15 * noise[2, 0, :2, None, None]
    lungs = np.exp(-(((np.abs(x) - 0.45) / 0.3) ** 4) - (y / 0.75) ** 4)
    film = 170 - 90 * lungs + 200 * gaussian_filter(noise[0], 4) + 20 * gaussian_filter(noise[1], 1)
    return np.clip(film, 0, 255).astype(np.uint8)


def _make(folder: Path, kind: str, count: str) -> None:
    """Write so many thumbnails of a kind."""
    source = np.load(folder / "source.npy")
    rng = np.random.default_rng(0)
    thumbs = np.lib.format.open_memmap(folder / "thumbs.npy", "w+", np.uint8, (int(count), 32, 32))
    for at in range(0, len(thumbs), 1000):
        films = np.arange(at, min(at + 1000, len(thumbs)))
        chosen = source[np.zeros_like(films) if kind == "crowd" else films % len(source)].astype(np.float32)
        gain, shift = rng.uniform(0.8, 1.1, (len(films), 1, 1)), rng.uniform(-10, 10, (len(films), 1, 1))
        noise = rng.normal(0, 2, chosen.shape)
        changed = {"repeat": chosen, "crowd": chosen + noise, "jitter": chosen * gain + shift + noise}[kind]
        thumbs[films] = np.clip(np.rint(changed), 0, 255)
    thumbs.flush()


def _search(folder: Path) -> None:
    """Search, and tell how long it took and what was found."""
    thumbs = np.load(folder / "thumbs.npy", mmap_mode="r")
    started = time.perf_counter()
    found = near_pairs(thumbs)
    seconds = time.perf_counter() - started
    told = {"pairs": len(found.pairs), "groups": len(groups(found.pairs))}
    print(json.dumps({"seconds": seconds, **told, "left_out": found.left_out, "crowded": found.crowded}))


if __name__ == "__main__":
    main()
