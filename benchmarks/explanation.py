"""What the regions of a reading are like at several levels: the table of docs/explanation.md.

On the validation films that `pneumoscope data split --seed 20` sets aside of the Kermany train folder. Nothing here
reads the official test folder.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import common
import numpy as np
from common import say
from numpy.typing import NDArray
from tqdm import tqdm

from pneumoscope.core import Radiograph, Reading, Region
from pneumoscope.data import open_manifest
from pneumoscope.data.split import with_validation
from pneumoscope.evaluation.faithful import Faithfulness, faithfulness
from pneumoscope.evaluation.labelled import LabelledFilms
from pneumoscope.evaluation.measured import mean
from pneumoscope.evaluation.perturb import perturbed
from pneumoscope.predict import Predictor, regions
from pneumoscope.stats.bootstrap import numbered
from pneumoscope.stats.intervals import Estimate

FOLDS, SPLIT_SEED, SAMPLE_SEED = 8, 20, 0
LEVELS = (0.3, 0.5, 0.7)


class Row(NamedTuple):
    """What the regions are like at one level; ``same`` is how well those of the film mirrored agree."""

    level: float
    boxes: float
    area: Estimate
    evidence: Estimate
    same: Estimate
    found: Faithfulness


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--films", type=int, default=200, help="about so many films, whole patients (200)")
    args = parser.parse_args()
    predictor = Predictor.open(args.bundle).forcing()
    films = validation(predictor).sample(args.films, SAMPLE_SEED)
    say(f"{len(films)} validation films of {len(set(films.patients))} patients, sample seed {SAMPLE_SEED}")
    rows = [measured(predictor, films, level) for level in LEVELS]
    print(table(rows))


def validation(predictor: Predictor) -> LabelledFilms:
    """The films that were set aside."""
    manifest = with_validation(open_manifest(common.data_folder() / "kermany224"), folds=FOLDS, seed=SPLIT_SEED)
    return LabelledFilms.of(manifest.only("val"), predictor.bundle.spec)


def measured(predictor: Predictor, films: LabelledFilms, level: float) -> Row:
    """Regions of the positive films, as they are and mirrored, and what taking them out does."""
    regions.LEVEL = level
    each = films.opened(predictor, partial(look, predictor), progress=partial(bar, what=f"level {level}"))
    kept = [(i, *one) for i, one in enumerate(each) if one]
    whose, _ = numbered([films.patients[i] for i, _, _ in kept])
    first = [reading.regions[0] for _, reading, _ in kept]
    sizes = [reading.film_size or (1, 1) for _, reading, _ in kept]
    return Row(
        level=level,
        boxes=float(np.mean([len(reading.regions) for _, reading, _ in kept])),
        area=share([area(box) / (size[0] * size[1]) for box, size in zip(first, sizes, strict=True)], whose),
        evidence=share([box.share for box in first], whose),
        same=share([same for _, _, same in kept], whose),
        found=faithfulness(predictor, films, progress=partial(bar, what=f"level {level}, taken out")),
    )


def look(predictor: Predictor, i: int, film: Radiograph) -> tuple[Reading, float] | None:
    """A positive film with regions, and how much of its largest one the mirrored film has in its own."""
    reading = predictor.read_film(film, name=str(i))
    if not reading.regions:
        return None
    other = predictor.read_film(perturbed(film, "flip", 1), name=str(i))
    box, width = reading.regions[0], film.full_size[1]
    back = [Region(r.top, width - r.right, r.bottom, width - r.left, r.share) for r in other.regions]
    return reading, max((overlap(box, one) for one in back), default=0.0)


def share(values: list[float], whose: NDArray[np.intp]) -> Estimate:
    return mean(np.array(values), whose, 0.0, 1.0)


def area(box: Region) -> int:
    return (box.bottom - box.top) * (box.right - box.left)


def overlap(one: Region, other: Region) -> float:
    """Intersection over union."""
    rows = min(one.bottom, other.bottom) - max(one.top, other.top)
    columns = min(one.right, other.right) - max(one.left, other.left)
    shared = max(rows, 0) * max(columns, 0)
    return shared / (area(one) + area(other) - shared)


def bar(items: Any, total: int, what: str) -> Any:
    return tqdm(items, total=total, desc=what, disable=None)


def table(rows: list[Row]) -> str:
    head = (
        "| level | regions a film | area of the first | evidence in it | overlap when mirrored | taken out, blurred "
        "| taken out, typical |\n|---|---|---|---|---|---|---|"
    )
    return "\n".join([head, *map(line, rows)])


def line(row: Row) -> str:
    excess = [figure(one.excess) for one in row.found.deletions] or ["too few", "too few"]
    cells = [f"{row.level:g}", f"{row.boxes:.2f}", *map(figure, (row.area, row.evidence, row.same)), *excess]
    return f"| {' | '.join(cells)} |"


def figure(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


if __name__ == "__main__":
    main()
