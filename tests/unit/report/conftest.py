"""Films and readings made up for the reports."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pneumoscope.core import Correction, Failure, Finding, Outcome, QualityFlag, Radiograph, Reading, Timings
from pneumoscope.core.files import sha256_bytes
from pneumoscope.report import ReportAbout

Item = tuple[Outcome, Radiograph | None]

HOSTILE = [
    "<script>alert(1)</script>.png",
    '"><img src=x onerror=alert(1)>.png',
    "=cmd()",
    "+1,2;=3",
    "-x",
    "@sum",
    "'quoted",
    'comma, "quote".png',
    "two\nlines\r.png",
    "byte\udcff\udc80.png",
    "half\ud83d.png",
    "right\u202egnp.to-left",
    "bell\x07\x1b[31m.png",
    "胸部 Грудь é.png",
    "$title ${script} <!-- here -->\n",
    "",
]


def _item(name: str = "film.png", probability: float = 0.9, heat: Any = None, **more: Any) -> Item:
    digest = sha256_bytes(repr((name, probability)).encode())
    point = more.pop("point", "balanced")
    sure = more.pop("sure", None)
    answered = more.pop("answered", True)
    pixels = np.linspace(0, 1, 24 * 20, dtype=np.float32).reshape(24, 20)
    reading = Reading(
        film=name,
        findings=(
            Finding(more.pop("label", "pneumonia"), probability, point, 0.42, probability >= 0.42, sure),
            *(Finding(label, p, point, 0.42, p >= 0.42, sure) for label, p in more.pop("further", {}).items()),
            *more.pop("second", ()),
        )
        if answered
        else (),
        flags=more.pop("flags", ()),
        abstention=more.pop("abstention", ()),
        correction=more.pop("correction", None),
        notes=more.pop("notes", ()),
        heatmap=None if heat is None else np.asarray(heat, np.float32),
        film_digest=digest,
        bundle_digest="4f" * 32,
        milliseconds=Timings(2.125, 1.5, 9.75),
        film_size=more.pop("film_size", (24, 20)),
        strong_evidence=more.pop("strong_evidence", None),
        regions=more.pop("regions", ()),
    )
    return reading, Radiograph(pixels=pixels, digest=digest, full_size=(24, 20), container="png")


def _hostile(text: str) -> Item:
    flags = (QualityFlag(text, text),)
    return _item(text, 0.5, [[0.5]], notes=(text,), flags=flags, label=text, point=text)


def _refused(text: str) -> Item:
    why = (QualityFlag(text, text),)
    righted = Correction(text, text, (Finding(text, 0.5, text, 0.42, True),))
    return _item(text, 0.5, answered=False, abstention=why, correction=righted)


@pytest.fixture
def item() -> Callable[..., Item]:
    return _item


@pytest.fixture
def items() -> list[Item]:
    heat = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    flags = (QualityFlag("inverted", "The film looks inverted."), QualityFlag("small", "The film is small."))
    return [
        _item("ward/low.png", 0.1, heat * 0.1),
        _item("ward/high.png", 0.95, heat, flags=flags, notes=("Turned back.", "Window applied.")),
        (Failure("ward/broken.dcm", "unreadable", "The file ends early.", "ab" * 32), None),
        _item("ward/middle.png", 0.5, heat),
        (Failure("ward/notes.txt", "unsupported", "Not a picture."), None),
    ]


@pytest.fixture
def refused() -> list[Item]:
    """A film that is not answered, one that would be if it were put right, one that was, and one that was forced."""
    why = QualityFlag("wrong-view", "The header says view LL.")
    upside_down = QualityFlag("upside-down", "The film seems to be upside down.")
    found = Finding("pneumonia", 0.8, "balanced", 0.42, True)
    righted = Correction("upside-down", "turned back by a half", (found,))
    return [
        _item("side.png", 0.9, answered=False, abstention=(why,)),
        _item("down.png", 0.1, answered=False, abstention=(upside_down,), correction=righted),
        _item("righted.png", 0.8, [[0.5]], flags=(upside_down,), correction=righted),
        _item("forced.png", 0.2, [[0.5]], abstention=(why,)),
        _item("plain.png", 0.1),
    ]


@pytest.fixture
def hostile() -> list[Item]:
    """Every text that comes from outside, or from a bundle, is hostile."""
    failures = [(Failure(name, name, name), None) for name in HOSTILE]
    return [_hostile(name) for name in HOSTILE] + failures


@pytest.fixture
def hostile_refused() -> list[Item]:
    """The same texts, of films that are not answered."""
    return [_refused(name) for name in HOSTILE]


@pytest.fixture
def about() -> ReportAbout:
    return ReportAbout(
        title="Ward 7 <1>",
        model="chest-pneumonia",
        model_version="1.2.0",
        bundle_digest="4f" * 32,
        intended_use="Signs of pneumonia on frontal films of children.",
        exclusions=("Adults", "CT & photographs"),
        operating_point="balanced",
        threshold=0.425,
        sensitivity="96.2% (95% interval 93.8 to 97.9)",
        specificity="91.5% (95% interval 87.1 to 94.7)",
        validated_on="624 films of 488 children.",
        program_version="0.1.0",
        created="12 March 2026, 14:05",
    )


@pytest.fixture
def write() -> Callable[[Any, list[Item]], None]:
    def _write(report: Any, items: list[Item]) -> None:
        with report:
            for outcome, film in items:
                report.add(report.render(outcome, film))

    return _write


@pytest.fixture
def kind() -> Callable[..., Finding]:
    """Bacterial rather than viral, if pneumonia, with that probability."""

    def _kind(probability: float, sure: bool | None = None, label: str = "bacterial") -> Finding:
        return Finding(label, probability, "balanced", 0.5, probability >= 0.5, sure, "pneumonia", "viral")

    return _kind
