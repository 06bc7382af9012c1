"""The COVID-19 image data collection: films of pneumonias, taken from publications and case collections.

Citation
    Cohen JP, Morrison P, Dao L, Roth K, Duong TQ, Ghassemi M. COVID-19 Image Data Collection: Prospective Predictions
    Are the Future. arXiv:2006.11988, 2020.
Licence
    Each picture has its own, in the column ``license`` of ``metadata.csv`` (CC BY-NC-SA, CC BY, CC BY-NC-ND,
    Apache 2.0, ...; many are blank); the table is under CC BY-NC-SA 4.0.
Counts
    Its own page counts 481 PA and AP and 173 supine AP films, of which 14 and 3 are without finding.
Download
    GitHub ``ieee8023/covid-chestxray-dataset``.
Known faults
    The label is the case's, not the film's: films "without thoracic abnormality" early in COVID-19, and clear ones
    after recovery, count as pneumonia. There are next to no normal films, so a model that learns from these and from
    normal films of another source learns to tell the sources apart. Pictures are screenshots of many sizes, some with
    arrows or letters. Tables before the hierarchy of findings say "COVID-19" alone, which states no label here; some
    name one picture under two patients: the first counts, and a note tells of the other. CT slices, lateral films and
    rows without a view are left out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pneumoscope.core import ManifestError
from pneumoscope.data.fetch.places import Url
from pneumoscope.data.sources.base import Entry, Options, Source, age_of, has_columns, home_of, sex_of, table_rows, told

_TABLE = "metadata.csv"
_COLUMNS = ("patientid", "finding", "view", "modality", "filename")
_LAYOUT = f"{_TABLE} with the columns {', '.join(_COLUMNS)}; images/"
_SUBTYPES = {"Pneumonia/Bacterial": "bacterial", "Pneumonia/Viral": "viral"}


def _recognises(root: Path) -> bool:
    home = home_of(root, _TABLE)
    return home is not None and (home / "images").is_dir() and has_columns(home / _TABLE, *_COLUMNS)


def _entries(root: Path, _: Options) -> Iterator[Entry | str]:
    home = home_of(root, _TABLE)
    if home is None:
        raise ManifestError(f"{root}: expected {_LAYOUT}; found no {_TABLE}")
    films: dict[Path, Entry] = {}
    skipped: Counter[str] = Counter()
    for line, row in table_rows(home / _TABLE, *_COLUMNS):
        if reason := _why_not(row):
            skipped[reason] += 1
            continue
        entry = _entry(home, row)
        first = films.setdefault(entry.path, entry)
        if first.label != entry.label:
            raise ManifestError(f"{home / _TABLE}, line {line}: {entry.path.name} has another finding in a line above")
        if first.patient != entry.patient:
            note = f"line {line} of {_TABLE} gives it to patient {entry.patient}"
            films[entry.path] = replace(first, note="; ".join(filter(None, [first.note, note])))
    yield from films.values()
    if skipped:
        yield f"{skipped.total()} rows of {_TABLE} are not frontal X-rays and are not listed: {told(skipped)}"


def _why_not(row: Mapping[str, str]) -> str:
    """What keeps a row from being a frontal X-ray; "" if nothing does."""
    if row["modality"].lower() != "x-ray":
        return f"modality {row['modality'] or '(none)'}"
    return "" if row["view"].upper().startswith(("PA", "AP")) else f"view {row['view'] or '(none)'}"


def _entry(home: Path, row: Mapping[str, str]) -> Entry:
    levels = row["finding"].split("/")
    age, note = age_of(row.get("age", ""))
    return Entry(
        path=home / (row.get("folder") or "images") / row["filename"],
        patient=row["patientid"],
        label={"Pneumonia": 1, "No Finding": 0}.get(levels[0]),
        subtype=_SUBTYPES.get("/".join(levels[:2]), ""),
        findings=(row["finding"],) if row["finding"] not in ("", "No Finding") else (),
        view=row["view"].upper(),
        age=age,
        sex=sex_of(row.get("sex", "")),
        note=note,
    )


SOURCE = Source(
    name="covid-chestxray",
    title="COVID-19 image data collection (Cohen et al. 2020)",
    layout=_LAYOUT,
    recognises=_recognises,
    entries=_entries,
    citation=(
        "Cohen JP, Morrison P, Dao L, Roth K, Duong TQ, Ghassemi M. COVID-19 Image Data Collection: Prospective "
        "Predictions Are the Future. arXiv:2006.11988, 2020"
    ),
    licence="each picture its own, named in metadata.csv; many for non-commercial use only",
    homepage="https://github.com/ieee8023/covid-chestxray-dataset",
    download=(
        Url(
            "https://github.com/ieee8023/covid-chestxray-dataset/archive/refs/heads/master.zip",
            filename="covid-chestxray-dataset-master.zip",
            page="https://github.com/ieee8023/covid-chestxray-dataset",
        ),
    ),
    intended_use=(
        "Research on frontal (AP or PA) chest X-rays, mostly of adults with a pneumonia that somebody published."
    ),
    exclusions=(
        "Not for children, lateral views, CT, or any other part of the body.",
        "Says nothing of how a model does in a clinic: published cases are neither a ward's nor a screening's.",
        "Does not tell COVID-19 from other pneumonias: the films of each come from other places.",
        "Many pictures may not be used commercially.",
    ),
)
