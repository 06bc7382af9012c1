"""An audit as one page for people: what was found, worst first, with the films that it is about.

Films are shown small and squashed to a square, as a network sees them. The page stays below some 10 MB whatever was
found: it draws the first films of each finding, names some more, and leaves the rest to ``audit.json``.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from pneumoscope.core import FilmError
from pneumoscope.core.files import atomic_write
from pneumoscope.core.manifest import SPLITS
from pneumoscope.core.parallel import ordered_map, usable_cores
from pneumoscope.data.audit import CHECKS, Audit, AuditFinding, Figure
from pneumoscope.data.survey import squashed
from pneumoscope.report.base import writing_to
from pneumoscope.report.cards import digest_html
from pneumoscope.report.page import data_uri, document
from pneumoscope.report.text import escape, one_line, shorten

_FINDINGS, _SOURCES = 100, 12
"""Shown at most."""
_GROUPS, _FILMS, _NAMES = 24, 4, 500
"""Of a finding at most: groups in pictures, pictures of a group, films by name."""
_SIDE, _QUALITY = 160, 80
_ROOM = 6_000_000
"""Letters that all pictures may take: some 1,000 films."""
_WIDTH = 240
"""Columns of a text from outside, such as a path or a note, beyond which its middle is left out."""
_SCALE = 320

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
Group = tuple[tuple[str, ...], str]
"""Paths, and a remark on them or "" """
Pictures = Mapping[str, str]
"""Data URI by path; "" for a film that cannot be read."""


def write_audit_page(audit: Audit, root: Path, path: Path, *, progress: Progress | None = None) -> None:
    """Write the page to ``path``; the audit's films lie below ``root``.

    A film that cannot be read has a placeholder. ``progress`` wraps the films that are drawn and is told their number.

    Raises
    ------
    PneumoscopeError : if ``path`` cannot be written.
    """
    pictures = _pictures(_pictured(audit), root, progress)
    shown = audit.findings[:_FINDINGS]
    findings = "".join(_finding(number, one, pictures) for number, one in enumerate(shown))
    others = _more(len(audit.findings) - len(shown), "finding")
    body = f"{_header(audit)}{_element('main', _overview(audit) + findings + others)}"
    with writing_to(path), atomic_write(path) as file:
        file.write(document(f"Audit of {_count(audit.films, 'film')}", body))


def _pictured(audit: Audit) -> list[str]:
    """The films to be drawn, each once."""
    groups = (group for finding in audit.findings[:_FINDINGS] for group in _groups(finding)[: _drawn(finding)])
    return list(dict.fromkeys(path for films, _ in groups for path in films[:_FILMS]))


def _drawn(finding: AuditFinding) -> int:
    """How many groups have pictures; files that cannot be read have none."""
    return 0 if finding.code == "unreadable" else _GROUPS


def _groups(finding: AuditFinding) -> list[Group]:
    remarks = finding.remarks or [""] * len(finding.groups)
    return list(zip(finding.groups, remarks, strict=True))


def _pictures(paths: Sequence[str], root: Path, progress: Progress | None) -> dict[str, str]:
    """Draw films until the page is full."""
    drawn: Iterable[str] = ordered_map(lambda path: _picture(root / path), paths, usable_cores())
    pictures: dict[str, str] = {}
    room = _ROOM
    for path, picture in zip(paths, progress(drawn, len(paths)) if progress else drawn, strict=True):
        room -= len(picture)
        if room < 0:
            break
        pictures[path] = picture
    return pictures


def _picture(path: Path) -> str:
    try:
        film = Image.fromarray(squashed(path))
    except FilmError:
        return ""
    file = io.BytesIO()
    film.resize((_SIDE, _SIDE), Image.Resampling.BOX).save(file, "JPEG", quality=_QUALITY)
    return data_uri("image/jpeg", file.getvalue())


def _header(audit: Audit) -> str:
    sources = [_text(source) for source in audit.sources[:_SOURCES]]
    if len(audit.sources) > _SOURCES:
        sources.append(f"and {len(audit.sources) - _SOURCES:,} more")
    severities = [finding.severity for finding in audit.findings]
    counts = {
        "films": audit.films,
        "patient keys": audit.patients,
        "errors": severities.count("error"),
        "warnings": severities.count("warning"),
        "notes": severities.count("note"),
    }
    boxes = (_element("div", _element("dt", what) + _element("dd", f"{number:,}")) for what, number in counts.items())
    origin = (
        f"Source: {', '.join(sources)}. Manifest {digest_html(audit.manifest_digest)}. "
        f"{escape(audit.program)}, {escape(audit.created)}, seed {audit.seed}."
    )
    title = _element("h1", f"Audit of {_count(audit.films, 'film')}")
    return _element("header", title + _element("p", origin, "soft") + _element("dl", "".join(boxes), "counts"))


def _overview(audit: Audit) -> str:
    """Films by split and label, the findings in a line each, and what was looked for in vain or not at all."""
    lines = "".join(
        _element("li", f'{_tag(one)} <a href="#finding-{number}">{_text(one.title)}</a>')
        for number, one in enumerate(audit.findings[:_FINDINGS])
    )
    found = _element("ul", lines, "findings") if lines else _element("p", "There are none.")
    return _element(
        "section",
        f"<h2>Films</h2>\n{_counts(audit.counts)}<h2>Findings</h2>\n{found}"
        f"{_named('Checked and nothing found', [name for name, number in audit.checked.items() if not number])}"
        f"{_named('Not checked, for want of labels, splits, patients or a model', CHECKS.keys() - audit.checked)}"
        f"{_element('p', 'Films are shown squashed to a square, as a network sees them.', 'soft')}",
    )


def _named(title: str, checks: Collection[str]) -> str:
    names = ", ".join(name for name in CHECKS if name in checks)
    return _element("p", f"<strong>{title}:</strong> {names}.") if names else ""


def _counts(counts: Mapping[str, Mapping[str, int]]) -> str:
    labels = sorted({label for of_split in counts.values() for label in of_split}, reverse=True)
    rows = [
        _row(split, [of_split.get(label, 0) for label in labels] + [sum(of_split.values())])
        for split, of_split in sorted(counts.items(), key=lambda item: (*SPLITS, item[0]).index(item[0]))
    ]
    head = "".join(_element("th", name, "number") for name in [*map(escape, labels), "all"])
    return _table(_element("th", "split") + head, rows)


def _row(title: str, numbers: Iterable[int]) -> str:
    return _element("th", escape(title)) + "".join(_element("td", f"{number:,}", "number") for number in numbers)


def _table(head: str, rows: Iterable[str]) -> str:
    body = "".join(_element("tr", row) for row in rows)
    return _element("table", _element("thead", _element("tr", head)) + _element("tbody", body))


def _finding(number: int, finding: AuditFinding, pictures: Pictures) -> str:
    title = _element("h2", f"{_tag(finding)} {_text(finding.title)} {_element('code', escape(finding.code))}")
    meaning = _element("p", escape(finding.meaning))
    remedy = _element("p", f"<strong>What to do:</strong> {escape(finding.remedy)}")
    rest = _command(finding) + _figures(finding.figures) + _films(finding, pictures)
    return f'<section class="{finding.severity}" id="finding-{number}">\n{title}{meaning}{remedy}{rest}</section>\n'


def _tag(finding: AuditFinding) -> str:
    return f'<span class="tag {finding.severity}">{finding.severity}</span>'


def _command(finding: AuditFinding) -> str:
    if not finding.action:
        return ""
    command = f"pneumoscope data clean MANIFEST --audit audit.json --apply {finding.code} --out FILE"
    return _element("pre", _element("code", escape(command)), "command")


def _figures(figures: Sequence[Figure]) -> str:
    """A table; figures with an interval, all of which are AUCs, are drawn on one scale."""
    if not figures:
        return ""
    head = "".join(_element("th", *cell) for cell in (("measured",), ("films", "number"), ("value", "number")))
    if any(figure.low is not None for figure in figures):
        head += _element("th", "95% interval") + _element("th", _scale())
    return _table(head, map(_figure, figures))


def _figure(figure: Figure) -> str:
    whole = figure.low is None and float(figure.value).is_integer()
    value = f"{figure.value:,.0f}" if whole else f"{figure.value:.3f}"
    cells = _element("td", _text(figure.what)) + _element("td", f"{figure.films:,}", "number")
    cells += _element("td", value, "number")
    if figure.low is None or figure.high is None:
        return cells
    bar = _interval(figure.value, figure.low, figure.high)
    return cells + _element("td", f"{figure.low:.3f} to {figure.high:.3f}") + _element("td", bar)


def _scale() -> str:
    marks = ((0, "start", "0"), (_SCALE // 2, "middle", "0.5"), (_SCALE, "end", "1"))
    texts = "".join(f'<text x="{x}" y="12" text-anchor="{anchor}">{text}</text>' for x, anchor, text in marks)
    return f'<svg class="interval" viewBox="0 0 {_SCALE} 16" aria-hidden="true">{texts}</svg>'


def _interval(value: float, low: float, high: float) -> str:
    """The value and its interval on a line from 0 to 1, with a mark at 0.5, where nothing is told apart."""
    at, start, end = (f"{_SCALE * number:.1f}" for number in (value, low, high))
    return (
        f'<svg class="interval" viewBox="0 0 {_SCALE} 16" aria-hidden="true"><path class="axis" d="M0 8H{_SCALE}"/>'
        f'<path class="guess" d="M{_SCALE // 2} 0V16"/><path class="range" d="M{start} 8H{end}"/>'
        f'<circle cx="{at}" cy="8" r="3"/></svg>'
    )


def _films(finding: AuditFinding, pictures: Pictures) -> str:
    """The first groups in pictures, the others by name."""
    groups = _groups(finding)
    drawn, others = groups[: _drawn(finding)], groups[_drawn(finding) :]
    alone = all(len(films) == 1 for films, _ in drawn)
    boxes = [_film(films[0], pictures, remark) if alone else _group(films, pictures, remark) for films, remark in drawn]
    shown = _element("div", "".join(boxes), "films" if alone else "groups") if drawn else ""
    cut = [(films[_FILMS:], remark) for films, remark in drawn if len(films) > _FILMS]
    return shown + _names([*cut, *others], folded=bool(drawn))


def _group(films: Sequence[str], pictures: Pictures, remark: str) -> str:
    boxes = "".join(_film(path, pictures) for path in films[:_FILMS])
    others = _more(len(films) - _FILMS, "film", "named below")
    return _element("div", _remark(remark) + _element("div", boxes, "films") + others, "group")


def _film(path: str, pictures: Pictures, remark: str = "") -> str:
    if picture := pictures.get(path):
        shown = f'<img src="{picture}" alt="" width="{_SIDE}" height="{_SIDE}">'
    else:
        shown = _element("div", "cannot be read" if path in pictures else "not drawn", "absent")
    return _element("figure", shown + _element("figcaption", _element("bdi", _text(path)) + _remark(remark)))


def _remark(remark: str) -> str:
    return _element("p", _text(remark), "remark") if remark else ""


def _names(groups: Sequence[Group], *, folded: bool) -> str:
    """Films by name; folded away where others are shown in pictures."""
    total = sum(len(films) for films, _ in groups)
    listed = list(islice(_lines(groups), _NAMES))
    if not listed:
        return ""
    names = _element("ul", "".join(listed), "names") + _more(total - len(listed), "film")
    return _element("details", _element("summary", f"{_count(total, 'film')} by name") + names) if folded else names


def _lines(groups: Iterable[Group]) -> Iterator[str]:
    """A line a film; a group's remark stands beside its first."""
    for films, remark in groups:
        for i, path in enumerate(films):
            told = f" {_element('span', _text(remark), 'soft')}" if remark and not i else ""
            yield _element("li", _element("bdi", _text(path)) + told, "same" if i else "")


def _more(number: int, what: str, where: str = "in audit.json") -> str:
    return _element("p", f"and {_count(number, f'more {what}')} {where}", "soft") if number > 0 else ""


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _element(tag: str, content: str, kind: str = "") -> str:
    """``content`` is HTML."""
    return f'<{tag} class="{kind}">{content}</{tag}>\n' if kind else f"<{tag}>{content}</{tag}>\n"


def _text(text: str) -> str:
    """Text from outside as HTML, cut in the middle when it is very long."""
    return escape(shorten(one_line(text), _WIDTH))
