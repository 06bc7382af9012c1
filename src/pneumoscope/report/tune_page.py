"""A hyper-parameter search as one page for people: what was reached, by what, and what mattered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, MaxNLocator

from pneumoscope.core.files import atomic_write
from pneumoscope.report.base import writing_to
from pneumoscope.report.cards import digest_html
from pneumoscope.report.page import data_uri, document
from pneumoscope.report.plot_style import INK, OTHERS, SOFT, WIDTH, bare, counted, name_on_plot, svg
from pneumoscope.report.text import escape, shorten

_COMPLETE, _PRUNED, _BEST = OTHERS[0], OTHERS[1], OTHERS[2]
_COLUMNS = 3
"""Panels side by side."""
_TAGS = {"complete": "note", "pruned": "warning", "failed": "error"}
_WIDTH = 120
"""Columns of a value or a message beyond which its middle is left out."""
_FAR = 3
"""Values this many times farther from the best than the median is are drawn at the edge."""


@dataclass(frozen=True)
class Trial:
    """One trial that has ended.

    Attributes
    ----------
    number : from 1, in the order that they ended in.
    state : "complete", "pruned" or "failed".
    value : the objective: of the shipped weights, or where the trial was pruned; None for one that failed.
    epochs : those that it was trained for.
    minutes : spent in them, where that is known.
    values : what was searched, by recipe key; a choice by its label.
    run : the name of its folder.
    message : why it failed.
    """

    number: int
    state: str
    value: float | None
    epochs: int
    minutes: float | None
    values: Mapping[str, int | float | str]
    run: str
    message: str = ""


@dataclass(frozen=True)
class Axis:
    """How a key was searched: on a logarithmic scale, on a plain one, or over ``choices``."""

    log: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class SearchReport:
    """What the page tells.

    ``importances`` are shares of 1 by key, or none where the trials do not say; ``why_none`` is shown then.
    ``films`` and ``patients`` are those that the objective is measured on.
    """

    recipe: str
    recipe_digest: str
    manifest_digest: str
    objective: str
    minimise: bool
    seed: int
    films: int
    patients: int
    axes: Mapping[str, Axis]
    trials: Sequence[Trial]
    importances: Mapping[str, float]
    why_none: str

    @property
    def best(self) -> Trial | None:
        """The best complete trial, the first of equals."""
        complete = [trial for trial in self.trials if trial.state == "complete"]
        return min(complete, key=self.rank, default=None)

    def rank(self, trial: Trial) -> float:
        """Lower is better."""
        value = trial.value if trial.value is not None else float("inf")
        return value if self.minimise else -value


def write_search_page(search: SearchReport, path: Path) -> None:
    """Write the page to ``path``.

    Raises
    ------
    PneumoscopeError : if it cannot be written.
    """
    parts = [_best(search), _history(search), _importances(search), _scatter(search), _table(search)]
    title = f"Search around {search.recipe}"
    body = f"{_header(search, title)}<main>\n{''.join(parts)}</main>\n"
    with writing_to(path), atomic_write(path) as file:
        file.write(document(title, body))


def _header(search: SearchReport, title: str) -> str:
    states = [trial.state for trial in search.trials]
    boxes = "".join(f"<div><dt>{state}</dt><dd>{states.count(state):,}</dd></div>" for state in _TAGS)
    better = "lower" if search.minimise else "higher"
    return (
        f"<header>\n<h1>{escape(title)}</h1>\n"
        f'<p class="soft">Objective {escape(search.objective)}, {better} is better, measured on the same '
        f"{counted(search.films, 'validation film')} of {counted(search.patients, 'patient')} in all trials. "
        f"Recipe {digest_html(search.recipe_digest)}, manifest {digest_html(search.manifest_digest)}, "
        f'seed {search.seed}.</p>\n<dl class="counts">{boxes}</dl>\n</header>\n'
    )


def _best(search: SearchReport) -> str:
    best = search.best
    if best is None:
        return _section("Best trial", "<p>No trial is complete yet.</p>")
    values = {escape(key): escape(shown(value)) for key, value in best.values.items()}
    rows = "".join(f"<tr><th>{key}</th><td>{value}</td></tr>\n" for key, value in values.items())
    number = sum(trial.state != "failed" for trial in search.trials)
    words = (
        f"<p>Trial {best.number}: {escape(search.objective)} <strong>{_value(best)}</strong>. Its recipe is best.toml, "
        f"its run trials/{escape(best.run)}.</p>\n"
        f"<p>It was chosen among {counted(number, 'trial')} by these validation films, luck included, so its value is "
        f"optimistic: the more trials and the fewer films, the more so. Test films were not looked at. Measure the "
        f"chosen model on films that had no part in any of this.</p>\n"
    )
    return _section("Best trial", f"{words}<table><tbody>\n{rows}</tbody></table>\n")


def _history(search: SearchReport) -> str:
    if search.best is None:
        return ""
    low, high = _limits(search)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _points(axes, search, [(trial, trial.number) for trial in search.trials], (low, high))
        complete = [trial for trial in search.trials if trial.state == "complete"]
        best = [min(complete[:end], key=search.rank) for end in range(1, len(complete) + 1)]
        steps = [(now.number, _clipped(then.value, low, high)) for now, then in zip(complete, best, strict=True)]
        axes.step(*zip(*steps, strict=True), where="post", color=_BEST, zorder=1, label="best so far")
        axes.set(xlabel="trial", ylabel=search.objective)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(loc="outside right upper")

    words = (
        "Each trial's value, and the best up to there. A pruned trial has the value at which it was given up. Values "
        "far off lie on the edge."
    )
    return _section("Trials in order", _plot(svg(draw, WIDTH, 3.6), "Points: objective by trial", words))


def _importances(search: SearchReport) -> str:
    if not search.importances:
        return _section("What mattered", f"<p>{escape(search.why_none)}</p>\n")
    shares = dict(sorted(search.importances.items(), key=lambda item: item[1]))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        bars = axes.barh([name_on_plot(key) for key in shares], list(shares.values()), color=_COMPLETE, height=0.6)
        axes.bar_label(bars, [f" {share:.0%}" for share in shares.values()])
        axes.set(xlabel="share", xlim=(0, 1.08))
        bare(axes)

    words = (
        "How much each key tells the best quarter of the trials from the others (PED-ANOVA, Watanabe et al., 2023), as "
        "shares of 1; pruned trials count among the others. It speaks of these ranges and this number of trials only: "
        "small differences mean nothing."
    )
    picture = svg(draw, WIDTH, 0.9 + 0.32 * len(shares))
    return _section("What mattered", _plot(picture, "Bars: importance by key", words))


def _scatter(search: SearchReport) -> str:
    if search.best is None:
        return ""
    limits = _limits(search)
    rows = -(-len(search.axes) // _COLUMNS)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(rows, _COLUMNS, sharey=True, squeeze=False).ravel()
        for panel, (key, axis) in zip(panels, search.axes.items(), strict=False):
            _panel(panel, search, key, axis, limits)
        for panel in panels[len(search.axes) :]:
            panel.remove()

    words = "Each trial's value by each key. A slope or a step is worth a look; the other keys vary at the same time."
    return _section("Key by key", _plot(svg(draw, WIDTH, 2.9 * rows), "Points: objective by value of each key", words))


def _panel(panel: Any, search: SearchReport, key: str, axis: Axis, limits: tuple[float, float]) -> None:
    shown = [trial for trial in search.trials if key in trial.values]
    if axis.choices:
        places: list[tuple[Trial, Any]] = [(trial, axis.choices.index(str(trial.values[key]))) for trial in shown]
        panel.set_xticks(range(len(axis.choices)), [name_on_plot(choice) for choice in axis.choices])
        panel.margins(x=0.15)
    else:
        places = [(trial, trial.values[key]) for trial in shown]
        if axis.log:
            panel.set_xscale("log")
            panel.xaxis.set_major_formatter(LogFormatter())
            panel.xaxis.set_minor_formatter(LogFormatter())  # silent but for less than a decade
    _points(panel, search, places, limits)
    panel.set_title(name_on_plot(key))
    if panel.get_subplotspec().is_first_col():
        panel.set_ylabel(search.objective)


def _points(axes: Any, search: SearchReport, places: Iterable[tuple[Trial, Any]], limits: tuple[float, float]) -> None:
    """Trials with a value: complete ones filled, pruned ones as crosses, the best one circled."""
    drawn = [(trial, x, _clipped(trial.value, *limits)) for trial, x in places if trial.value is not None]
    for state, style in (
        ("complete", {"marker": "o", "color": _COMPLETE, "edgecolor": "white", "linewidth": 0.5, "s": 34}),
        ("pruned", {"marker": "x", "color": _PRUNED, "linewidth": 1.4, "s": 26}),
    ):
        points = [(x, y) for trial, x, y in drawn if trial.state == state]
        if points:
            axes.scatter(*zip(*points, strict=True), label=state, zorder=2, clip_on=False, **style)
    best = [(x, y) for trial, x, y in drawn if trial is search.best]
    if best:
        axes.scatter(*best[0], s=130, facecolor="none", edgecolor=INK, zorder=3, clip_on=False, label="best")
    margin = 0.04 * (limits[1] - limits[0])
    axes.set_ylim(limits[0] - margin, limits[1] + margin)
    axes.grid(axis="y")
    axes.tick_params(colors=SOFT, labelcolor=INK)


def _limits(search: SearchReport) -> tuple[float, float]:
    """From the best value to well beyond the median, or to the worst if that comes first."""
    values = sorted((trial.value for trial in search.trials if trial.value is not None), reverse=not search.minimise)
    best, middle, worst = values[0], median(values), values[-1]
    end = min(best + _FAR * (middle - best), worst) if search.minimise else max(best + _FAR * (middle - best), worst)
    end = worst if end == best else end
    low, high = sorted((best, end))
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _clipped(value: float | None, low: float, high: float) -> float:
    return min(max(value if value is not None else high, low), high)


def _table(search: SearchReport) -> str:
    if not search.trials:
        return ""
    numbers = [_element("th", escape(name), "number") for name in (search.objective, "epochs", "minutes")]
    keys = [_element("th", escape(key)) for key in search.axes]
    head = "".join([_element("th", "trial", "number"), _element("th", "state"), *numbers, *keys, _element("th", "run")])
    rows = "".join(f"<tr>{_row(search, trial)}</tr>\n" for trial in search.trials)
    table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table>\n"
    return _section("All trials", f'<div class="plot"><div>{table}</div></div>')


def _row(search: SearchReport, trial: Trial) -> str:
    state = f'<span class="tag {_TAGS[trial.state]}">{trial.state}</span>'
    state += " <strong>best</strong>" if trial is search.best else ""
    state += _element("p", escape(shorten(trial.message, _WIDTH)), "remark") if trial.message else ""
    minutes = "" if trial.minutes is None else f"{trial.minutes:g}"
    numbers = [_element("td", text, "number") for text in (_value(trial), f"{trial.epochs}", minutes)]
    values = [_element("td", escape(shown(trial.values[key])) if key in trial.values else "") for key in search.axes]
    run = _element("td", _element("code", escape(trial.run)))
    return "".join([_element("td", f"{trial.number}", "number"), _element("td", state), *numbers, *values, run])


def _value(trial: Trial) -> str:
    return "" if trial.value is None else f"{trial.value:.4f}"


def shown(value: float | str) -> str:
    """A value as plain text: numbers with four digits."""
    return shorten(value, _WIDTH) if isinstance(value, str) else f"{value:.4g}"


def _plot(picture: bytes, alt: str, words: str) -> str:
    image = f'<img src="{data_uri("image/svg+xml", picture)}" alt="{escape(alt)}">'
    return f'<figure class="plot"><div>{image}</div>\n<figcaption>{escape(words)}</figcaption></figure>\n'


def _section(title: str, html: str) -> str:
    return f"<section>\n<h2>{title}</h2>\n{html}</section>\n"


def _element(tag: str, html: str, kind: str = "") -> str:
    return f'<{tag} class="{kind}">{html}</{tag}>' if kind else f"<{tag}>{html}</{tag}>"
