"""Apply what an audit advises: to a new manifest, never to the files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Film, Listing
from pneumoscope.data.audit.model import Audit, AuditFinding

_HELD_OUT = ("", "train", "val", "test")
"""From what is learned from to what must stay unseen."""


@dataclass(frozen=True)
class Change:
    """How many films of one finding were changed, and how."""

    code: str
    action: str
    films: int


def remedies(audit: Audit) -> dict[str, AuditFinding]:
    """The findings that a manifest can mend, by code."""
    return {finding.code: finding for finding in audit.findings if finding.action}


def clean(listing: Listing, audit: Audit, codes: Collection[str]) -> tuple[Listing, list[Change]]:
    """The listing with the remedies of the named findings applied, in the order of the audit.

    Raises
    ------
    ManifestError : if the audit is of another manifest, or has no remedy of that name.
    """
    if audit.manifest_digest != listing.digest:
        raise ManifestError(
            f"{listing.root}: expected the manifest that was audited, got another; run 'pneumoscope data audit' again"
        )
    known = remedies(audit)
    unknown = set(codes) - set(known)
    if unknown:
        offered = ", ".join(known) or "this audit has none"
        raise ManifestError(f"expected findings with a remedy ({offered}), got {', '.join(sorted(unknown))}")
    films = {film.path: film for film in listing.films}
    changes = []
    for code, finding in known.items():
        if code in codes:
            before = dict(films)
            for group in finding.groups:
                _ACTIONS[finding.action](films, [films[path] for path in group if path in films])
            changed = sum(films.get(path) != film for path, film in before.items())
            changes.append(Change(code, finding.action, changed))
    return replace(listing, films=tuple(films.values())), changes


def _drop(films: dict[str, Film], group: Sequence[Film]) -> None:
    for film in group:
        del films[film.path]


def _keep_one(films: dict[str, Film], group: Sequence[Film]) -> None:
    """Keep the first; one with a label before one without."""
    _drop(films, sorted(group, key=lambda film: film.label is None)[1:])


def _keep_held_out(films: dict[str, Film], group: Sequence[Film]) -> None:
    """Keep those of the most held-out split: an official test set stays whole."""
    rank = max((_HELD_OUT.index(film.split) for film in group), default=0)
    _drop(films, [film for film in group if _HELD_OUT.index(film.split) < rank])


def _forget_label(films: dict[str, Film], group: Sequence[Film]) -> None:
    for film in group:
        films[film.path] = replace(film, label=None, subtype="")


_ACTIONS: dict[str, Callable[[dict[str, Film], Sequence[Film]], None]] = {
    "drop": _drop,
    "keep-one": _keep_one,
    "keep-held-out": _keep_held_out,
    "forget-label": _forget_label,
}
