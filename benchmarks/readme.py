"""Write the figures of the README from the files in results/, so that the two cannot part.

``--check`` changes nothing and fails if the README says something else.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "results"
_PACKAGE = ROOT / "src" / "pneumoscope" / "bundle"
OFFICIAL = {"default": "official-test", "accurate": "official-test-accurate"}
"""Where in results/ the figures of a packaged bundle on the official test folder are."""

_SHOWN = (
    "224-pixel JPEG, pneumoscope",
    "224-pixel JPEG, pneumoscope with heat maps",
    "224-pixel JPEG, pneumoscope, accurate",
    "224-pixel JPEG, Keras DenseNet121",
    "224-pixel JPEG, pneumoscope : Keras DenseNet121",
    "224-pixel JPEG, pneumoscope, warm : Keras DenseNet121, warm",
    "224-pixel JPEG, pneumoscope, warm : graph alone",
    "224-pixel JPEG, pneumoscope, one film, cold process",
    "224-pixel JPEG, pneumoscope, peak memory",
    "2000-pixel JPEG, pneumoscope : Keras DenseNet121",
    "2000-pixel JPEG, pneumoscope, warm : Keras DenseNet121, warm",
    "10,000 films to csv, growth",
    "10,000 films to csv, peak",
    "full size and copy, all films",
    "full size and copy, films not learned from",
    "data index, 5,840 films, time",
    "data audit, cold, 5,840 films, time",
    "prepared films, cold, 5,840 films, time",
    "data audit, cold, 200,000 links, time",
    "data audit, cold, 200,000 links, peak memory",
    "evaluate --scores, 1,000,000 films, time",
    "evaluate --scores, 1,000,000 films, peak memory",
    "installed, with all base dependencies",
    "training densenet121, pneumoscope : Keras",
    "training resnet50, pneumoscope : Keras",
    "training mobilenetv2, pneumoscope : Keras",
)
_TWICE = ("weighted_recall", "calibration_error_filled")
"""Measures that say what another one says."""
_START = "<!-- figures: made by `python benchmarks/readme.py` from the files in results/ -->\n"
_END = "<!-- end of figures -->"

_CAUTION = """
Read the probabilities with care: they were calibrated on validation films of the train folder, and on the test folder,
whose normal films differ, those in the middle are too high ([curves](results/official-test/curves.png)). For the same
reason *rule-in* raises more false alarms there than the 2% of patients that it promised for patients like those of the
validation films. Bacterial and viral are told apart far better there than on validation films, and why is not known: go
by the lower figure. Weights, calibration and thresholds were found without the test folder. The recipe was not quite:
that wide crops help there was [known beforehand](docs/decisions/0006-train-small-read-large.md).
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    args = parser.parse_args()
    text = README.read_text(encoding="utf-8")
    wanted = with_figures(text)
    if args.check:
        if text != wanted:
            raise SystemExit("README.md does not say what results/ says: run python benchmarks/readme.py")
        return
    README.write_text(wanted, encoding="utf-8")


def with_figures(text: str) -> str:
    """The README's text with the figures of today's results."""
    before, rest = text.split(_START)
    _, after = rest.split(_END)
    return before + _START + figures() + _END + after


def figures() -> str:
    """The block between the marks."""
    return _accuracy() + _CAUTION + _adults() + _networks() + _speed()


def _load(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def _accuracy() -> str:
    models = {name: _load(f"{place}/metrics.json") for name, place in OFFICIAL.items()}
    small = models["default"]
    data = small["data"]
    named = (
        f"`{name}` ({one['bundle']['precision']}, sha256 `{one['bundle']['digest'][:16]}`)"
        for name, one in models.items()
    )
    rows = "".join(f"| {' | '.join(row)} |\n" for row in _measures(list(models.values())))
    return (
        f"The packaged models, {' and '.join(named)}, the mean of four other networks, on the official Kermany test "
        f"folder ({data['films']} films of {data['patients']} patients, {data['positive']} with pneumonia), at the "
        f"operating point *{small['bundle']['operating_point']}*, which was chosen without it, with 95% intervals:\n\n"
        f"| measure | {' | '.join(f'`{name}`' for name in models)} |\n|---|{'---|' * len(models)}\n{rows}\n"
        "Every film is answered here, whatever the gate says. Other seeds in training would give other figures. "
        f"Intervals: {small['intervals']}. Command: `pneumoscope evaluate --bundle default --data "
        f"$PNEUMOSCOPE_DATA/kermany224 --split test --out results/official-test`.\n"
    )


def _measures(models: Sequence[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Rows of the table: what was measured, and each model's figure."""
    for name in models[0]["metrics"]:
        if name not in _TWICE:
            yield name.replace("_", " "), *(_interval(one["metrics"][name]) for one in models)
    yield "pneumonias missed", *(f"{one['confusion']['false_negative']} ({_kinds(one)})" for one in models)
    yield "false alarms", *(_alarms(one) for one in models)
    for point in _other_points(models[0]):
        for measure in ("recall", "specificity"):
            found = (_other_points(one)[point]["metrics"][measure] for one in models)
            yield f"{measure} at *{point}*", *map(_interval, found)
    for measure, words in _SECOND.items():
        yield words, *(_second(one, measure) for one in models)
    yield "the same AUC on validation films", *map(_second_before, OFFICIAL)


def _alarms(found: dict[str, Any]) -> str:
    return f"{found['confusion']['false_positive']} of {found['data']['films'] - found['data']['positive']}"


def _other_points(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What was measured at the operating points that are not the default, by name."""
    return {one["name"]: one for one in found["points"] if one["name"] != found["bundle"]["operating_point"]}


def _second(found: dict[str, Any], measure: str) -> str:
    """A figure of the second answer, whatever the first one was; nothing where the bundle has none."""
    return ", ".join(_interval(one["metrics"][measure]) for one in found.get("second") or ())


def _kinds(found: dict[str, Any]) -> str:
    """How many of each kind of case were missed."""
    return ", ".join(f"{one['films'] - one['found']} of {one['films']} {one['subtype']}" for one in found["subtypes"])


def _second_before(bundle: str) -> str:
    """The AUC of a packaged bundle's second answer on the films that it was calibrated with."""
    spec = json.loads((_PACKAGE / bundle / "bundle.json").read_text(encoding="utf-8"))
    asked = (label["name"] for label in spec["labels"] if label.get("given"))
    return ", ".join(_interval(spec["metrics"][f"auc_{name}"]) for name in asked)


_SECOND = {
    "auc": "bacterial or viral, of pneumonias: AUC",
    "recall": "recall of bacterial",
    "specificity": "recall of viral",
}


def _adults() -> str:
    """What films outside the intended population show."""
    found = _load("adults/metrics.json")
    told = ", ".join(f"{name} {_interval(found['metrics'][key])}" for key, name in _TOLD.items())
    films, positive = found["data"]["films"], found["data"]["positive"]
    return (
        f"\n**Outside the intended population**: on {films:,} films of adults, {positive:,} of COVID-19 pneumonia from "
        f"one collection and {films - positive:,} normal ones from another, `default` at the same threshold "
        f"reaches {told}. The two classes come from different places, so even these figures say little; what they "
        "show is that the model is not for adults ([all figures](results/adults/metrics.json); `make results`).\n"
    )


_TOLD = {"auc": "AUC", "recall": "recall", "specificity": "specificity", "calibration_error": "calibration error"}


def _interval(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _networks() -> str:
    """The packaged recipes, each trained as its row says, beside what older projects published for such networks."""
    ours, older = (_by_recipe(f"{name}.csv") for name in ("kermany-official", "older-projects"))
    rows = "".join(
        f"| `{recipe}` | {_trained(runs)} | "
        + "".join(f"{_over_seeds(runs, name)} | " for name in ("accuracy", "recall", "specificity", "auc"))
        + f"{', '.join(row['accuracy'] for row in older.get(recipe, []))} |\n"
        for recipe, runs in ours.items()
    )
    return (
        "\nThe packaged recipes, trained on the whole official train folder and measured on the same 624 films at the "
        "operating point *balanced* ([all figures](results/kermany-official.csv); `python "
        "benchmarks/kermany_official.py`): the 95% interval of one run, or the mean and range of several seeds. "
        "Networks without ImageNet weights at hand started from random ones and learned from another's answers too, "
        "some for few epochs: the table ranks no architectures. Beside them the accuracy that "
        f"[older projects](results/older-projects.csv) published for such a network. {_short_of(ours, older)}\n\n"
        "| recipe | initial weights | parameters | epochs | runs | accuracy | recall | specificity | AUC | older |\n"
        f"|---|---|---|---|---|---|---|---|---|---|\n{rows}"
    )


def _short_of(ours: dict[str, list[dict[str, str]]], older: dict[str, list[dict[str, str]]]) -> str:
    """Which networks do not reach the best that was published for them, and how both began."""
    short = []
    for recipe in [recipe for recipe in ours if recipe in older]:
        runs, best = ours[recipe], max(older[recipe], key=lambda row: float(row["accuracy"]))
        if _mean(runs, "accuracy") < float(best["accuracy"]):
            here = f"{runs[0]['weights']}, {runs[0]['epochs']} epochs"
            short.append(f"`{recipe}` (there {best['start']}, here {here})")
    return f"Below it: {'; '.join(short)}." if short else ""


def _trained(runs: list[dict[str, str]]) -> str:
    first = runs[0]
    size = f"{int(first['parameters']) / 1e6:.1f} M"
    return " | ".join([first["weights"], size, first["epochs"], str(len(runs))])


def _by_recipe(table: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for row in _table(table):
        found.setdefault(row["recipe"], []).append(row)
    return found


def _over_seeds(runs: list[dict[str, str]], name: str) -> str:
    if len(runs) == 1:
        return f"{_three(runs[0][name])} ({_three(runs[0][name + '_low'])} to {_three(runs[0][name + '_high'])})"
    values = [float(run[name]) for run in runs]
    return f"{_three(_mean(runs, name))} ({_three(min(values))} to {_three(max(values))})"


def _mean(runs: list[dict[str, str]], name: str) -> float:
    return sum(float(run[name]) for run in runs) / len(runs)


def _three(value: str | float) -> str:
    return f"{float(value):.3f}"


def _table(name: str) -> list[dict[str, str]]:
    with (RESULTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _speed() -> str:
    found = {}
    for path in (RESULTS / "benchmarks").glob("*.json"):
        found |= {figure["what"]: figure for figure in json.loads(path.read_text(encoding="utf-8"))["figures"]}
    rows = "".join(f"| {what} | {_figure(found[what])} |\n" for what in _SHOWN)
    return (
        "\nSpeed, memory and size on two cores ([all figures, and how](results/benchmarks/README.md); `make bench`), "
        f"one run, or the median and range of several:\n\n| what | figure |\n|---|---|\n{rows}"
    )


def _figure(figure: dict[str, Any]) -> str:
    if isinstance(figure["value"], str):
        return figure["value"]
    spread = f" ({_number(figure['low'])} to {_number(figure['high'])})" if figure["repeats"] > 1 else ""
    return f"{_number(figure['value'])}{spread} {figure['unit']}".rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
