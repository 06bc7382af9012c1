"""Plots of what a manifest states: classes, patients, people and findings. Each gives the bytes of an SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pneumoscope.data.explore import Count, Patients
from pneumoscope.data.stated import CLASSES, NO_SPLIT, Category, Stated
from pneumoscope.report.film_plots import ridge
from pneumoscope.report.plot_style import (
    COLOURS,
    HALO,
    OTHERS,
    WIDTH,
    bare,
    counted,
    name_on_plot,
    other_colour,
    svg,
    tint,
)

_BLOCKS, _FINDINGS, _VALUES = 12, 20, 6
"""Splits or sources, findings, and sexes or views shown at most."""
_MIXED = "#cc79a7"

Block = dict[str, dict[str, int]]
"""Films by class and subtype."""


def balance(counts: Sequence[Count], by: str) -> bytes:
    """Films by class and subtype, in blocks by ``by`` ("split" or "source"), with number and share on the bars."""
    blocks: dict[str, Block] = {}
    for count in counts:
        kinds = blocks.setdefault(getattr(count, by), {}).setdefault(count.kind, {})
        kinds[count.subtype] = kinds.get(count.subtype, 0) + count.films
    shown = dict(sorted(blocks.items(), key=lambda item: -_total(item[1]) if by == "source" else 0)[:_BLOCKS])
    most = max(sum(parts.values()) for kinds in shown.values() for parts in kinds.values())

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        y, rows = -0.4, {}
        for block, kinds in shown.items():
            y += 0.4
            name = "all" if block == NO_SPLIT else name_on_plot(block)
            axes.text(0, y, f"{name}: {counted(_total(kinds))}", weight="bold", va="center")
            for kind in _in_order(kinds):
                y += 1
                rows[y] = kind
                _stack(axes, y, COLOURS[kind], kinds[kind])
                axes.text(sum(kinds[kind].values()), y, f" {_told(kinds[kind], _total(kinds))}", va="center")
            y += 1
        axes.set(xlim=(0, most * 1.55), ylim=(y - 0.3, -0.7), xlabel="films")
        axes.set_yticks(list(rows), list(rows.values()))
        ticks = MaxNLocator(6, integer=True).tick_values(0, most)
        axes.set_xticks([tick for tick in ticks if 0 <= tick <= most * 1.02])
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.spines["bottom"].set_bounds(0, most)
        bare(axes)

    return svg(draw, WIDTH, 0.7 + 0.3 * sum(1.4 + len(kinds) for kinds in shown.values()))


def _total(kinds: Block) -> int:
    return sum(sum(parts.values()) for parts in kinds.values())


def _stack(axes: Any, y: float, colour: str, parts: Mapping[str, int]) -> None:
    """One bar of a class, its subtypes one after the other."""
    start = 0
    for i, number in enumerate(parts.values()):
        axes.barh(y, number, 0.8, left=start, color=tint(colour, i), edgecolor="white", linewidth=0.8)
        start += number


def _told(parts: Mapping[str, int], total: int) -> str:
    """``"3,875 (74.3%): 2,530 bacterial, 1,345 viral"``."""
    number = sum(parts.values())
    subtypes = ", ".join(f"{n:,} {name_on_plot(name)}" for name, n in parts.items() if name)
    return f"{number:,} ({number / total:.1%})" + (f": {subtypes}" if subtypes else "")


def patients(found: Patients, names: Sequence[str]) -> bytes:
    """How many patients have one film, two, ..., stacked by the classes (``names``) of their films."""
    bins = found.bins()
    several = found.kinds.sum(axis=1) > 1
    parts = {name: found.kinds[:, i] & ~several for i, name in enumerate(names)} | {"films of several classes": several}

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        start = np.zeros(len(bins))
        for name, chosen in parts.items():
            if chosen.any():
                high = np.array([(mask & chosen).sum() for _, mask in bins])
                colour = COLOURS.get(name, _MIXED)
                axes.bar(range(len(bins)), high, 0.75, bottom=start, color=colour, edgecolor="white", label=name)
                start += high
        for i, (_, mask) in enumerate(bins):
            told = f"{counted(int(mask.sum()), 'patient')}\n{counted(int(found.films[mask].sum()))}"
            axes.annotate(told, (i, start[i]), (0, 3), textcoords="offset points", ha="center", fontsize=8.5)
        axes.set_xticks(range(len(bins)), [name for name, _ in bins])
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.set(xlabel="films of one patient", ylabel="patients", ylim=(0, start.max() * 1.17))
        axes.legend()

    return svg(draw, WIDTH, 3.6)


def people(stated: Stated) -> bytes | None:
    """Age, sex and view by class, of those that the manifest states; None if it states none."""
    ages = {kind: known for kind in stated.kind.names if len(known := _known_ages(stated, kind))}
    parts = {title: part for title, part in (("sex", stated.sex), ("view", stated.view)) if any(part.names)}
    number = bool(ages) + len(parts)
    if not number:
        return None

    def draw(figure: Figure) -> None:
        panels = list(figure.subplots(1, number, squeeze=False)[0])
        if ages:
            _age_panel(panels.pop(0), ages)
        for axes, (title, part) in zip(panels, parts.items(), strict=True):
            _share_panel(axes, stated.kind, part)
            axes.set_title(title)

    return svg(draw, WIDTH, 1.5 + 0.55 * max(2, len(stated.kind.names)))


def _known_ages(stated: Stated, kind: str) -> NDArray[np.float64]:
    ages = stated.age[stated.kind.named(kind)]
    return ages[~np.isnan(ages)]


def _age_panel(axes: Any, ages: Mapping[str, NDArray[np.float64]]) -> None:
    bins = np.linspace(0, max(1.0, *(float(known.max()) for known in ages.values())), 31)
    for y, (kind, known) in enumerate(ages.items()):
        ridge(axes, y, known, bins, COLOURS[kind], "{:.3g}".format)
    axes.set_yticks(range(len(ages)), [f"{kind} ({len(known):,})" for kind, known in ages.items()])
    axes.set(ylim=(len(ages) - 0.6, -1.05), xlabel="years", title="age")
    bare(axes)


def _share_panel(axes: Any, kind: Category, part: Category) -> None:
    """What share of each class has which value, as stacked bars of one length."""
    names = [name for name in part.names if name][:_VALUES]
    for y, of in enumerate(kind.names):
        of_class = kind.named(of)
        counts = {name: int((part.named(name) & of_class).sum()) for name in names}
        counts["other or not stated"] = int(of_class.sum()) - sum(counts.values())
        start = 0.0
        for i, (name, n) in enumerate(counts.items()):
            share = n / of_class.sum()
            colour = other_colour(i) if i < len(names) else OTHERS[-1]
            axes.barh(y, share, 0.7, left=start, color=colour, edgecolor="white", label="" if y else name_on_plot(name))
            if share > 0.1:
                axes.text(start + share / 2, y, f"{n:,}", ha="center", va="center", path_effects=HALO)
            start += share
    axes.set_yticks(range(len(kind.names)), kind.names)
    axes.set(ylim=(len(kind.names) - 0.4, -0.6), xlim=(0, 1), xlabel="share of the class's films")
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.3), ncols=4)
    bare(axes)


def findings(found: Mapping[str, Mapping[str, int]]) -> bytes:
    """The most frequent findings in the sources' words, films by class."""
    names = list(found)[:_FINDINGS]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        start = np.zeros(len(names), np.intp)
        for kind in CLASSES.values():
            films = np.array([found[name].get(kind, 0) for name in names])
            if films.any():
                axes.barh(
                    range(len(names)), films, 0.75, left=start, color=COLOURS[kind], edgecolor="white", label=kind
                )
            start += films
        for y, total in enumerate(start.tolist()):
            axes.text(total, y, f" {total:,}", va="center", fontsize=8.5)
        axes.set_yticks(range(len(names)), [name_on_plot(name) for name in names])
        axes.set(ylim=(len(names) - 0.4, -0.6), xlabel="films")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
        bare(axes)

    return svg(draw, WIDTH, 1.2 + 0.26 * len(names))


def _in_order(kinds: Iterable[str]) -> list[str]:
    held = set(kinds)
    return [kind for kind in CLASSES.values() if kind in held]
