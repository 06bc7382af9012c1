"""Write the page on what each idea does, results/ablation/README.md, from the tables that ablation.py made.

``--check`` changes nothing and fails if the page says something else.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from common import ROOT, markdown

from pneumoscope.stats.holm import holm

FOLDER = ROOT / "results" / "ablation"
PAGE = FOLDER / "README.md"
_BASE, _FIRST_SEED = "base", "20"
_LEVEL = 0.05
_ROUNDING = 0.0005
_MEASURED = ("AUC", "log loss", "recall", "specificity", "change of AUC", "change of log loss")

_HEAD = """# What each idea does for the default model

The recipe `mobilenetv2` with one thing changed at a time, or a few that had helped. All networks learn from the same
films of the official train folder and are measured on the validation films of its shifted split: {films} films,
{normal} of them normal, the train folder's hardest by how they were acquired
([decision 9](../../docs/decisions/0009-shifted-validation.md)). The official test folder has no part in any of it.

*Change* is the network with the idea less the base of the same seed (a mean's first) on the same films: above 0 is
better for the AUC, below 0 for the log loss. AUC apart, figures are those of calibrated answers, and the hard normal
films had their say in the calibration; *as trained* are recall and specificity at even odds before it, which no
validation film has touched.
Made by `python benchmarks/ablation.py` ([all figures](short.csv)) and
`python benchmarks/ablation_page.py`; intervals at 95%, patients resampled 2,000 times (seed 0).
"""

_SHORT = """
## Short runs: one seed

Six epochs in place of sixteen, 128 pixels in training and 160 after unless the idea says otherwise; seed 20; best log
loss first. The interval is what other films would have made of it. What another seed would have made of it is not in
it, and is as large ([decision 21](../../docs/decisions/0021-seeds-before-ideas.md)): this table tells what is worth
another seed, no more. Minutes are of the training itself, without that of a teacher or of what it started from.

{verdict}{bases}
"""

_SEEDS = """
## Short runs: several seeds

The mean over the seeds, with the least and the largest (`--seeds 3`). An idea that helps does so with each.
"""

_FULL = """
## At full length

Sixteen epochs, 176 pixels in training and 224 after ([all figures](full.csv)); of one seed with
the interval that other films would have made of it, of several as above.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    wanted = page()
    if not check:
        PAGE.write_text(wanted, encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != wanted:
        raise SystemExit(f"{PAGE} does not say what its tables say: run python benchmarks/ablation_page.py")


def page() -> str:
    """The whole page."""
    short, full = (_table(FOLDER / f"{length}.csv") for length in ("short", "full"))
    first = [row for row in short if row["seed"] == _FIRST_SEED]
    repeated = {row["idea"] for row in short if row not in first}
    films, positive = (int(short[0][name]) for name in ("films", "positive"))
    return (
        _HEAD.format(films=films, normal=films - positive)
        + _short(first)
        + _seeds(_SEEDS, [row for row in short if row["idea"] in repeated])
        + _seeds(_FULL, full)
    )


def _table(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _short(rows: Sequence[dict[str, str]]) -> str:
    ordered = sorted(rows, key=lambda row: float(row["log_loss"]))
    head = ("idea", "what", "minutes", "as trained", *_MEASURED)
    lines = [
        (
            f"`{row['idea']}`",
            row["what"],
            row["minutes"],
            _as_trained(row),
            *(_interval(row, name) for name in ("auc", "log_loss", "recall", "specificity")),
            *(_change(row, name) for name in ("auc", "log_loss")),
        )
        for row in ordered
    ]
    return _SHORT.format(verdict=_verdict(rows), bases=_bases(rows)) + "\n" + "\n".join(markdown([head, *lines])) + "\n"


def _as_trained(row: dict[str, str]) -> str:
    found = [row[f"{name}_as_trained"] for name in ("recall", "specificity")]
    return ", ".join(f"{float(value):.3f}" for value in found if value)


def _verdict(rows: Sequence[dict[str, str]]) -> str:
    """Which changes are more than chance, with so many ideas tried."""
    ideas = [row for row in rows if row["idea"] != _BASE]
    found = []
    for name, words in (("auc", "AUC"), ("log_loss", "log loss")):
        adjusted = holm([float(row[f"{name}_change_p"]) for row in ideas])
        sure = [f"`{row['idea']}`" for row, p in zip(ideas, adjusted, strict=True) if p < _LEVEL]
        found.append(f"of the {words} for {', '.join(sure)}" if sure else f"of the {words} for none")
    return (
        f"With {len(ideas)} ideas tried (Holm's correction), a change is more than the chance of other films "
        f"{' and '.join(found)}."
    )


def _bases(rows: Sequence[dict[str, str]]) -> str:
    """How far the bases lie apart that ideas were compared with, unless it is all one base."""
    found = [float(row["auc"]) - float(row["auc_change"]) for row in rows]
    if max(found) - min(found) < _ROUNDING:
        return ""
    return (
        f" They were trained on several machines, and a seed does not make the same network on each: an idea's base is "
        f"of the idea's own machine, and has an AUC of {min(found):.3f} to {max(found):.3f}."
    )


def _seeds(title: str, rows: Sequence[dict[str, str]]) -> str:
    """A section with a line for each idea, or nothing."""
    if not rows:
        return ""
    ideas = {row["idea"]: row["what"] for row in rows}
    head = ("idea", "what", "seeds", *_MEASURED)
    lines = []
    for idea, what in ideas.items():
        runs = [row for row in rows if row["idea"] == idea]
        lines.append((f"`{idea}`", what, str(len(runs)), *_told(runs)))
    return title + "\n" + "\n".join(markdown([head, *lines])) + "\n"


def _told(runs: Sequence[dict[str, str]]) -> tuple[str, ...]:
    """The measures of an idea: over several seeds, or of one with the interval that other films would have made."""
    measures, changed = ("auc", "log_loss", "recall", "specificity"), ("auc", "log_loss")
    if len(runs) == 1:
        return (*(_interval(runs[0], name) for name in measures), *(_change(runs[0], name) for name in changed))
    changes = (_over_seeds(runs, f"{name}_change", "+") if runs[0]["idea"] != _BASE else "" for name in changed)
    return (*(_over_seeds(runs, name) for name in measures), *changes)


def _over_seeds(runs: Sequence[dict[str, str]], name: str, sign: str = "") -> str:
    values = [float(run[name]) for run in runs]
    return f"{fmean(values):{sign}.3f} ({min(values):{sign}.3f} to {max(values):{sign}.3f})"


def _interval(row: dict[str, str], name: str) -> str:
    value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def _change(row: dict[str, str], name: str) -> str:
    if row["idea"] == _BASE:
        return ""
    value, low, high = (float(row[f"{name}_change{end}"]) for end in ("", "_low", "_high"))
    return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    main()
