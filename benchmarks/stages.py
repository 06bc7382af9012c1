"""Processor time of each stage on the way from a file to its row, by kind of file: what is worth making quicker.

One thread, films one after the other, each several times; the median of a stage over all of them. Processor time, as it
changes less than the clock where other programs are busy too.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import common
import numpy as np
from child import run
from common import Figure, Result, say
from reading_speed import KINDS

from pneumoscope import Predictor
from pneumoscope.core.files import sha256_bytes
from pneumoscope.imaging import dicom, dicom_display, pictures, read
from pneumoscope.imaging.containers import check_whole, sniff
from pneumoscope.imaging.preprocess import planes, standardise
from pneumoscope.predict.gate import judge
from pneumoscope.predict.predictor import _Look, _plain
from pneumoscope.report import open_table
from pneumoscope.report.table import CsvReport, JsonlReport

_METHOD = "Processor time of one thread, median over films and repeats. The whole is timed apart, not summed up."


class _Watch:
    """Milliseconds of processor time by stage."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        started = time.process_time_ns()
        yield
        self.spent[stage].append((time.process_time_ns() - started) / 1e6)


def main() -> None:
    parser = common.options(__doc__, repeats=5)
    parser.add_argument("--films", type=int, default=12, help="films of each kind (12)")
    parser.add_argument("--only", action="append", choices=KINDS, help="this kind of file; may be repeated")
    args = parser.parse_args()
    facts, bundle = common.machine(), common.bundle_facts(args.bundle)
    predictor, figures = Predictor.open(args.bundle), []
    for kind in args.only or KINDS:
        with tempfile.TemporaryDirectory() as scratch, open_table(Path(scratch, "x.csv")) as table:
            watch = _watched(predictor, table, _films(kind, Path(scratch, "films"), args.films), args.repeats)
        for stage, spent in watch.spent.items():
            figures.append(Figure(f"{kind}: {stage}", median(spent), "ms", min(spent), max(spent), len(spent)))
    only = "".join(f' --only "{kind}"' for kind in args.only or ())
    command = f"python benchmarks/stages.py --films {args.films} --repeats {args.repeats}{only}"
    Result("stages", command, _METHOD, figures, facts, bundle).write(args.out)


def _films(kind: str, folder: Path, count: int) -> list[Path]:
    say(f"{kind}: making films")
    script = Path(__file__).with_name("make_films.py")
    run([sys.executable, str(script), KINDS[kind][0], str(folder), "--films", str(count)])
    return sorted(folder.glob("*/*"))


def _watched(predictor: Predictor, table: CsvReport | JsonlReport, films: list[Path], repeats: int) -> _Watch:
    _one(predictor, table, films[0], _Watch())
    watch = _Watch()
    for _ in range(repeats):
        for film in films:
            _one(predictor, table, film, watch)
    return watch


def _one(predictor: Predictor, table: CsvReport | JsonlReport, path: Path, watch: _Watch) -> None:
    """Read a film stage by stage, and as a whole."""
    spec = predictor.bundle.spec
    with watch("read the file"):
        data = path.read_bytes()
    with watch("digest"):
        sha256_bytes(data)
    with watch("container whole?"):
        container = sniff(data)
        check_whole(container, data)
    (_dicom if container == "dicom" else _picture)(data, container, spec.preprocessing.size, watch)
    film = read(data, min_size=spec.preprocessing.size)
    with watch("values in range?"):
        replace(film)
    with watch("resize"):
        seen = planes(film, spec.preprocessing)
    with watch("standardise"):
        given = standardise(seen, spec.preprocessing)[np.newaxis]
    with watch("graph"):
        outputs = predictor.engine.run(given)
    with watch("quality flags, gate"):
        verdict = judge(film, _plain(film, seen, spec.preprocessing), outputs.features[0], predictor.bundle)
    with watch("calibrate"):
        finding, *_ = predictor._findings(outputs)
    with watch("heat map"):
        predictor._explained(_Look(film, outputs, verdict, None), finding)
    with watch("whole, no heat map"):
        reading = predictor.read(path, heatmap=False)
    with watch("row"):
        table.add(table.render(reading, film))


def _picture(data: bytes, container: str, size: tuple[int, int], watch: _Watch) -> None:
    notes: list[str] = []
    with watch("decode"):
        image = pictures._OPENERS[container](io.BytesIO(data))
        pictures._draft(image, size, notes)
        image.load()
    with watch("colour check, to float"):
        pictures._grey(image, notes)


def _dicom(data: bytes, container: str, size: tuple[int, int], watch: _Watch) -> None:
    with watch("header"):
        header = dicom.parse(data)
    with watch("decode"):
        frame, step = dicom._decoded(header, size)
    with watch("display, reduce"):
        dicom_display.display(frame.values, header, frame.photometric, step)


if __name__ == "__main__":
    main()
