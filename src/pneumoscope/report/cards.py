"""The HTML of one film: a card with its picture and answer, or its line in the list of those not read."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import Failure, Finding, QualityFlag, Radiograph, Reading, Region, Timings
from pneumoscope.report.overlay import VISIBLE_FROM, film_picture, heatmap_png
from pneumoscope.report.page import data_uri
from pneumoscope.report.places import evidence_text, ninth
from pneumoscope.report.text import escape
from pneumoscope.report.wording import NOT_SURE, offer, percent, second

_JPEG_QUALITY = 82
_BOX_ASPECT = 1.25  # width : height of a card's picture box, as in report.css
_HEAT_SIDE = 48  # pixels: the browser smooths between colours, and from here on it looks like between values
_LETTERS = 0.06
"""Height of the letters in a picture, of its shorter side."""


def digest_html(digest: str) -> str:
    """Return the start of a digest, with all of it in the title."""
    return f'<code title="SHA-256 {escape(digest)}">{escape(digest[:12])}</code>'


def points(probability: float) -> str:
    """Return a threshold in per cent, as exactly as it was chosen but no longer than need be."""
    return f"{round(probability * 100, 2):g}%"


def card_html(reading: Reading, film: Radiograph | None, max_side: int, threshold: float) -> str:
    """Return the rest of a card, from inside its opening tag on.

    A film that is not answered is sorted as if it lay at the ``threshold``: after the positive films, before the rest.
    """
    name = escape(reading.film)
    probability = reading.finding.probability if reading.answered else threshold
    answer = _answer(reading.finding) if reading.answered else _UNANSWERED
    shown_as = " ".join(sorted(states(reading)))
    return (
        f' data-probability="{probability:.6f}" data-states="{shown_as}">\n<article>\n'
        f"{_title(reading.film)}\n{_picture(reading, film, max_side)}"
        f"{answer}{_where(reading)}{_others(reading.findings[1:])}{_gate(reading)}{_flags(reading)}"
        f"{_notes(reading.notes)}"
        f"{_trace(reading, name)}"
        "</article>\n</li>\n"
    )


_UNANSWERED = (
    '<p class="verdict unanswered">Not answered</p>\n<p class="point">A reader has to look at this film.</p>\n'
)


STATES = ("positive", "negative", "unanswered", "flagged")


def states(reading: Reading) -> frozenset[str]:
    """Return which of ``STATES`` a film is in: one of the first three, and ``flagged`` if its answer is doubted."""
    if not reading.answered:
        return frozenset({"unanswered"})
    answer = "positive" if reading.finding.positive else "negative"
    return frozenset({answer, "flagged"} if reading.doubts else {answer})


def _gate(reading: Reading) -> str:
    """Why there is no answer, or why there should be none, and what could be done."""
    if not reading.abstention:
        return ""
    heading = "Answered although" if reading.forced else "Why"
    more = f"<p>{escape(offer(reading.correction))}</p>" if reading.correction else ""
    return f'<div class="flags refused"><h4>{heading}</h4>{_reasons(reading.abstention)}{more}</div>\n'


def _title(film: str) -> str:
    """Show the file's name large and its folder small; the search reads both."""
    name = Path(film).name or film
    folder = film.removesuffix(name)
    above = f'<span class="folder"><bdi>{escape(folder)}</bdi></span>' if folder else ""
    return f'<h3 title="{escape(film)}">{above}<bdi class="name">{escape(name)}</bdi></h3>'


def _picture(reading: Reading, film: Radiograph | None, max_side: int) -> str:
    if film is None:
        return '<p class="picture none">No picture</p>\n'
    picture = film_picture(film, max_side)
    width, height = picture.size
    shape = "wide" if width / height >= _BOX_ASPECT else "tall"
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_JPEG_QUALITY)
    film_image = (
        f'<img class="film" loading="lazy" decoding="async" width="{width}" height="{height}" '
        f'alt="Radiograph {escape(reading.film)}" src="{data_uri("image/jpeg", file.getvalue())}">'
    )
    shown = f"{film_image}{_heat(reading)}{_boxes(reading)}"
    return _heat_switch(reading) + f'<div class="picture"><div class="frame {shape}">{shown}</div></div>\n'


def _heat(reading: Reading) -> str:
    if reading.heatmap is None:
        return ""
    rows, cells = reading.heatmap.shape
    png = heatmap_png(reading.heatmap, (max(_HEAT_SIDE, cells), max(_HEAT_SIDE, rows)))
    source = data_uri("image/png", png)
    return f'<img class="heat" loading="lazy" decoding="async" alt="{where_hottest(reading.heatmap)}" src="{source}">'


def _boxes(reading: Reading) -> str:
    """The regions over the film; what they say is told in words below it."""
    if not reading.regions or reading.film_size is None:
        return ""
    height, width = reading.film_size
    letters = _LETTERS * min(height, width)
    drawn = "".join(_box(region, letters) for region in reversed(reading.regions))
    opening = f'<svg class="regions" viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">'
    return f"{opening}{drawn}</svg>"


def _box(region: Region, letters: float) -> str:
    at = f'x="{region.left}" y="{region.top}"'
    size = f'width="{region.right - region.left}" height="{region.bottom - region.top}"'
    text = f'x="{region.left + 0.3 * letters:.1f}" y="{region.top + 1.1 * letters:.1f}" font-size="{letters:.1f}"'
    return f'<rect class="rim" {at} {size}/><rect {at} {size}/><text {text}>{region.share:.0%}</text>'


def where_hottest(heat: NDArray[np.float32] | None) -> str:
    """Say in words where a heat map is hottest, for those who cannot see it.

    As the scale ends, many cells may be as hot, far from each other: then no one place is named.
    """
    if heat is None or float(heat.max()) < VISIBLE_FROM:
        return f"Heat map: no region above {VISIBLE_FROM:.0%} of the scale"
    hottest = (np.argwhere(heat == heat.max()) + 0.5) / heat.shape
    one = (np.ptp(hottest, axis=0) < 1 / 3).all()
    place = f"the {' '.join(ninth(*hottest.mean(axis=0)))} of the picture" if one else "several places"
    return f"Heat map: highest in {place}, {percent(float(heat.max()))} of the scale"


def _where(reading: Reading) -> str:
    told = evidence_text(reading)
    return f'<p class="where">{escape(told)}</p>\n' if told else ""


def _heat_switch(reading: Reading) -> str:
    if reading.heatmap is None:
        return ""
    return '<label class="switch"><input type="checkbox" class="heat-one" checked> Heat map</label>\n'


def _answer(finding: Finding) -> str:
    label = escape(finding.label)
    if finding.positive:
        verdict, side = f"{label[:1].upper()}{label[1:]} suspected", "At or above"
    else:
        verdict, side = f"Below the threshold for {label}", "Below"
    state = "positive" if finding.positive else "negative"
    probability = _shown(finding.probability)
    point = f"{side} the threshold of {points(finding.threshold)} ({escape(finding.operating_point)})"
    return (
        f'<p class="verdict {state}">{verdict}</p>\n'
        f'<p class="probability"><strong>{probability}</strong> probability of {label}</p>\n'
        f"{_bar(finding)}\n"
        f'<p class="point">{point}</p>\n'
        f"{_doubt(finding)}"
    )


def _doubt(finding: Finding) -> str:
    """A line where the bundle says that it is not sure."""
    return f'<p class="unsure">{NOT_SURE[:1].upper()}{NOT_SURE[1:]}</p>\n' if finding.sure is False else ""


def _shown(probability: float) -> str:
    return escape(percent(probability))


def _bar(finding: Finding) -> str:
    """Draw the probability with a mark at the threshold. SVG, since the policy forbids style attributes."""
    fill, mark = finding.probability * 100, finding.threshold * 100
    state = "positive" if finding.positive else "negative"
    return (
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" y="2" width="100" height="6"/>'
        f'<rect class="{state}" y="2" width="{fill:.2f}" height="6"/>'
        f'<rect class="mark" x="{min(mark, 99.2):.2f}" width="0.8" height="10"/></svg>'
    )


def _others(findings: tuple[Finding, ...]) -> str:
    """A line for each finding after the first; those that hang on it are plain sentences, without colour or weight."""
    lines = "".join(f"<dt>{escape(one.label)}</dt>{_other(one)}" for one in findings if one.given is None)
    spoken = [second(one) for one in findings if one.given is not None]
    asides = "".join(f'<p class="second">{escape(words[:1].upper() + words[1:])}</p>\n' for words in spoken)
    return (f'<dl class="others">{lines}</dl>\n' if lines else "") + asides


def _other(finding: Finding) -> str:
    state, side = ("positive", "at or above") if finding.positive else ("negative", "below")
    doubt = f", {NOT_SURE}" if finding.sure is False else ""
    return f'<dd class="{state}">{_shown(finding.probability)}, {side} {points(finding.threshold)}{doubt}</dd>'


def _flags(reading: Reading) -> str:
    if not reading.flags:
        return ""
    return f'<div class="flags"><h4>Reasons for doubt</h4>{_reasons(reading.flags)}</div>\n'


def _reasons(flags: tuple[QualityFlag, ...]) -> str:
    items = "".join(f'<li title="{escape(flag.code)}">{escape(flag.message)}</li>' for flag in flags)
    return f"<ul>{items}</ul>"


def _notes(notes: tuple[str, ...]) -> str:
    if not notes:
        return ""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<div class="notes"><h4>What was done to the film</h4><ul>{items}</ul></div>\n'


def _trace(reading: Reading, name: str) -> str:
    return (
        f"<details><summary>Details</summary><dl><dt>File</dt><dd><bdi>{name}</bdi></dd>"
        f"<dt>Film SHA-256</dt><dd>{digest_html(reading.film_digest)}</dd>"
        f"<dt>Model SHA-256</dt><dd>{digest_html(reading.bundle_digest)}</dd>"
        f"{_times(reading.milliseconds)}</dl></details>\n"
    )


def _times(ms: Timings) -> str:
    parts = f"read {ms.decode:.1f}, prepare {ms.prepare:.1f}, infer {ms.infer:.1f}"
    return f"<dt>Time</dt><dd>{ms.total:.1f} ms ({parts})</dd>"


def failure_html(failure: Failure) -> str:
    """Return a line of the list of films that could not be read."""
    digest = f" {digest_html(failure.film_digest)}" if failure.film_digest else ""
    return (
        f'<li><bdi class="name">{escape(failure.film)}</bdi> <span class="code">{escape(failure.code)}</span>{digest}'
        f"<p>{escape(failure.error)}</p></li>\n"
    )
