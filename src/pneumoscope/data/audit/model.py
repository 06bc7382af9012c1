"""What an audit says, in a form that a program can read too (``audit.json``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import msgspec

from pneumoscope.core import ManifestError
from pneumoscope.core.files import atomic_write

SCHEMA = 1

Severity = Literal["error", "warning", "note"]
"""error: figures measured with this manifest mean nothing. warning: they mislead. note: good to know."""

Action = Literal["", "drop", "keep-one", "keep-held-out", "forget-label"]
"""What ``data clean`` can do about it, group by group; "" for what a manifest cannot mend."""


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One number: ``what`` of ``films`` films, with the ends of its 95% interval where it has one."""

    what: str
    value: float
    films: int
    low: float | None = None
    high: float | None = None


class AuditFinding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that was found.

    Attributes
    ----------
    code : short stable name, for ``data clean --apply`` and for filters.
    severity, title : how bad, and what in a line.
    meaning, remedy : why it matters and what to do, in plain words.
    action : what ``data clean`` does about it.
    groups : paths of the films concerned; those of one group belong together (copies of one film, films of a patient).
    remarks : something to say about each group, or nothing at all.
    figures : what was measured.
    """

    code: str
    severity: Severity
    title: str
    meaning: str
    remedy: str
    action: Action = ""
    groups: tuple[tuple[str, ...], ...] = ()
    remarks: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()


class Audit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that was found in one manifest, worst first.

    ``checked`` names every check that had something to look at, with the number of its findings, so that silence can be
    told from absence. ``counts`` are films by split and label (``"train"``: ``{"pneumonia": 3875, ...}``).
    """

    manifest_digest: str
    films: int
    patients: int
    sources: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    checked: dict[str, int]
    findings: tuple[AuditFinding, ...]
    seed: int
    program: str
    created: str
    schema: int = SCHEMA


def write_audit(audit: Audit, path: Path) -> None:
    """Write ``audit.json``."""
    with atomic_write(path) as file:
        json.dump(msgspec.to_builtins(audit), file, indent=1)  # not msgspec's: names of files need not be UTF-8


def read_audit(path: Path) -> Audit:
    """Read what :func:`write_audit` wrote.

    Raises
    ------
    ManifestError : if the file cannot be read or is no audit of a known schema.
    """
    try:
        audit = msgspec.convert(json.loads(path.read_bytes()), Audit)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise ManifestError(f"{path}: expected the audit.json of 'pneumoscope data audit': {error}") from error
    if audit.schema != SCHEMA:
        raise ManifestError(f"{path}: expected an audit of schema {SCHEMA}, got {audit.schema}; run the audit again")
    return audit
