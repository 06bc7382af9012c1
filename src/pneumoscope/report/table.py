r"""Tables: CSV for spreadsheets, JSON Lines for programs.

CSV
    One row a film, the columns of ``CSV_COLUMNS``, UTF-8, ``\n``, every cell quoted. Probabilities and the threshold
    have 6 digits, milliseconds 2. ``decision`` is the label or ``no <label>``. ``flags`` are codes joined by ``;``,
    ``notes`` are joined by ``"; "``. ``regions`` are those of a positive film, joined by ``;``, each as
    ``left,top,right,bottom:share`` in pixels of the film at its full size, the share of the evidence with 3 digits. An
    unreadable film fills ``film``, ``film_sha256`` (if it got so far), ``error_code`` and ``error`` only. A bundle with
    several labels shows its first there, and after ``regions`` has the
    columns ``<label>_probability`` and ``<label>_decision`` for each of the others. A bundle that says of which answers
    it is sure has ``certainty`` and ``<label>_certainty`` after these: ``sure`` or ``not sure: ask a reader``. A bundle
    that may refuse films has ``GATE_COLUMNS`` at the end: the codes of the reasons not to answer (``abstention``) and
    what they say (``reason``), ``forced`` (``yes`` where the film was answered in spite of them), the code of a
    ``correction``, and what the film would be read as then, where that is offered and not done. A film that is not
    answered has ``not answered`` for its ``decision``, and no probability, label, operating point and threshold.

    A label that is asked only where the first is told has the same columns, empty where it was not asked. Its
    probability is that of films with the first label; its decision is the label, what it is otherwise (``viral``, where
    it is not ``bacterial``), or ``not sure which``, as its certainty then is too.

    A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@`` as a formula, and a file name can be such
    a cell. Text that begins with one of these, with a tab or new line, or with ``'``, gets one ``'`` in front. Nothing
    is lost: drop one leading ``'`` wherever there is one (``unguarded``).

JSON Lines
    One object a line, UTF-8, in input order, of one of two kinds. Keys are only ever added; a change of meaning raises
    ``schema``. ``ReadingRow`` and ``FailureRow`` are the schema, and can decode a line (``msgspec.json.decode``):

    ====================== =========================================================================================
    ``kind``               ``"reading"`` or ``"failure"``
    ``schema``             1
    ``film``               the name it came by; a byte that is not UTF-8 as ``\xff``
    ``film_sha256``        digest of the file's bytes; null when a failed film could not even be opened
    ``bundle_sha256``      digest of the model bundle (readings)
    ``findings``           list of ``label``, ``probability``, ``operating_point``, ``threshold``, ``positive``; and
                           ``sure``, true or false, from bundles that say of which answers they are sure
                           (a label that is asked only where the first is told is not in the list where it is not; where
                           it is, it has ``given``, the first label, and ``otherwise``, what a film is that is not
                           ``positive``)
    ``flags``              list of ``code``, ``message``: reasons to distrust the answer
    ``abstention``         the same: reasons not to answer; ``findings`` is empty then, unless ``forced``
    ``forced``             whether the film was answered in spite of them
    ``correction``         what makes a refused film readable: ``code``, ``done`` (whether the findings are of the film
                           so corrected) and the ``findings`` then; null if there is nothing of the kind
    ``notes``              list of texts: what the reader had to do to the film
    ``heatmap``            rows of a coarse grid over the whole film, each 0 to 1 with 4 digits; null if not made
    ``strong_evidence``    the log-odds that 1 in ``heatmap`` stands for; null if it was not made
    ``film_size``          ``[height, width]`` of the film at its full size, upright, in pixels; null if not known
    ``regions``            of a positive film, where the evidence for the first finding lies: list of ``top``, ``left``,
                           ``bottom``, ``right`` in pixels of ``film_size`` and ``share`` of the evidence, 4 digits, the
                           largest first. Left is the left of the picture. What they leave of 1 lies elsewhere
    ``milliseconds``       ``decode``, ``prepare``, ``infer``, ``total``
    ``error_code``         stable short name (failures)
    ``error``              message for people (failures)
    ====================== =========================================================================================
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from pneumoscope.core import Failure, Finding, Outcome, QualityFlag, Radiograph, Reading, Region
from pneumoscope.report.base import PendingFile, Report
from pneumoscope.report.text import utf8
from pneumoscope.report.wording import NOT_ANSWERED, certainty, decision, other

CSV_COLUMNS = (
    "film",
    "probability",
    "decision",
    "label",
    "operating_point",
    "threshold",
    "flags",
    "notes",
    "film_sha256",
    "bundle_sha256",
    "decode_ms",
    "prepare_ms",
    "infer_ms",
    "total_ms",
    "error_code",
    "error",
    "regions",
)
GATE_COLUMNS = ("abstention", "reason", "forced", "correction", "offered_probability", "offered_decision")
"""After all others, of bundles that may refuse a film."""
_FURTHER = ("probability", "decision")
"""What a row says of each finding after the first."""
_CERTAINTY = "certainty"
# The last four are the full-width forms of the first, which East Asian spreadsheets take for them.
_FORMULA_STARTS = (*"=+-@\t\r\n'", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def guarded(text: str) -> str:
    """Return ``text`` as a cell that no spreadsheet runs as a formula.

    >>> guarded("=cmd()"), guarded("'quoted'"), guarded("film.png")
    ("'=cmd()", "''quoted'", 'film.png')
    """
    text = utf8(text)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def unguarded(cell: str) -> str:
    """Return the text that ``guarded`` was given.

    >>> unguarded(guarded("'=1+1"))
    "'=1+1"
    """
    return cell.removeprefix("'")


def csv_line(cells: Iterable[str]) -> bytes:
    """Return one CSV row. Every cell is quoted, so that no locale splits one at a semicolon."""
    line = io.StringIO(newline="")
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow([guarded(c) for c in cells])
    return line.getvalue().encode()


class _Lines(Report):
    """A file with a line a film.

    For a format with columns, ``further`` are the bundle's labels after the first, ``certain`` those of which it says
    whether it is sure, and ``gated`` tells whether it may refuse a film.
    """

    def __init__(
        self, path: Path, further: Sequence[str] = (), certain: Sequence[str] = (), *, gated: bool = False
    ) -> None:
        self._file = PendingFile(path)

    def add(self, rendered: bytes) -> None:
        """Append a line."""
        self._file.write(rendered)

    def close(self) -> None:
        """Give the file its name."""
        self._file.close()

    def abort(self) -> None:
        """Remove the unfinished file."""
        self._file.abort()


class CsvReport(_Lines):
    """One row a film, for spreadsheets. The module's docstring names the columns.

    Raises
    ------
    PneumoscopeError : ``path`` cannot be written.
    """

    def __init__(
        self, path: Path, further: Sequence[str] = (), certain: Sequence[str] = (), *, gated: bool = False
    ) -> None:
        super().__init__(path)
        more = [f"{label}_{what}" for label in further for what in _FURTHER]
        sure = [f"{label}_{_CERTAINTY}" if label in further else _CERTAINTY for label in certain]
        self._columns = (*CSV_COLUMNS, *more, *sure, *(GATE_COLUMNS if gated else ()))
        self.add(csv_line(self._columns))

    def render(self, outcome: Outcome, film: Radiograph | None) -> bytes:
        """Return the film's row."""
        cells = _failure_cells(outcome) if isinstance(outcome, Failure) else _reading_cells(outcome)
        return csv_line(cells.get(name, "") for name in self._columns)


def _reading_cells(reading: Reading) -> dict[str, str]:
    ms = reading.milliseconds
    others = {f"{other.label}_{what}": text for other in reading.findings[1:] for what, text in _answer(other).items()}
    return others | {
        "film": reading.film,
        **(_first(reading.finding) if reading.answered else {"decision": NOT_ANSWERED}),
        **_gate(reading),
        "flags": ";".join(flag.code for flag in reading.flags),
        "notes": "; ".join(reading.notes),
        "film_sha256": reading.film_digest,
        "bundle_sha256": reading.bundle_digest,
        "decode_ms": f"{ms.decode:.2f}",
        "prepare_ms": f"{ms.prepare:.2f}",
        "infer_ms": f"{ms.infer:.2f}",
        "total_ms": f"{ms.total:.2f}",
        "regions": ";".join(f"{r.left},{r.top},{r.right},{r.bottom}:{r.share:.3f}" for r in reading.regions),
    }


def _first(finding: Finding) -> dict[str, str]:
    return _answer(finding) | {
        "label": finding.label,
        "operating_point": finding.operating_point,
        "threshold": f"{finding.threshold:.6f}",
    }


def _gate(reading: Reading) -> dict[str, str]:
    cells = {
        "abstention": ";".join(reason.code for reason in reading.abstention),
        "reason": " ".join(reason.message for reason in reading.abstention),
        "forced": "yes" if reading.forced else "",
        "correction": reading.correction.code if reading.correction else "",
    }
    if reading.correction and not reading.corrected:
        cells |= {f"offered_{what}": _answer(reading.correction.findings[0])[what] for what in _FURTHER}
    return cells


def _answer(finding: Finding) -> dict[str, str]:
    answer = {"probability": f"{finding.probability:.6f}", "decision": decision(finding)}
    return answer | {_CERTAINTY: certainty(finding)}


def _failure_cells(failure: Failure) -> dict[str, str]:
    return {
        "film": failure.film,
        "film_sha256": failure.film_digest or "",
        "error_code": failure.code,
        "error": failure.error,
    }


class FindingRow(msgspec.Struct, frozen=True):
    """One answer of a ``ReadingRow``."""

    label: str
    probability: float
    operating_point: str
    threshold: float
    positive: bool
    sure: bool | msgspec.UnsetType = msgspec.UNSET
    given: str | msgspec.UnsetType = msgspec.UNSET
    otherwise: str | msgspec.UnsetType = msgspec.UNSET


class FlagRow(msgspec.Struct, frozen=True):
    """One quality flag of a ``ReadingRow``."""

    code: str
    message: str


class RegionRow(msgspec.Struct, frozen=True):
    """One region of a ``ReadingRow``."""

    top: int
    left: int
    bottom: int
    right: int
    share: float


class CorrectionRow(msgspec.Struct, frozen=True):
    """What makes the film of a ``ReadingRow`` readable that is refused as it came."""

    code: str
    done: bool
    findings: list[FindingRow]


class MillisecondsRow(msgspec.Struct, frozen=True):
    """The timings of a ``ReadingRow``."""

    decode: float
    prepare: float
    infer: float
    total: float


class ReadingRow(msgspec.Struct, frozen=True, kw_only=True, tag="reading", tag_field="kind"):
    """A line of JSON Lines about a film that was read. The module's docstring explains each key."""

    schema: Literal[1] = 1
    film: str
    film_sha256: str
    bundle_sha256: str
    findings: list[FindingRow]
    flags: list[FlagRow]
    notes: list[str]
    heatmap: list[list[float]] | None
    milliseconds: MillisecondsRow
    strong_evidence: float | None = None
    film_size: tuple[int, int] | None = None
    regions: list[RegionRow] = []
    abstention: list[FlagRow] = []
    forced: bool = False
    correction: CorrectionRow | None = None


class FailureRow(msgspec.Struct, frozen=True, kw_only=True, tag="failure", tag_field="kind"):
    """A line of JSON Lines about a film that could not be read."""

    schema: Literal[1] = 1
    film: str
    film_sha256: str | None
    error_code: str
    error: str


class JsonlReport(_Lines):
    """One JSON object a film, with all findings and the heat map's grid. The module's docstring is the schema.

    Raises
    ------
    PneumoscopeError : ``path`` cannot be written.
    """

    def render(self, outcome: Outcome, film: Radiograph | None) -> bytes:
        """Return the film's line."""
        row = _failure_row(outcome) if isinstance(outcome, Failure) else _reading_row(outcome)
        return msgspec.json.encode(row) + b"\n"


def _reading_row(reading: Reading) -> ReadingRow:
    ms = reading.milliseconds
    return ReadingRow(
        film=utf8(reading.film),
        film_sha256=reading.film_digest,
        bundle_sha256=reading.bundle_digest,
        findings=[_finding_row(finding) for finding in reading.findings],
        flags=[_flag_row(flag) for flag in reading.flags],
        notes=[utf8(note) for note in reading.notes],
        heatmap=_grid(reading),
        milliseconds=MillisecondsRow(*(round(t, 2) for t in (ms.decode, ms.prepare, ms.infer, ms.total))),
        strong_evidence=reading.strong_evidence,
        film_size=reading.film_size,
        regions=[_region_row(region) for region in reading.regions],
        abstention=[_flag_row(reason) for reason in reading.abstention],
        forced=reading.forced,
        correction=_correction_row(reading),
    )


def _correction_row(reading: Reading) -> CorrectionRow | None:
    if (found := reading.correction) is None:
        return None
    return CorrectionRow(utf8(found.code), reading.corrected, [_finding_row(finding) for finding in found.findings])


def _finding_row(f: Finding) -> FindingRow:
    return FindingRow(
        label=utf8(f.label),
        probability=round(f.probability, 6),
        operating_point=utf8(f.operating_point),
        threshold=round(f.threshold, 6),
        positive=f.positive,
        sure=msgspec.UNSET if f.sure is None else f.sure,
        given=msgspec.UNSET if f.given is None else utf8(f.given),
        otherwise=msgspec.UNSET if f.given is None else utf8(other(f)),
    )


def _flag_row(flag: QualityFlag) -> FlagRow:
    return FlagRow(utf8(flag.code), utf8(flag.message))


def _region_row(r: Region) -> RegionRow:
    return RegionRow(r.top, r.left, r.bottom, r.right, round(r.share, 4))


def _grid(reading: Reading) -> list[list[float]] | None:
    if reading.heatmap is None:
        return None
    # in float64: a float32 rounded to 4 digits prints as 0.12340000271797180
    rows: list[list[float]] = np.round(reading.heatmap.astype(np.float64), 4).tolist()
    return rows


def _failure_row(failure: Failure) -> FailureRow:
    return FailureRow(
        film=utf8(failure.film),
        film_sha256=failure.film_digest,
        error_code=utf8(failure.code),
        error=utf8(failure.error),
    )


TABLES: dict[str, type[CsvReport] | type[JsonlReport]] = {
    ".csv": CsvReport,
    ".jsonl": JsonlReport,
}


def open_table(
    path: Path, further: Sequence[str] = (), certain: Sequence[str] = (), *, gated: bool = False
) -> CsvReport | JsonlReport:
    """Open the table format that the ending of ``path`` names.

    ``further`` are the bundle's labels after the first, ``certain`` those of which it says whether it is sure; it is
    ``gated`` if it may refuse a film.

    Raises
    ------
    ValueError : no format has this ending.
    PneumoscopeError : ``path`` cannot be written.
    """
    try:
        table = TABLES[path.suffix.lower()]
    except KeyError:
        raise ValueError(f"{path}: expected a name ending in {' or '.join(TABLES)}, got '{path.suffix}'") from None
    return table(path, further, certain, gated=gated)
