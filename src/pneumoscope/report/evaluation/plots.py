"""The drawings of the evaluation report: each a picture that a page takes as lines and a print as pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pneumoscope.core.document import Line
from pneumoscope.report.blocks import Picture
from pneumoscope.report.evaluation.content import (
    Confusion,
    Curve,
    Decision,
    HeatShare,
    Perturbed,
    Reliability,
    Subgroup,
)
from pneumoscope.report.evaluation.words import figure as figure_words
from pneumoscope.report.evaluation.words import group_name, perturbations
from pneumoscope.report.plot_style import INK, OTHERS, SOFT, bare, name_on_plot, png, svg
from pneumoscope.stats.intervals import Estimate

_WIDTH = 8.6
"""Inches: on a page of A4 the letters are then about as large as those of the tables."""
_DPI = 200
_BLUE, _GREEN, _BROWN = OTHERS[0], OTHERS[2], OTHERS[5]
_COLOURS = {"auc": _GREEN, "recall": _BLUE, "specificity": _BROWN}
_TITLES = {"auc": "AUC", "recall": "recall", "specificity": "specificity"}
_SHAPES = {"auc": "o", "recall": "s", "specificity": "^"}
_MARKS = "oDs^vP"
_PALE = "#87929e"
"""Of what is not to be leaned on."""
_ACROSS = 3
"""Panels side by side."""


def drawing(draw: Callable[[Figure], None], height: float, alt: str, caption: Line) -> Picture:
    """What ``draw`` puts on a figure as wide as the page and ``height`` inches high."""
    return Picture(
        svg=partial(svg, draw, _WIDTH, height),
        png=partial(png, draw, _WIDTH, height, _DPI),
        width=_WIDTH,
        height=height,
        alt=alt,
        caption=caption,
    )


def curves(roc: Curve | None, precision_recall: Curve | None, share_with: float, caption: Line) -> Picture:
    """ROC and precision-recall curve side by side; ``share_with`` is what precision chance alone would reach."""

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        _unit_panel(left, "ROC curve", "1 - specificity", "recall")
        _unit_panel(right, "Precision-recall curve", "recall", "precision")
        left.plot([0, 1], [0, 1], ":", color=SOFT, lw=1)
        right.axhline(share_with, ls=":", color=SOFT, lw=1)
        for axes, curve in ((left, roc), (right, precision_recall)):
            _curve(axes, curve)
        handles, labels = (left if roc else right).get_legend_handles_labels()
        if labels:
            figure.legend(handles, labels, loc="outside lower center", ncols=4)

    drawn = [what for what, one in (("ROC", roc), ("precision-recall", precision_recall)) if one]
    marks = [mark for one in (roc, precision_recall) if one for mark in one.marks]
    named = ", ".join(dict.fromkeys(mark.name for mark in marks))
    return drawing(draw, 4.7, f"Curves: {' and '.join(drawn)}; operating points marked: {named or 'none'}", caption)


def _unit_panel(axes: Any, title: str, across: str, up: str) -> None:
    axes.set(title=title, xlabel=across, ylabel=up, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_box_aspect(1)
    axes.grid()


def _curve(axes: Any, curve: Curve | None) -> None:
    if curve is None:
        axes.text(0.5, 0.5, "not measured", ha="center", color=SOFT)
        return
    if curve.low is not None and curve.high is not None:
        axes.fill_between(curve.x, curve.low, curve.high, color=_BLUE, alpha=0.18, lw=0, label="95% band")
    axes.plot(curve.x, curve.y, color=_BLUE, lw=1.6)
    for i, mark in enumerate(curve.marks):
        style = {"marker": _MARKS[i % len(_MARKS)], "color": OTHERS[(5, 1, 2, 3)[i % 4]], "ms": 6.5, "mec": "white"}
        _cross(axes, mark.x, mark.y, label=name_on_plot(mark.name), zorder=3, ls="none", elinewidth=1.2, **style)


def _cross(axes: Any, x: Estimate, y: Estimate, **style: Any) -> None:
    """A point with its intervals to both sides, as far as there are any."""
    axes.errorbar([x.value], [y.value], xerr=_ends([x]), yerr=_ends([y]), **style)


def _ends(estimates: Sequence[Estimate]) -> Any:
    """How far the intervals reach below and above, (2, N); 0 where there is none."""
    reach = [(one.value - one.low, one.high - one.value) for one in estimates]
    return np.nan_to_num(np.array(reach, np.float64).reshape(-1, 2).T).clip(min=0)


def reliability(found: Sequence[Reliability], caption: Line) -> Picture:
    """A panel for each, with the numbers of films beneath."""

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, len(found), height_ratios=(4, 1), sharex=True, squeeze=False)
        for (upper, lower), one in zip(panels.T, found, strict=True):
            _reliability_panel(upper, one)
            lower.bar(one.probability, one.films, width=0.03, color=_BLUE)
            lower.set(xlabel="probability given", ylabel="films", xlim=(-0.02, 1.02))
            lower.yaxis.set_major_locator(MaxNLocator(3, integer=True))

    alt = "; ".join(f"{one.name}: calibration error {figure_words(one.error)}" for one in found)
    return drawing(draw, 4.7, f"Reliability curves. {alt}", caption)


def _reliability_panel(axes: Any, one: Reliability) -> None:
    axes.set(title=name_on_plot(one.name), ylabel="share with the finding", ylim=(-0.02, 1.02))
    axes.plot([0, 1], [0, 1], ":", color=SOFT, lw=1)
    shares = [estimate.value for estimate in one.share]
    axes.errorbar(one.probability, shares, yerr=_ends(one.share), fmt="o-", color=_BLUE, ms=5, elinewidth=1.2, lw=1.4)
    axes.grid()


def decision(found: Decision, threshold: float, caption: Line) -> Picture:
    """Net benefit by the threshold at which one would act; that of the operating point is a line."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        model = found.model
        if model.low is not None and model.high is not None:
            axes.fill_between(model.x, model.low, model.high, color=_BLUE, alpha=0.18, lw=0)
        axes.plot(model.x, model.y, color=_BLUE, lw=1.8, label="act where the model says so")
        axes.plot(model.x, found.everyone, color=_BROWN, lw=1.4, ls="--", label="act on every film")
        axes.axhline(0, color=INK, lw=1, label="act on none")
        axes.axvline(threshold, color=SOFT, lw=1, ls=":", label="operating point")
        top = float(np.nanmax([*model.y, *found.everyone, 0.05]))
        axes.set(xlabel="probability from which one would act", ylabel="net benefit", xlim=(0, 1))
        axes.set_ylim(-0.25 * top, 1.08 * top)
        axes.grid()
        figure.legend(loc="outside lower center", ncols=4)

    alt = f"Curves: net benefit of acting on the model, on every film and on none; {_where_best(found)}"
    return drawing(draw, 3.6, alt, caption)


def _where_best(found: Decision) -> str:
    best = found.model.x[found.model.y > np.maximum(found.everyone, 0)]
    if not len(best):
        return "the model's is the highest nowhere"
    where = f"{len(best)} of {len(found.everyone)} thresholds, {best[0]:.0%} to {best[-1]:.0%}"
    return f"the model's is the highest at {where}"


def confusions(found: Sequence[Confusion], caption: Line) -> Picture:
    """A table in colours for each: the darker, the larger the share of the row."""
    across = min(len(found), _ACROSS - 1)
    down = -(-len(found) // across)
    largest = max(len(one.labels) for one in found)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(down, across, squeeze=False).ravel()
        for axes, one in zip(panels, found, strict=False):
            _confusion_panel(axes, one)
        for axes in panels[len(found) :]:
            axes.remove()

    alt = " ".join(f"{one.title}: {_in_words(one)}." for one in found)
    return drawing(draw, down * (1.3 + 0.75 * largest), f"Tables of counts. {alt}", caption)


def _in_words(one: Confusion) -> str:
    rows = zip(one.labels, one.counts, strict=True)
    cells = ((true, said, n) for true, counts in rows for said, n in zip(one.labels, counts, strict=True))
    return ", ".join(f"{n:,} {true} read as {said}" for true, said, n in cells)


def _confusion_panel(axes: Any, one: Confusion) -> None:
    counts = np.array(one.counts, np.float64)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.6, aspect="auto")  # never so dark that ink cannot be read on it
    for (row, column), part in np.ndenumerate(shares):
        text = f"{int(counts[row, column]):,}\n{part:.1%}" if totals[row, 0] else "none"
        axes.text(column, row, text, ha="center", va="center", color=INK)
    names = [name_on_plot(label) for label in one.labels]
    axes.set(title=name_on_plot(one.title), xlabel="read as", ylabel="stated")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names, rotation=90, va="center")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def forest(groups: Sequence[Subgroup], overall: dict[str, Estimate], caption: Line) -> Picture:
    """AUC, recall and specificity of each group with intervals; a line where all films together lie."""
    measures = [name for name in _TITLES if any(getattr(group, name) is not None for group in groups)]

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, max(len(measures), 1), sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, measures, strict=False):
            _forest_panel(axes, groups, name, overall.get(name))
        panels[0].set_yticks(range(len(groups)), [name_on_plot(group_name(group)) for group in groups])
        panels[0].set_ylim(len(groups) - 0.4, -0.6)

    alt = f"Intervals of {', '.join(_TITLES[name] for name in measures)} by group; the table has the figures"
    return drawing(draw, 1.1 + 0.27 * len(groups), alt, caption)


def _forest_panel(axes: Any, groups: Sequence[Subgroup], name: str, overall: Estimate | None) -> None:
    if overall is not None:
        axes.axvline(overall.value, color=SOFT, lw=1, ls=":")
    for few, colour in ((True, _PALE), (False, _COLOURS[name])):
        chosen = [(y, getattr(group, name)) for y, group in enumerate(groups) if group.few == few]
        rows = [(y, estimate) for y, estimate in chosen if estimate is not None]
        if rows:
            places, found = zip(*rows, strict=True)
            values = [one.value for one in found]
            axes.errorbar(values, places, xerr=_ends(found), fmt="o", color=colour, ms=5, elinewidth=1.6)
    axes.set(title=_TITLES[name])
    axes.margins(x=0.06)
    axes.grid(axis="x")
    bare(axes)


def robustness(rows: Sequence[Perturbed], caption: Line) -> Picture:
    """A panel for each perturbation: the figures and the share of changed decisions by strength."""
    kinds = perturbations(rows)
    down = -(-len(kinds) // _ACROSS)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(down, min(len(kinds), _ACROSS), sharey=True, squeeze=False).ravel()
        for axes, (kind, levels) in zip(panels, kinds.items(), strict=False):
            _robustness_panel(axes, kind, levels)
        for axes in panels[len(kinds) :]:
            axes.remove()
        named = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
        figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=4)

    alt = f"Curves by strength of {', '.join(kinds)}; the table has the figures"
    return drawing(draw, 0.5 + 2.5 * down, alt, caption)


def _robustness_panel(axes: Any, kind: str, levels: Sequence[Perturbed]) -> None:
    places = np.arange(len(levels))
    for name, colour in _COLOURS.items():
        values = [getattr(one, name) for one in levels]
        _line(axes, places, values, color=colour, marker=_SHAPES[name], label=_TITLES[name])
    changed = [one.changed for one in levels]
    _line(axes, places, changed, color=SOFT, ls="--", marker="x", label="decisions changed")
    axes.set(title=name_on_plot(kind), ylim=(-0.03, 1.03))
    axes.set_xticks(places, [name_on_plot(one.level) for one in levels])
    axes.set_xlabel(levels[0].unit, fontsize="x-small")
    axes.margins(x=0.1)
    axes.grid(axis="y")


def _line(axes: Any, places: Any, estimates: Sequence[Estimate | None], **style: Any) -> None:
    """Values with a band; a gap where there is none."""
    if all(one is None for one in estimates):
        return
    nothing = Estimate(value=float("nan"), low=float("nan"), high=float("nan"))
    known = [nothing if one is None else one for one in estimates]
    low, high = [one.low for one in known], [one.high for one in known]
    axes.fill_between(places, low, high, color=style["color"], alpha=0.13, lw=0)
    axes.plot(places, [one.value for one in known], ms=4, lw=1.4, **style)


def heat(shares: Sequence[HeatShare], even: tuple[float, float, float] | None, caption: Line) -> Picture:
    """Shares of the heat in centre, ring and corners by kind of answer, a panel each; a line where all is even."""

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 3, sharey=True)
        for i, (axes, place) in enumerate(zip(panels, ("centre", "ring", "corners"), strict=True)):
            found = [getattr(one, place) for one in shares]
            values = [one.value for one in found]
            axes.errorbar(values, range(len(shares)), xerr=_ends(found), fmt="o", color=_BLUE, ms=5, elinewidth=1.6)
            if even is not None:
                axes.axvline(even[i], color=SOFT, lw=1, ls=":")
            axes.set(title=place, xlim=(-0.02, 1.02), xticks=(0, 0.25, 0.5, 0.75), xlabel="share of the heat")
            axes.grid(axis="x")
            bare(axes)
        panels[0].set_yticks(range(len(shares)), [f"{one.kind}s" for one in shares])
        panels[0].set_ylim(len(shares) - 0.5, -0.5)

    alt = "Intervals of the heat's share by place and answer; the table has the figures"
    return drawing(draw, 1.1 + 0.32 * len(shares), alt, caption)
