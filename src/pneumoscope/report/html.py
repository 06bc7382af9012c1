"""One self-contained page for people: every film with its answer, its heat map and the reasons for doubt.

The page loads nothing: pictures are data URIs, the style and the script are inline and allowed by their hash, and a
Content-Security-Policy forbids all else. Whatever came from a file name or a header is escaped. It reads without
JavaScript too, sorted with the most suspicious film first; the script adds the filter, the search and the sorting.

Cards are spooled to an unnamed temporary file beside the report as they come: memory holds a few numbers a film.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import NamedTuple

import numpy as np

from pneumoscope.core import Failure, Outcome, Radiograph
from pneumoscope.report.base import PendingFile, Report, writing_to
from pneumoscope.report.cards import STATES, card_html, digest_html, failure_html, points, states
from pneumoscope.report.overlay import VISIBLE_FROM, heatmap_png
from pneumoscope.report.page import data_uri, policy, resource
from pneumoscope.report.text import escape


@dataclass(frozen=True, kw_only=True)
class ReportAbout:
    """What a reader must know before believing a page of answers. Plain text; the page escapes it.

    Attributes
    ----------
    title : heading of the page.
    model, model_version, bundle_digest : which model read the films; the digest is a SHA-256 (hex).
    intended_use : what the model is for, in a sentence or two.
    exclusions : what it is not for, one item each.
    operating_point, threshold : the named choice behind every yes and no.
    sensitivity, specificity : as validated at that point, with the interval: ``"95.1% (95% interval 92.9 to 96.8)"``.
    validated_on : the data behind these two.
    certainty : what "not sure" on a card means; nothing where the bundle does not say.
    strong_evidence : the log-odds that 100% on the heat maps' scale stands for; nothing where nobody says.
    second : what is told only beside a positive answer, and what that is worth; nothing where nothing is.
    program_version, created : what wrote the page, and when.
    """

    title: str
    model: str
    model_version: str
    bundle_digest: str
    intended_use: str
    exclusions: tuple[str, ...]
    operating_point: str
    threshold: float
    sensitivity: str
    specificity: str
    validated_on: str
    program_version: str
    created: str
    certainty: str = ""
    strong_evidence: float | None = None
    second: str = ""


class _Card(NamedTuple):
    """A film rendered. The opening tag lacks its place in the input, which only ``add`` knows.

    The highest ``rank`` comes first; ``states`` are those by which the page counts and filters films.
    """

    rank: float
    states: frozenset[str]
    html: bytes


class _FailureItem(NamedTuple):
    html: bytes


class _Place(NamedTuple):
    """Where a card lies in the spool; sorts with the most suspicious first, then in input order."""

    doubt: float
    offset: int
    length: int


class HtmlReport(Report):
    """The page. Films sorted by probability, highest first, and those that are not answered between positive and
    negative ones; those that could not be read in a list of their own.

    A film takes about 20 kB on the page: a browser is at ease with 2,000 films, not with 20,000.

    Raises
    ------
    PneumoscopeError : ``path`` cannot be written.
    """

    def __init__(self, path: Path, about: ReportAbout, max_side: int = 384) -> None:
        self._about, self._max_side, self._path = about, max_side, path
        self._file = PendingFile(path)
        try:
            with writing_to(path):
                self._spool = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115  (closed by close and abort)
        except BaseException:
            self._file.abort()
            raise
        self._films: list[_Place] = []
        self._failures: list[_Place] = []
        self._seen = 0
        self._states: Counter[str] = Counter()

    def render(self, outcome: Outcome, film: Radiograph | None) -> _Card | _FailureItem:
        """Return the film's card; pictures are encoded here."""
        if isinstance(outcome, Failure):
            return _FailureItem(failure_html(outcome).encode())
        threshold = self._about.threshold
        rank = outcome.finding.probability if outcome.answered else threshold
        html = card_html(outcome, film, self._max_side, threshold)
        return _Card(rank, states(outcome), html.encode())

    def add(self, rendered: _Card | _FailureItem) -> None:
        """Spool a card."""
        self._seen += 1
        if isinstance(rendered, _FailureItem):
            self._failures.append(self._spooled(0.0, rendered.html))
            return
        self._states.update(rendered.states)
        opening = b'<li class="card" data-index="%d"' % self._seen
        self._films.append(self._spooled(-rendered.rank, opening + rendered.html))

    def close(self) -> None:
        """Assemble the page, sorted, and give it its name."""
        if self._spool.closed:
            return
        try:
            self._assemble()
        except BaseException:
            self.abort()
            raise
        self._spool.close()
        self._file.close()

    def abort(self) -> None:
        """Remove the unfinished page."""
        self._spool.close()
        self._file.abort()

    def _spooled(self, doubt: float, html: bytes) -> _Place:
        with writing_to(self._path):
            offset = self._spool.tell()
            self._spool.write(html)
        return _Place(doubt, offset, len(html))

    def _assemble(self) -> None:
        head, between, tail = _page(self._about, self._counts())
        self._file.write(head)
        self._copy(sorted(self._films))
        self._file.write(between)
        self._copy(self._failures)
        self._file.write(tail)

    def _copy(self, places: list[_Place]) -> None:
        for place in places:
            with writing_to(self._path):
                self._spool.seek(place.offset)
                html = self._spool.read(place.length)
            self._file.write(html)

    def _counts(self) -> dict[str, int]:
        counted = {name: self._states[name] for name in STATES}
        return {"seen": self._seen, "read": len(self._films), "unread": len(self._failures)} | counted


def _page(about: ReportAbout, counts: dict[str, int]) -> tuple[bytes, bytes, bytes]:
    """Return the page before the films, between films and failures, and after them."""
    style, script = resource("report.css"), resource("report.js")
    values = {
        "policy": policy(style, script),
        "style": style,
        "script": script,
        "exclusions": "".join(f"<li>{escape(item)}</li>" for item in about.exclusions),
        "legend": data_uri("image/png", heatmap_png(np.linspace(0, 1, 256, dtype=np.float32)[None, :])),
        "visible_from": f"{VISIBLE_FROM:.0%}",
        "threshold": points(about.threshold),
        "digest": digest_html(about.bundle_digest),
        "no_films": "" if counts["read"] else '<p class="empty">No film was read.</p>',
        "certainty": f"<dt>Not sure</dt><dd>{escape(about.certainty)}</dd>" if about.certainty else "",
        "strong": "" if about.strong_evidence is None else f" (log-odds of {about.strong_evidence:.1f})",
        "second": f"<dt>Second answer</dt><dd>{escape(about.second)}</dd>" if about.second else "",
        "hide_unread": "" if counts["unread"] else " hidden",
        "hide_unanswered": "" if counts["unanswered"] else " hidden",
        **{name: str(count) for name, count in counts.items()},
        **{name: escape(getattr(about, name)) for name in _PLAIN},
    }
    parts = resource("report.html").split("<!-- here -->\n")
    head, between, tail = (Template(part).substitute(values).encode() for part in parts)
    return head, between, tail


_PLAIN = (
    "title",
    "model",
    "model_version",
    "intended_use",
    "operating_point",
    "sensitivity",
    "specificity",
    "validated_on",
    "program_version",
    "created",
)
