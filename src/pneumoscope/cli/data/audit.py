"""``pneumoscope data audit``: find what is wrong with the films."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pneumoscope.cli.data.options import summary
from pneumoscope.cli.options import bundle_option, cache_folder, need, progress

if TYPE_CHECKING:
    from pneumoscope.core.manifest import Listing

_FAILING = {"error": ("error",), "warning": ("error", "warning"), "never": ()}


@click.command()
@click.argument(
    "manifests", nargs=-1, required=True, metavar="MANIFEST...", type=click.Path(exists=True, path_type=Path)
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR", help="Folder to write."
)
@click.option("--labels/--no-labels", help="Suspect labels that the bundle contradicts; reads every film.")
@bundle_option
@click.option(
    "--fail-on",
    type=click.Choice(list(_FAILING)),
    default="error",
    show_default=True,
    help="End with 1 if there is such a finding.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of folds and intervals.")
def audit(manifests: tuple[Path, ...], out: Path, labels: bool, bundle: str, fail_on: str, seed: int) -> None:
    """Find what is wrong with the films before a network learns from them.

    MANIFEST is a manifest or a folder in a known layout; several are audited as one. Looks for unreadable files, copies
    and near copies, patients in two splits, contradicting labels, shortcuts that give the class away, differences
    between the splits, burnt-in marks and colour containers. Writes audit.json and audit.html into DIR.

    Ends with 1 if there is an error among the findings (see --fail-on), with 0 otherwise. 'data clean' applies
    remedies.
    """
    need("data", "pneumoscope data audit")
    from pneumoscope.data import joined, open_listing
    from pneumoscope.data.audit import audit as examine
    from pneumoscope.data.audit import write_audit
    from pneumoscope.data.audit.case import count
    from pneumoscope.data.survey import survey
    from pneumoscope.report.audit_page import write_audit_page
    from pneumoscope.report.text import one_line

    listing = joined([open_listing(path) for path in manifests])
    summary(listing)
    out.mkdir(parents=True, exist_ok=True)  # before minutes of work, not after
    measured = survey(listing, cache_folder(), partial(progress, what="measuring"))
    scores = _scores(listing, bundle) if labels else None
    found = examine(measured, scores=scores, seed=seed, progress=partial(progress, what="checking", unit=" checks"))
    write_audit(found, out / "audit.json")
    write_audit_page(found, listing.root, out / "audit.html", progress=partial(progress, what="drawing"))
    for finding in found.findings:
        click.echo(f"{finding.severity:<9}{one_line(finding.title)}  [{finding.code}]")
    counts = Counter[str](finding.severity for finding in found.findings)
    told = ", ".join(count(counts[severity], severity) for severity in ("error", "warning", "note"))
    click.echo(f"{told}; wrote audit.json and audit.html in {out}", err=True)
    if any(counts[severity] for severity in _FAILING[fail_on]):
        raise SystemExit(1)


def _scores(listing: Listing, bundle: str) -> dict[str, float]:
    """Probabilities of the bundle's first label, of those labelled films that it can read."""
    from pneumoscope.core import Reading
    from pneumoscope.predict import Predictor

    films = [film.path for film in listing.labelled().films]
    paths = (listing.root / path for path in films)
    answers = Predictor.open(bundle, force=True).read_many(paths, lambda outcome, _: outcome, heatmap=False)
    told = zip(films, progress(answers, len(films), what="reading"), strict=True)
    return {path: outcome.finding.probability for path, outcome in told if isinstance(outcome, Reading)}
