"""From a film to a reading."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle import DEFAULT, ModelBundle, OperatingPoint, load_bundle
from pneumoscope.bundle.spec import Kind, Label
from pneumoscope.core import Correction, Failure, FilmError, Finding, Outcome, Radiograph, Reading, Region, Timings
from pneumoscope.core.files import sha256_file
from pneumoscope.core.parallel import ordered_map, reading_threads
from pneumoscope.engines import Engine, Outputs, open_engine
from pneumoscope.imaging import read
from pneumoscope.imaging.preprocess import Preprocessing, map_over_film, planes, resize, standardise
from pneumoscope.predict.gate import REMEDIES, Verdict, judge
from pneumoscope.predict.regions import regions_of

if TYPE_CHECKING:
    from pydicom import Dataset

Source: TypeAlias = "str | os.PathLike[str] | bytes | Dataset"
T = TypeVar("T")


class _Explanation(NamedTuple):
    """What a reading says of where the evidence lies."""

    heatmap: NDArray[np.float32] | None = None
    strong_evidence: float | None = None
    regions: tuple[Region, ...] = ()


class _Look(NamedTuple):
    """A film, what the graph answers to it, whether that may be told, and what was done to the film before."""

    film: Radiograph
    outputs: Outputs
    verdict: Verdict
    remedy: Kind | None


class Predictor:
    """Reads films with one bundle. May be shared by threads.

    A film that the bundle is not for, or that its gate refuses, is not answered; with ``force`` it is, and the reading
    says so. One that is refused as it came and not when it is put right (a negative, a film upside down) is offered
    the answer to that; with ``correct`` that is the answer, and the reading says so.

    >>> from pneumoscope import Predictor
    >>> predictor = Predictor.open()
    >>> reading = predictor.read("demo/films/NORMAL/IM-0001-0001.jpeg")     # doctest: +SKIP
    """

    def __init__(
        self,
        bundle: ModelBundle,
        engine: Engine,
        operating_point: OperatingPoint | None = None,
        *,
        force: bool = False,
        correct: bool = False,
    ) -> None:
        self.bundle = bundle
        self.engine = engine
        self.force, self.correct = force, correct
        self.operating_point = operating_point or bundle.spec.operating_point()
        self._asks_all = False

    @classmethod
    def open(
        cls,
        bundle: str | Path = DEFAULT,
        *,
        operating_point: str | None = None,
        force: bool = False,
        correct: bool = False,
    ) -> Self:
        """Load a bundle (a folder, a zip file, ``"default"`` or ``"accurate"``) and check it.

        Raises
        ------
        BundleError : if the bundle is damaged, foreign or newer than this program.
        MissingExtra : if its preprocessing needs a library that is not installed.
        ValueError : if it has no operating point of that name, or nothing to correct films by.
        """
        loaded = load_bundle(bundle)
        point = loaded.spec.operating_point(operating_point)
        if correct and loaded.gate is None:
            raise ValueError(
                f"{loaded.spec.name} {loaded.spec.version} has no gate: it cannot tell which films are to be corrected"
            )
        return cls(loaded, open_engine(loaded), point, force=force, correct=correct)

    def forcing(self) -> Self:
        """The same, but answering every film as it came: what an evaluation measures."""
        other = copy.copy(self)
        other.force, other.correct = True, False
        return other

    def asking_all(self) -> Self:
        """The same, with a finding for each label in every reading, asked or not: to be measured, never to be told."""
        other = copy.copy(self)
        other._asks_all = True
        return other

    def read(self, source: Source, *, name: str | None = None, heatmap: bool = True) -> Reading:
        """Read one film: a path, a file's bytes or a DICOM dataset. ``name`` is what the reading calls it.

        Raises
        ------
        FilmError : if it cannot be read or is no single greyscale radiograph.
        """
        return self._read(source, name or _name_of(source), heatmap)[0]

    def read_film(self, film: Radiograph, *, name: str, heatmap: bool = True) -> Reading:
        """Read a film that has been decoded already.

        Decoded with the bundle's own size for ``min_size``, it has the very reading of its file; a large film that was
        decoded in full has another one, by little.
        """
        return self._reading(film, name, heatmap, milliseconds=0.0)

    def read_prepared(self, film: Radiograph, seen: NDArray[np.float32], *, name: str) -> Reading:
        """Read a film of which everything is prepared already.

        ``film`` is prepared as ``Preprocessing.plain`` says, ``seen`` (C, H, W) as the bundle's preprocessing does. The
        reading has no heat map: the film's own shape is not known any more.
        """
        return self._reading(film, name, heatmap=False, milliseconds=0.0, seen=seen)

    def read_many(
        self,
        paths: Iterable[Path],
        then: Callable[[Outcome, Radiograph | None], T],
        *,
        heatmap: bool = True,
        jobs: int | None = None,
    ) -> Iterator[T]:
        """Read films with ``jobs`` threads (default: one more than cores), in order, in memory that stays the same.

        A film that cannot be read becomes a :class:`Failure` and ends nothing. ``then`` makes of each outcome, and
        its film unless it failed, what the caller wants to keep; it runs in the thread that read the film.
        """

        def work(path: Path) -> T:
            try:
                reading, film = self._read(path, str(path), heatmap)
            except FilmError as error:
                return then(Failure(str(path), error.code, str(error), _digest(path)), None)
            return then(reading, film)

        return ordered_map(work, paths, jobs or reading_threads())

    def _read(self, source: Source, name: str, heatmap: bool) -> tuple[Reading, Radiograph]:
        started = perf_counter()
        film = read(source, min_size=self.bundle.spec.preprocessing.size)
        return self._reading(film, name, heatmap, milliseconds=1e3 * (perf_counter() - started)), film

    def _reading(
        self,
        film: Radiograph,
        name: str,
        heatmap: bool,
        *,
        milliseconds: float,
        seen: NDArray[np.float32] | None = None,
    ) -> Reading:
        """The answer to a film whose decoding took some ``milliseconds``."""
        spec = self.bundle.spec
        decoded = perf_counter()
        seen = planes(film, spec.preprocessing) if seen is None else seen
        prepared = perf_counter()
        look = self._look(film, seen)
        righted = self._righted(look)
        shown = righted if righted and self.correct else look
        abstention = look.verdict.reasons if shown is look else ()
        answered = self.force or not abstention
        findings = self._findings(shown.outputs) if answered else ()
        inferred = perf_counter()
        explained = self._explained(shown, findings[0]) if heatmap and findings else _Explanation()
        return Reading(
            film=name,
            findings=findings,
            flags=shown.verdict.flags if shown is look else (*look.verdict.reasons, *shown.verdict.flags),
            abstention=abstention,
            correction=self._correction(righted),
            notes=(*film.notes, *([f"read {REMEDIES[shown.remedy].done}"] if shown.remedy else [])),
            heatmap=explained.heatmap,
            film_digest=film.digest,
            bundle_digest=self.bundle.digest,
            milliseconds=Timings(milliseconds, 1e3 * (prepared - decoded), 1e3 * (inferred - prepared)),
            film_size=film.full_size,
            strong_evidence=explained.strong_evidence,
            regions=explained.regions,
        )

    def _look(self, film: Radiograph, seen: NDArray[np.float32], remedy: Kind | None = None) -> _Look:
        """What the graph answers to a film, and whether that may be told."""
        spec = self.bundle.spec.preprocessing
        outputs = self.engine.run(standardise(seen, spec)[np.newaxis])
        return _Look(film, outputs, judge(film, _plain(film, seen, spec), outputs.features[0], self.bundle), remedy)

    def _righted(self, look: _Look) -> _Look | None:
        """A film that was refused, put right, if nothing speaks against it then."""
        if look.verdict.remedy is None:
            return None
        film = REMEDIES[look.verdict.remedy].apply(look.film)
        righted = self._look(film, planes(film, self.bundle.spec.preprocessing), look.verdict.remedy)
        return None if righted.verdict.reasons else righted

    def _correction(self, righted: _Look | None) -> Correction | None:
        if righted is None or righted.remedy is None:
            return None
        return Correction(righted.remedy, REMEDIES[righted.remedy].done, self._findings(righted.outputs))

    def _findings(self, outputs: Outputs) -> tuple[Finding, ...]:
        """The answers that are asked for: some only where the first is yes."""
        pairs = zip(self.bundle.spec.labels, outputs.logits[0], strict=True)
        findings = tuple(self._finding(label, logit) for label, logit in pairs)
        everything = self._asks_all or findings[0].positive
        return tuple(finding for finding in findings if everything or finding.given is None)

    def _finding(self, label: Label, logit: np.float32) -> Finding:
        point = label.point or self.operating_point
        probability = float(label.calibration.probability(np.asarray(logit)))
        positive = probability >= point.threshold
        sure = label.certainty.sure(probability, positive) if label.certainty else None
        answer = (label.name, probability, point.name, point.threshold, positive, sure)
        return Finding(*answer, given=label.given, otherwise=label.otherwise)

    def _explained(self, look: _Look, finding: Finding) -> _Explanation:
        """Evidence for the first finding, in log-odds: in a clear case all the cells' probabilities would be near 1.

        It lies over the film as it came, whatever was done to it before the ``look``.
        """
        label, preprocessing = self.bundle.spec.labels[0], self.bundle.spec.preprocessing
        evidence = label.calibration.log_odds(look.outputs.cam[0, 0])
        seen = np.clip(evidence / label.strong_evidence, 0.0, 1.0).astype(np.float32)
        heatmap = map_over_film(seen, look.film, preprocessing)
        regions = regions_of(evidence, look.film, preprocessing) if finding.positive else ()
        if look.remedy:
            remedy = REMEDIES[look.remedy]
            heatmap = remedy.map_back(heatmap)
            regions = tuple(remedy.region_back(region, look.film) for region in regions)
        return _Explanation(heatmap, label.strong_evidence, regions)


def _plain(film: Radiograph, seen: NDArray[np.float32], spec: Preprocessing) -> NDArray[np.float32]:
    """The whole film in its own greys, (H, W); a network that is shown just that has it already."""
    return seen[0] if spec == spec.plain else resize(film, spec.plain)


def _digest(path: Path) -> str | None:
    """A failed film's digest, if its bytes can be had: which file it was matters all the more."""
    try:
        return sha256_file(path) if path.is_file() else None
    except OSError:
        return None


def _name_of(source: Source) -> str:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else f"<{type(source).__name__}>"
