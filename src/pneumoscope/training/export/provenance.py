"""Where a bundle comes from, and what it therefore is and is not for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from timm.models import get_pretrained_cfg

from pneumoscope.bundle.spec import Member, Source, Teacher
from pneumoscope.core.manifest import Manifest, otherwise
from pneumoscope.data.sources import SOURCES
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.stats.calibration import Calibration
from pneumoscope.training.recipe import Data
from pneumoscope.training.run_folder import RunRecord

_USE_NOT_STATED = "Research on films like those it was trained on. The maker has not stated another use."
_ALWAYS_EXCLUDED = "Not a medical device and not a diagnosis: never the only reason to treat or not to treat."
_NOT_STATED = "not stated"
_GERMS = {"bacterial", "viral"}
_SECOND = "Where it finds {condition} it also says, as a second answer with figures of its own, {what}."
_NO_BASIS = (
    "No reason to give, choose or withhold an antibiotic: bacterial and viral pneumonia look alike on many films, and "
    "no film shows the germ."
)


@dataclass(frozen=True)
class WeightsOrigin:
    """Where a run's initial weights came from, in words, and their licence."""

    name: str
    licence: str


def of_run(record: RunRecord, origin: WeightsOrigin | None) -> dict[str, Any]:
    """What a run says of a network; without ``origin`` its weights are those of the recipe."""
    return {
        "recipe": record.recipe.name,
        "recipe_digest": record.recipe_digest,
        "manifest_digest": record.manifest_digest,
        "initial_weights": _weights(record, origin or _origin(record)),
        "teacher": _teacher(record),
    }


def of_ensemble(
    records: Sequence[RunRecord],
    specs: Sequence[Preprocessing],
    fitted: Sequence[tuple[Calibration, ...]],
    origin: WeightsOrigin | None,
) -> dict[str, Any]:
    """What several runs say of the networks of one graph, and in sum; ``origin`` is that of all of them."""
    members = tuple(
        Member(**of_run(record, origin), size=spec.size, labels=record.recipe.data.labels, calibrations=own)
        for record, spec, own in zip(records, specs, fitted, strict=True)
    )
    manifests = {record.manifest_digest for record in records}
    weights = [member.initial_weights for member in members]
    return {
        "recipe": "ensemble of " + ", ".join(member.recipe for member in members),
        "recipe_digest": _summed(member.recipe_digest for member in members),
        "manifest_digest": manifests.pop() if len(manifests) == 1 else _summed(m.manifest_digest for m in members),
        "initial_weights": Source(
            name=_each(w.name for w in weights), citation="", licence=_each(w.licence for w in weights)
        ),
        "members": members,
    }


def of_films(manifests: Iterable[Manifest], data: Data) -> dict[str, Any]:
    """The data, and the uses that follow from whose films they are and from what is told of them."""
    names = {film.source for manifest in manifests for film in manifest.films}
    known = [(name, SOURCES[name]) for name in sorted(names) if name in SOURCES]
    use = " ".join(source.intended_use for _, source in known if source.intended_use) or _USE_NOT_STATED
    germs = _GERMS & {label.casefold() for label in data.labels}
    return {
        "data": tuple(Source(name=name, citation=s.citation, licence=s.licence) for name, s in known),
        "intended_use": " ".join([use, *_second_answers(data)]),
        "exclusions": (
            _ALWAYS_EXCLUDED,
            *([_NO_BASIS, *(source.subtypes for _, source in known if source.subtypes)] if germs else []),
            *(item for _, source in known for item in source.exclusions),
        ),
    }


def _second_answers(data: Data) -> Iterator[str]:
    for label, condition in data.given.items():
        other = otherwise(label)
        what = f"whether the film looks more like those labelled {label} or those labelled {other}" if other else label
        yield _SECOND.format(condition=condition, what=what)


def _weights(record: RunRecord, origin: WeightsOrigin) -> Source:
    return Source(name=origin.name, citation="", licence=origin.licence, digest=record.weights_digest or "")


def _origin(record: RunRecord) -> WeightsOrigin:
    if record.weights_file:
        return WeightsOrigin(f"{_NOT_STATED} ({record.weights_file})", _NOT_STATED)
    if (name := record.recipe.network.weights) == "none":
        return WeightsOrigin("random", "none")
    published = get_pretrained_cfg(name.rpartition("/")[2])
    return WeightsOrigin(name, (published and published.license) or _NOT_STATED)


def _teacher(record: RunRecord) -> Teacher | None:
    if record.teacher is None or record.teacher_digest is None:
        return None
    return Teacher(name=record.teacher, digest=record.teacher_digest)


def _summed(digests: Iterable[str]) -> str:
    """SHA-256 (hex) of several digests, in their order, a line each."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _each(names: Iterable[str]) -> str:
    """Each name once."""
    return "; ".join(dict.fromkeys(names))
