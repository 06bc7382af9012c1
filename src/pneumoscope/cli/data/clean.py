"""``pneumoscope data clean``: apply what an audit advises."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pneumoscope.cli.data.options import manifest_out, summary

if TYPE_CHECKING:
    from pneumoscope.data.audit import Audit


@click.command()
@click.argument("manifests", nargs=-1, metavar="MANIFEST...", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--audit",
    "audited",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The audit.json of these manifests.",
)
@manifest_out()
@click.option(
    "--apply",
    "codes",
    multiple=True,
    metavar="CODE",
    help="A finding to mend, as often as needed.  [default: all errors]",
)
@click.option("--list", "listed", is_flag=True, help="Name the findings that can be mended, and end.")
def clean(manifests: tuple[Path, ...], audited: Path, out: Path | None, codes: tuple[str, ...], listed: bool) -> None:
    """Apply what an audit advises to a new manifest.

    MANIFEST... are those that were audited. The films stay as they are; the manifest in FILE lacks what is to be left
    out. By default every error is mended, and nothing else.
    """
    from pneumoscope.core import ManifestError
    from pneumoscope.core.manifest import Manifest
    from pneumoscope.data import joined, open_listing, write_manifest
    from pneumoscope.data.audit import clean as mend
    from pneumoscope.data.audit import read_audit, remedies
    from pneumoscope.data.audit.case import count
    from pneumoscope.report.text import one_line

    found = read_audit(audited)
    if listed:
        for code, finding in remedies(found).items():
            click.echo(f"{code:<30}{finding.severity:<9}{finding.action:<15}{one_line(finding.title)}")
        return
    if not manifests or out is None:
        raise click.UsageError("expected at least one MANIFEST and --out FILE (or --list)")
    if out.resolve() in {path.resolve() for path in manifests}:
        raise click.UsageError(f"{out} is the manifest that was audited; write the clean one beside it")
    listing = joined([open_listing(path) for path in manifests])
    cleaned, changes = mend(listing, found, codes or _errors(found))
    for change in changes:
        click.echo(f"{change.code}: {change.action}, {count(change.films, 'film')}")
    try:
        Manifest(cleaned.root, cleaned.films)
    except ManifestError as error:
        click.echo(f"note: training would still refuse it: {error}", err=True)
    write_manifest(cleaned, out)
    summary(cleaned)
    click.echo(f"wrote {out}", err=True)


def _errors(audit: Audit) -> list[str]:
    return [finding.code for finding in audit.findings if finding.severity == "error" and finding.action]
