"""``pneumoscope compare``: programs on the same films, side by side."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from pneumoscope.cli.options import cache_folder, jobs_option, need, progress

if TYPE_CHECKING:
    from pneumoscope.core.manifest import Manifest
    from pneumoscope.evaluation import Evaluation

_MEASURES = ("auc", "accuracy", "recall", "specificity", "precision", "f1", "log_loss", "brier")


@click.command()
@click.argument("entrants", nargs=-1, required=True, metavar="ENTRANT...")
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    metavar="MANIFEST",
    help="Films for bundles to read, and for the page to show: a manifest, or a folder in a known layout.",
)
@click.option(
    "--split", type=click.Choice(["train", "val", "test"]), default="test", show_default=True, help="Which films."
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Folder to write the comparison to."
)
@click.option("--by", type=click.Choice(_MEASURES), default="auc", show_default=True, help="What ranks the entrants.")
@click.option(
    "--against",
    type=click.Choice(["first", "best"]),
    default="first",
    show_default=True,
    help="The entrant that each other one is tested against.",
)
@jobs_option
def compare(
    entrants: tuple[str, ...],
    data: Path | None,
    split: str,
    out: Path | None,
    by: str,
    against: str,
    jobs: int | None,
) -> None:
    """Compare programs on the same films.

    ENTRANT is a bundle, which reads the films of --data; a finished training run, which is exported first, as what
    ships is what counts; the folder or the metrics.json of an evaluation, with its scores.csv; or a table of anybody's
    scores (film, label, probability).

    Ranks them with 95% intervals and tests each against the first, on the films that all answered: DeLong's test for
    the AUC, McNemar's exact test for the decisions, and a bootstrap of the patients for recall, specificity and log
    loss; with Holm's correction if there are several. Entrants that share fewer than half of their films are shown
    side by side and not ranked. Only the first label of a bundle counts.

    With --out, DIR gets comparison.json, comparison.csv and comparison.html, a page with the films on which they
    disagree.
    """
    need("evaluate", "pneumoscope compare")
    from pneumoscope.data import open_manifest
    from pneumoscope.evaluation.comparison import compare as compared
    from pneumoscope.evaluation.entries import names_of, open_entry
    from pneumoscope.report.comparison import comparison_text, write_comparison
    from pneumoscope.report.comparison_page import write_comparison_page

    if len(entrants) < 2:
        raise click.UsageError(f"expected two entrants or more, got {len(entrants)}")
    manifest = open_manifest(data) if data else None
    measure = partial(_measured, manifest=manifest, split=split, jobs=jobs)
    entries = [open_entry(place, name, measure) for place, name in zip(entrants, names_of(entrants), strict=True)]
    found = compared(entries, rank_by=by, against_best=against == "best")
    click.echo(comparison_text(found))
    if out:
        write_comparison(found, out)
        places = _places(manifest) if manifest else {}
        write_comparison_page(found, out / "comparison.html", places, progress=partial(progress, what="drawing"))
        click.echo(f"wrote comparison.json, comparison.csv and comparison.html in {out}", err=True)


def _measured(place: str, *, manifest: Manifest | None, split: str, jobs: int | None) -> Evaluation:
    from pneumoscope.evaluation import evaluate
    from pneumoscope.predict import Predictor

    if manifest is None:
        raise click.UsageError(f"{place} has to read films, and needs --data")
    with TemporaryDirectory() as scratch:
        run = Path(place)
        predictor = Predictor.open(_exported(run, Path(scratch)) if (run / "run.json").is_file() else place)
    return evaluate(predictor, manifest, split, jobs=jobs, progress=partial(progress, what=place))


def _exported(run: Path, scratch: Path) -> Path:
    """A bundle of what ships of a training run."""
    need("train", "pneumoscope compare with a training run")
    from pneumoscope.training.export import export
    from pneumoscope.training.run_folder import Run

    click.echo(f"exporting {run}", err=True)
    export(Run(run), scratch / "run.zip", name=run.name, version="run", cache=cache_folder())
    return scratch / "run.zip"


def _places(manifest: Manifest) -> dict[str, Path]:
    """Where each film lies, by its digest and by its name."""
    return {key: manifest.root / film.path for film in manifest.films for key in (film.digest, film.path)}
