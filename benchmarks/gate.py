"""What a gated bundle refuses: pictures that its gate has not seen, films to be answered, adults, films come wrongly.

Reads all of it as `pneumoscope predict` does. With --data, the manifest that the gate was made with, also what each
method alone would refuse, and what becomes of a kind of pictures that the classifier has not seen.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import common
import msgspec
import numpy as np
from common import Figure, Result, say

from pneumoscope.core import FilmError, Radiograph
from pneumoscope.core.parallel import ordered_map, usable_cores
from pneumoscope.data import open_manifest
from pneumoscope.engines import open_engine
from pneumoscope.evaluation.gating.comparison import Refused, alone, compare, left_out
from pneumoscope.evaluation.gating.fit import numbers
from pneumoscope.evaluation.gating.material import Gatherer
from pneumoscope.evaluation.gating.pictures import Picture, in_grey, pictures
from pneumoscope.evaluation.gating.spoilt import SPOILT, mild
from pneumoscope.imaging import read
from pneumoscope.predict import Predictor
from pneumoscope.predict.films import Films
from pneumoscope.stats.intervals import clopper_pearson

_FOREIGN = "not_frontal_chest"
_ADULTS = ("adult224/rsna_normal", "adult224/covid")
_TIMED, _ROUNDS = 300, 5


@dataclass(frozen=True)
class Row:
    """Of ``of`` pictures, how many are refused, for which first reasons, and how many of these put right and read."""

    what: str
    refused: int
    of: int
    reasons: dict[str, int]
    offered: int = 0

    def figure(self) -> Figure:
        """With Clopper and Pearson's 95% interval."""
        share = clopper_pearson(self.refused, self.of)
        return Figure(self.what, 100 * share.value, "%", 100 * share.low, 100 * share.high, repeats=self.of)


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--data", type=Path, help="the manifest that the gate was made with: compare the methods too")
    parser.add_argument("--test", action="store_true", help="read the official test films; to be done once, at the end")
    args = parser.parse_args()
    machine, predictor = common.machine(), Predictor.open(args.bundle)
    if predictor.bundle.gate is None:
        raise SystemExit(f"--bundle {args.bundle}: expected a bundle with a gate; 'pneumoscope gate' makes one")
    rows = list(_rows(predictor, test=args.test))
    detail: dict[str, Any] = {"rows": [vars(row) for row in rows]}
    if args.data:
        detail["methods"] = [_told(one) for one in _methods(predictor, args.data)]
    result = Result(
        benchmark="gate",
        command="python benchmarks/gate.py",
        method="share refused, Clopper-Pearson 95%; pictures that had no part in making the gate",
        figures=[*(row.figure() for row in rows), *_cost(predictor)],
        machine=machine,
        bundle=common.bundle_facts(args.bundle),
        detail=detail,
    )
    result.write(args.out)
    print(_markdown(rows))


def _rows(predictor: Predictor, *, test: bool) -> Iterator[Row]:
    data = common.data_folder()
    apart = [one for one in pictures(data / _FOREIGN) if one.part == "apart"]
    for category in sorted({one.category for one in apart}):
        some = [one for one in apart if one.category == category]
        yield _row(predictor, category, some, lambda one: read(one.path))
        if any(one.colour for one in some):
            yield _row(predictor, f"{category}, in grey", some, lambda one: in_grey(one.path)[0])
    yield _row(predictor, "all kept apart, in grey", apart, lambda one: in_grey(one.path)[0])
    for name in ("dicom_not_chest", "dicom_chest", "kermany_original"):
        yield _row(predictor, name, list(Films([data / name])), read)
    for name in _ADULTS:
        yield _row(predictor, name, list(Films([data / name])), read)
    if test:
        yield from _test(predictor)


def _test(predictor: Predictor) -> Iterator[Row]:
    films = common.films_in(common.TEST)
    yield _row(predictor, "official test", films, read)
    for label in common.CLASSES:
        yield _row(predictor, f"official test, {label}", [film for film in films if film.parent.name == label], read)
    yield _row(predictor, "official test, a little worse", films, lambda film: mild(read(film), _draw(film)))
    for kind, spoil in SPOILT.items():
        yield _row(predictor, f"official test, {kind}", films, lambda film, spoil=spoil: spoil(read(film), _draw(film)))


def _draw(film: Path) -> np.random.Generator:
    return np.random.default_rng(list(film.name.encode()))


def _row(predictor: Predictor, what: str, items: Sequence[Any], film: Callable[[Any], Radiograph]) -> Row:
    """A picture that cannot be read is no answer either: its reason is the error's."""
    say(what)

    def work(item: Path | Picture) -> tuple[str, bool]:
        try:
            reading = predictor.read_film(film(item), name=str(item), heatmap=False)
        except FilmError as error:
            return error.code, False
        return (reading.abstention[0].code if reading.abstention else ""), reading.correction is not None

    found = list(ordered_map(work, items, usable_cores()))
    reasons = Counter(code for code, _ in found if code)
    return Row(what, reasons.total(), len(found), dict(reasons.most_common()), sum(offered for _, offered in found))


def _methods(predictor: Predictor, data: Path) -> Iterable[Refused]:
    """The gate is fitted again, as making it did."""
    spec, folder = predictor.bundle.spec, common.data_folder()
    gatherer = Gatherer(spec, open_engine(predictor.bundle), seed=0, jobs=None, progress=None)
    material = gatherer.material(open_manifest(data), pictures(folder / _FOREIGN))
    adults = {name: gatherer.paths(list(Films([folder / name])), name) for name in _ADULTS}
    assert spec.gate
    yield from compare(material, numbers(material), spec.gate, adults)
    yield from alone(material)
    yield from left_out(material)


def _told(one: Refused) -> dict[str, Any]:
    return {"method": one.method, "what": one.what, "refused": one.refused, "of": one.of}


def _cost(predictor: Predictor) -> Iterator[Figure]:
    """By how much readings from files, without heat maps, take longer than those of the same bundle without a gate."""
    bundle = predictor.bundle
    open_to_all = msgspec.structs.replace(bundle.spec, gate=None, population=None)
    plain = Predictor(replace(bundle, spec=open_to_all, gate=None), predictor.engine)
    for what, films in (("224-pixel JPEG", common.films_in(common.TRAIN)[:_TIMED]), ("original", _originals())):
        spent = [[_processor_time(one, films) for one in (plain, predictor)] for _ in range(_ROUNDS)]
        shares = [100 * (gated / without - 1) for without, gated in spent]
        yield Figure.of(f"processor time that the gate adds, {what}", shares, "%")


def _originals() -> list[Path]:
    return list(Films([common.data_folder() / common.ORIGINAL]))


def _processor_time(predictor: Predictor, films: Sequence[Path]) -> float:
    started = time.process_time()
    for film in films:
        predictor.read(film, heatmap=False)
    return time.process_time() - started


def _markdown(rows: Iterable[Row]) -> str:
    lines = ["| pictures | refused | share | first reasons | put right |", "|---|---|---|---|---|"]
    for row in rows:
        share = clopper_pearson(row.refused, row.of)
        reasons = ", ".join(f"{count} {reason}" for reason, count in row.reasons.items())
        interval = f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
        lines.append(f"| {row.what} | {row.refused} of {row.of} | {interval} | {reasons} | {row.offered or ''} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
