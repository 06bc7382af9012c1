"""``pneumoscope release-check``: whether a bundle may be released."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pneumoscope.cli.options import bundle_option, data_option, jobs_option, need, progress
from pneumoscope.core.text import one_line


@click.command("release-check")
@bundle_option
@data_option
@click.option(
    "--split", type=click.Choice(["train", "val", "test"]), default="val", show_default=True, help="Which films."
)
@jobs_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def release_check(bundle: str, data: Path, split: str, jobs: int | None, as_json: bool) -> None:
    """Check whether a bundle may be released; end with 1 if not.

    That every file is whole, the graph answers as it did at export, on any number of threads, and as the fp32 graph
    does; that calibration, operating points, intended use and model card are there. Then, on the labelled films of a
    split that the bundle has not learned from: whether the evidence for positive answers lies on the lungs rather than
    in corners and at the border, whether burnt-in marks sway the answers, and whether these hang on the regions that
    the readings name. Of each: passed or failed, what was expected, what was found.
    """
    need("evaluate", "pneumoscope release-check")
    import msgspec

    from pneumoscope.data import open_manifest
    from pneumoscope.evaluation import check_release

    failed, told = 0, []
    for check in check_release(bundle, open_manifest(data), split, jobs=jobs, progress=progress):
        failed += not check.passed
        told.append(msgspec.structs.asdict(check))
        if not as_json:
            click.echo(f"{'passed' if check.passed else 'FAILED'}  {check.name}")
            click.echo(f"        expected: {one_line(check.expected)}\n        found:    {one_line(check.found)}")
    if as_json:
        click.echo(json.dumps(told, indent=2))
    if failed:
        click.echo(f"{failed} of {len(told)} checks failed: not to be released", err=True)
        raise SystemExit(1)
    click.echo(f"all {len(told)} checks passed", err=True)
