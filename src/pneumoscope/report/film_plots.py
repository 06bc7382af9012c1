"""Plots of what films measure and look like. Each gives the bytes of an SVG.

Scattered points are drawn as pixels, or many films would make a large page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from pneumoscope.data.explore import Contrast, Group, MeanTable, Separation
from pneumoscope.data.film_map import FilmMap
from pneumoscope.data.stated import NO_SPLIT, Category, Indices, Stated
from pneumoscope.data.survey import Survey
from pneumoscope.report.measures import measure
from pneumoscope.report.plot_style import (
    COLOURS,
    HALO,
    INK,
    LINE,
    MARKERS,
    OTHERS,
    SOFT,
    WIDTH,
    bare,
    counted,
    name_on_plot,
    other_colour,
    svg,
)

_FEW = 30
"""Up to so many films are drawn as points: a curve would show more than is there."""
_MANY = 1000
"""More points than this are drawn smaller."""
_RATIOS = {"2 : 1": 2, "4 : 3": 4 / 3, "square": 1, "3 : 4": 3 / 4}
_HEIGHT = 0.92
"""Of a ridge, in rows."""

Values = NDArray[np.float64]


def sizes(survey: Survey, stated: Stated, groups: Sequence[Group], films: Indices) -> bytes:
    """Width and height of ``films``, on scales where twice as many pixels are as far everywhere; and shapes of all."""

    def draw(figure: Figure) -> None:
        scatter, shapes = figure.subplots(1, 2, width_ratios=(1, 0.8))
        _size_panel(scatter, survey, films)
        _scatter(scatter, survey.columns("width", "height")[films], films, stated.split, _class_colours(stated, films))
        _legend(scatter, stated)
        _ridge_panel(shapes, survey, groups, "aspect")

    return svg(draw, WIDTH, 5.4)


def _size_panel(axes: Any, survey: Survey, films: Indices) -> None:
    """Scales and lines of equal shape."""
    sides = survey.columns("width", "height")[films]
    low, high = sides.min() / 1.15, sides.max() * 1.15
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), xlabel="width", ylabel="height")
    axes.set_title("width and height in pixels")
    axes.set_box_aspect(1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:.0f}")
        axis.set_minor_locator(NullLocator())
    for text, ratio in _RATIOS.items():
        axes.axline((low * ratio, low), (high * ratio, high), color=LINE, lw=0.9, zorder=0)
        place = (high, high / ratio) if ratio >= 1 else (high * ratio, high)
        axes.annotate(text, place, (2, 2), textcoords="offset points", fontsize=8, color=SOFT)


def ridges(survey: Survey, groups: Sequence[Group], names: Sequence[str]) -> bytes:
    """How measurements are spread, a panel each: a ridge for each class and split, with a mark at its median."""
    across = min(len(names), 3)
    down = -(-len(names) // across)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(down, across, sharey=True, squeeze=False).ravel()
        for axes, name in zip(panels, names, strict=False):
            _ridge_panel(axes, survey, groups, name)
        for axes in panels[len(names) :]:
            axes.remove()

    return svg(draw, WIDTH, down * (0.75 + 0.42 * len(groups)))


def _ridge_panel(axes: Any, survey: Survey, groups: Sequence[Group], name: str) -> None:
    values = [survey.rows[name][group.films].astype(np.float64) for group in groups]
    low, high = np.quantile(np.concatenate(values), (0.002, 0.998))
    bins = np.linspace(low, high, 61) if high > low else np.linspace(low - 0.5, low + 0.5, 61)
    for y, (group, of_group) in enumerate(zip(groups, values, strict=True)):
        ridge(axes, y, of_group, bins, COLOURS[group.kind], measure(name).shown)
    axes.set(title=measure(name).title, ylim=(len(groups) - 0.6, -1.05), xlim=(bins[0], bins[-1]))
    axes.set_yticks(range(len(groups)), [_row_name(group) for group in groups])
    axes.grid(axis="x")
    bare(axes)


def _row_name(group: Group) -> str:
    split = "" if group.split == NO_SPLIT else f", {group.split}"
    return f"{group.kind}{split} ({len(group.films):,})"


def ridge(  # noqa: PLR0917
    axes: Any, y: int, values: Values, bins: Values, colour: str, shown: Callable[[float], str]
) -> None:
    """One group's histogram in row ``y``, with its median; of few films the films themselves."""
    inside = np.clip(values, bins[0], bins[-1])
    if len(values) <= _FEW:
        axes.plot(inside, np.full(len(inside), y - 0.12), "o", ms=4, color=colour, alpha=0.6, clip_on=False)
    else:
        films = np.convolve(np.histogram(inside, bins)[0], [0.25, 0.5, 0.25], "same")
        top = y - _HEIGHT * films / films.max()
        axes.fill_between((bins[1:] + bins[:-1]) / 2, y, top, color=colour, alpha=0.75, lw=0)
    middle = float(np.median(inside))
    axes.plot([middle, middle], [y, y - _HEIGHT], color=INK, lw=1.4)
    place = {"textcoords": "offset points", "fontsize": 8, "va": "center", "path_effects": HALO}
    axes.annotate(shown(middle), (middle, y - _HEIGHT), (3, -4), **place)


def separations(found: Sequence[Separation]) -> bytes:
    """How well each measurement alone tells two groups apart, a dot for each pair of groups."""
    by_contrast: dict[str, list[Separation]] = {}
    strength: dict[str, float] = {}
    for one in found:
        by_contrast.setdefault(contrast_name(one.contrast), []).append(one)
        strength[one.measure] = max(strength.get(one.measure, 0.0), one.strength)
    names = sorted(strength, key=lambda name: -strength[name])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.hlines(range(len(names)), 0.5, 1, color=LINE, lw=0.8, zorder=0)
        axes.axvline(0.5, color=SOFT, lw=1)
        for i, (name, separations) in enumerate(by_contrast.items()):
            contrast = separations[0].contrast
            x = [0.5 + one.strength for one in separations]
            y = [names.index(one.measure) for one in separations]
            colour = INK if contrast.about_class else COLOURS[contrast.within]
            axes.plot(x, y, "os^Dvp<>h"[i % 9], ms=7.5, color=colour, alpha=0.9, label=name, mec="white", clip_on=False)
        axes.set_yticks(range(len(names)), [measure(name).title for name in names])
        axes.set(xlim=(0.495, 1.0), ylim=(len(names) - 0.5, -0.6))
        axes.set_xlabel("AUC of this measurement alone (0.5: no difference, 1: no overlap)")
        axes.legend(loc="lower right")
        bare(axes)

    return svg(draw, WIDTH, 1.0 + 0.26 * len(names))


def contrast_name(contrast: Contrast) -> str:
    """``"pneumonia from no pneumonia (train)"``."""
    name = f"{name_on_plot(contrast.second)} from {name_on_plot(contrast.first)}"
    return f"{name} ({contrast.within})" if contrast.within else name


class _Cell(NamedTuple):
    """A picture of the table of mean films; None leaves its place empty."""

    title: str
    pixels: Values
    is_difference: bool = False


def mean_films(found: MeanTable) -> bytes:
    """A table of mean films. Last column: second minus first; further rows: each row minus the first.

    Differences share one scale, the same to both sides of 0.
    """
    table = _table(found)
    high, wide = len(table), len(table[0])
    differences = [cell.pixels for line in table for cell in line if cell and cell.is_difference]
    reach = max((float(np.abs(one).max()) for one in differences), default=0.0) or 1.0

    def draw(figure: Figure) -> None:
        panels = figure.subplots(high, wide, squeeze=False)
        image = None
        for axes, cell in zip(panels.ravel(), (cell for line in table for cell in line), strict=True):
            axes.set_axis_off()
            if cell is not None:
                axes.set_title(cell.title, fontsize=9, weight="normal", loc="center")
                colours, low, top = ("RdBu_r", -reach, reach) if cell.is_difference else ("gray", 0.0, 1.0)
                shown = axes.imshow(cell.pixels, cmap=colours, vmin=low, vmax=top, interpolation="bilinear")
                image = shown if cell.is_difference else image
        if image is not None:
            bar = figure.colorbar(image, ax=panels, shrink=min(0.9, 1.6 / high), aspect=25)
            bar.set_label("difference of mean grey")

    return svg(draw, 0.9 * bool(differences) + 2.35 * wide, 2.75 * high)


def _table(found: MeanTable) -> list[list[_Cell | None]]:
    """Lines of one length; those that would hold nothing are left out."""
    rows, columns, first = found.rows, found.columns, found.rows[0]
    lines = [
        [_mean_cell(found, row, column) for column in columns]
        + [_difference(found, (row, column), (row, columns[0])) for column in columns[1:2]]
        for row in rows
    ]
    lines += [
        [_difference(found, (row, column), (first, column)) for column in columns] + [None] * (len(columns) > 1)
        for row in rows[1:]
    ]
    wide = max(i + 1 for line in lines for i, cell in enumerate(line) if cell)
    return [line[:wide] for line in lines if any(line)]


def _mean_cell(found: MeanTable, row: str, column: str) -> _Cell | None:
    if (row, column) not in found.cells:
        return None
    mean = found.cells[row, column]
    return _Cell(f"{_row_of(row)}{name_on_plot(column)}\n{counted(mean.films)}", mean.pixels)


def _difference(found: MeanTable, one: tuple[str, str], other: tuple[str, str]) -> _Cell | None:
    if not {one, other} <= found.cells.keys():
        return None
    (row, column), (other_row, other_column) = ([name_on_plot(name) for name in names] for names in (one, other))
    if row == other_row:
        title = f"{_row_of(one[0])}{column}\nminus {other_column}"
    else:
        title = f"{column}:\n{row} minus {other_row}"
    return _Cell(title, found.cells[one].pixels - found.cells[other].pixels, is_difference=True)


def _row_of(name: str) -> str:
    """What a row is of; a row of everything has no name."""
    return "" if name in ("", NO_SPLIT) else f"{name_on_plot(name)}: "


def film_map(found: FilmMap, stated: Stated) -> bytes:
    """The map, once by class (marks by split) and, where there is more than one, once by split or else source."""
    parts = {"by split": stated.split, "by source": stated.source}
    other = next(((title, part) for title, part in parts.items() if len(part.names) > 1), None)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, 2 if other else 1, squeeze=False)[0]
        _map_panel(panels[0], found, stated.split, _class_colours(stated, found.films))
        panels[0].set_title("by class" + (", marks by split" if len(stated.split.names) > 1 else ""))
        _legend(panels[0], stated)
        if other:
            title, part = other
            _map_panel(panels[1], found, stated.split, [other_colour(code) for code in part.codes[found.films]])
            panels[1].set_title(title)
            marks = MARKERS if part is stated.split else {}
            shown = enumerate(part.names[: len(OTHERS)])
            _key(panels[1], [(name, other_colour(i), marks.get(name, "o")) for i, name in shown])

    return svg(draw, WIDTH if other else WIDTH / 2, 6.2)


def _map_panel(axes: Any, found: FilmMap, split: Category, colours: Sequence[str]) -> None:
    _scatter(axes, found.points, found.films, split, colours)
    axes.set(xticks=[], yticks=[], aspect="equal", xlim=(-0.02, 1.02), ylim=(1.02, -0.02))
    axes.spines[:].set_visible(True)


def _scatter(axes: Any, points: NDArray[Any], films: Indices, split: Category, colours: Sequence[str]) -> None:
    """Points (M, 2) in random order, so that no class hides another; rare splits go on top."""
    order = np.random.default_rng(0).permutation(len(films))
    area = 13 if len(films) > _MANY else 26
    chosen = np.array(colours, dtype=object)
    size = {name: int(split.named(name)[films].sum()) for name in split.names}
    for name in sorted(size, key=lambda name: -size[name]):
        here = order[split.named(name)[films][order]]
        axes.scatter(
            *points[here].T, s=area, c=list(chosen[here]), marker=MARKERS[name], alpha=0.65, lw=0, rasterized=True
        )


def _class_colours(stated: Stated, films: Indices) -> list[str]:
    return [COLOURS[stated.kind.names[code]] for code in stated.kind.codes[films]]


def _legend(axes: Any, stated: Stated) -> None:
    shown = [(name, COLOURS[name], "o") for name in stated.kind.names]
    if len(stated.split.names) > 1:
        shown += [(name, INK, MARKERS[name]) for name in stated.split.names]
    _key(axes, shown)


def _key(axes: Any, shown: Iterable[tuple[str, str, str]]) -> None:
    """What colours and marks mean, below the plot."""
    for name, colour, marker in shown:
        axes.plot([], [], marker, color=colour, ms=6, label=name_on_plot(name))
    low = -0.03 if not axes.get_xlabel() else -0.14
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, low), ncols=4, handletextpad=0.2, columnspacing=1.2)
