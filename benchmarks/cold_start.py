"""One film from a cold process: wall time and peak memory of `pneumoscope predict FILM --out x.csv -q`.

For a film of the network's own size, the largest full-size original and the largest DICOM file, where there are such.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import common
from child import Run, pneumoscope, run
from common import DICOM, ORIGINAL, TEST, Figure, Result, say

_METHOD = (
    "Each run is a new process that starts Python, loads and checks the bundle and reads one film from the page cache."
)


def main() -> None:
    args = common.options(__doc__, repeats=10).parse_args()
    bundle = common.bundle_facts(args.bundle)
    films = _films()
    facts = common.machine()
    figures = [figure for what, film in films.items() for figure in _measure(what, film, args.bundle, args.repeats)]
    detail = {"films": {what: {"name": film.name, "bytes": film.stat().st_size} for what, film in films.items()}}
    command = f"python benchmarks/cold_start.py --repeats {args.repeats}"
    Result("cold_start", command, _METHOD, figures, facts, bundle, detail).write(args.out)


def _films() -> dict[str, Path]:
    """The film of each kind that costs most."""
    root = common.data_folder()
    kinds = {"224-pixel film": f"{TEST}/*/*.*", "full-size film": f"{ORIGINAL}/*/*.*", "DICOM film": f"{DICOM}/*.dcm"}
    found = {what: sorted(root.glob(pattern), key=lambda film: film.stat().st_size) for what, pattern in kinds.items()}
    for what in kinds:
        if not found[what]:
            say(f"no {what} in the data folder: left out")
    return {what: films[-1] for what, films in found.items() if films}


def _measure(what: str, film: Path, bundle: str, repeats: int) -> list[Figure]:
    runs = []
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(repeats + 1):
            say(f"{what}: {f'run {i} of {repeats}' if i else 'once to fill the page cache'}")
            runs.append(_one(film, bundle, Path(scratch, f"{i}.csv")))
    command = "pneumoscope predict FILM --out x.csv -q"
    return [
        Figure.of(f"one {what}, cold process", [found.seconds for found in runs[1:]], "s", command),
        Figure.of(f"one {what}, peak memory", [found.peak_mb for found in runs[1:]], "MB", command),
    ]


def _one(film: Path, bundle: str, out: Path) -> Run:
    return run(pneumoscope("predict", film, "--bundle", bundle, "--out", out, "-q"))


if __name__ == "__main__":
    main()
