"""Public data sets and ways in which films lie about: one file each, and one line below."""

from __future__ import annotations

from pathlib import Path

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Listing
from pneumoscope.data.sources import covid_chestxray, csv_table, dicom, folder, kermany, labeled_chest_xray, nih, rsna
from pneumoscope.data.sources.base import Entry, Options, Progress, Source, listing

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        labeled_chest_xray.SOURCE,
        kermany.SOURCE,
        covid_chestxray.SOURCE,
        nih.SOURCE,
        rsna.SOURCE,
        csv_table.SOURCE,
        dicom.SOURCE,
        folder.SOURCE,
    )
}
"""In the order in which a folder is tried: a data set before a mere layout."""


def detect(root: Path) -> Source:
    """The first source whose layout the folder has.

    Raises
    ------
    ManifestError : if there is none, naming all layouts.
    """
    for source in SOURCES.values():
        if source.recognises(root):
            return source
    layouts = "\n".join(f"  {source.name}: {source.layout}" for source in SOURCES.values())
    raise ManifestError(
        f"{root}: expected a folder in a known layout; 'pneumoscope data index --source NAME' makes a manifest of any "
        f"of these:\n{layouts}"
    )


def index(
    root: Path, source: str | None = None, options: Options | None = None, progress: Progress | None = None
) -> Listing:
    """List the films below ``root``, as what ``source`` names or as what the folder looks like.

    Raises
    ------
    ManifestError : for an unknown source or layout, or as the source does.
    """
    if not root.is_dir():
        raise ManifestError(f"{root}: expected a folder of films, there is none")
    if source is not None and source not in SOURCES:
        raise ManifestError(f"source: expected one of {', '.join(SOURCES)}, got {source!r}")
    return listing(SOURCES[source] if source else detect(root), root, options or Options(), progress)


__all__ = ["SOURCES", "Entry", "Options", "Source", "detect", "index", "listing"]
