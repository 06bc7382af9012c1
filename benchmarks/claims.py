"""Write the table of docs/claims.md: what figures published for the official Kermany test folder imply.

``--check`` changes nothing and fails if the page says something else.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

from pneumoscope.report.claim_text import conflict_text, figure_name, span_text
from pneumoscope.stats.claims import Claim, ClaimCheck, check_claim
from pneumoscope.stats.figures import FIGURES

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "claims.md"
RESULTS = ROOT / "results"
POSITIVES, NEGATIVES = 390, 234
WITH_VALIDATION = (398, 242)
_START = "<!-- table: made by `python benchmarks/claims.py` from the files in results/ -->\n"
_END = "<!-- end of table -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    args = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(_START)
    wanted = before + _START + table() + _END + rest.split(_END)[1]
    if args.check:
        if text != wanted:
            raise SystemExit("docs/claims.md does not say what results/ says: run python benchmarks/claims.py")
        return
    PAGE.write_text(wanted, encoding="utf-8")


def table() -> str:
    """The block between the marks."""
    rows = "".join(_row(system, Claim(POSITIVES, NEGATIVES, figures)) for system, figures in claims())
    return f"| system | printed | possible | what follows |\n|---|---|---|---|\n{rows}"


def claims() -> Iterator[tuple[str, dict[str, str]]]:
    """Who says so, and what: the figures out of ``FIGURES`` that are printed."""
    for row in _read("published-claims.csv"):
        place = f" ({row['source']})" if row["source"] else ""
        yield row["system"] + place, _printed(row)
    told = {row["system"] for row in _read("published-claims.csv")}
    for row in _read("older-projects.csv"):
        name = f"project {row['project']}, {row['network']}"
        if name not in told:
            yield name, _printed(row)


def _read(name: str) -> list[dict[str, str]]:
    with (RESULTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _printed(row: dict[str, str]) -> dict[str, str]:
    return {name: row[name] for name in FIGURES if row.get(name)}


def _row(system: str, claim: Claim) -> str:
    found = check_claim(claim, [WITH_VALIDATION])
    printed = ", ".join(f"{figure_name(name)} {text}" for name, text in claim.figures.items())
    verdict = "yes" if found.possible else "not with these counts"
    return f"| {system} | {printed} | {verdict} | {_implied(found) if found.possible else _why(found)} |\n"


def _implied(found: ClaimCheck) -> str:
    matrices = f"{found.count:,} {'matrix' if found.count == 1 else 'matrices'}"
    figures = [
        f"{name} {span_text(found.figures[name])} (95% interval {span_text(found.intervals[name]['wilson'])})"
        for name in ("recall", "specificity")
        if found.count == 1 or name in found.stated or "recall" in found.stated
    ]
    return "; ".join([matrices, *figures])


def _why(found: ClaimCheck) -> str:
    readings = [other.reading for other in found.alternatives if other.count]
    slips = f"possible with {', '.join(readings)}" if readings else "no common slip explains it"
    return "; ".join([*(conflict_text(conflict, found) for conflict in found.conflicts), slips])


if __name__ == "__main__":
    main()
