"""``pneumoscope card``: what a bundle is, what it is for, and how it fails."""

from __future__ import annotations

from pathlib import Path

import click

_FORMATS = ("markdown", "html")


@click.command()
@click.argument("bundle", default="default")
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), help="What to write.  [default: html for FILE.html, else markdown]"
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="A file to write.")
@click.option(
    "--evaluation",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="JSON",
    help="The metrics.json of an evaluation of this bundle, whose figures the card shall tell too.",
)
def card(bundle: str, form: str | None, out: Path | None, evaluation: Path | None) -> None:
    """Tell what a bundle is.

    BUNDLE is a folder, a zip file, or a packaged one: 'default' or 'accurate'. The card says what it is for and not
    for, what it was measured on, its operating points, how it fails, where it comes from, and its licence.
    """
    from pneumoscope.bundle import load_bundle
    from pneumoscope.bundle.markdown import markdown
    from pneumoscope.core.files import atomic_write
    from pneumoscope.report.base import writing_to
    from pneumoscope.report.document_html import document_html
    from pneumoscope.report.model_card import full_card, read_evaluation

    loaded = load_bundle(bundle)
    document = full_card(loaded, read_evaluation(evaluation, loaded) if evaluation else None)
    html = form == "html" or (form is None and out is not None and out.suffix.lower() in {".html", ".htm"})
    text = document_html(document) if html else markdown(document)
    if out is None:
        click.echo(text, nl=False)
        return
    with writing_to(out), atomic_write(out) as file:
        file.write(text)
    click.echo(f"wrote {out}", err=True)
