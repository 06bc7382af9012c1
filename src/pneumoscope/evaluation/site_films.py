"""A site's labelled films, as a bundle reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import BundleError, ManifestError, Outcome, Reading
from pneumoscope.core.manifest import Film, Manifest
from pneumoscope.data.targets import targets, with_targets
from pneumoscope.evaluation.evaluate import Progress
from pneumoscope.predict import Predictor
from pneumoscope.stats.folds import patients_of_each

LEAST_FILMS = 50
LEAST_PATIENTS = 10
"""Films that can be read, and patients of each class among them: fewer say next to nothing."""

_NEVER = 1e-13
"""Probabilities nearer to 0 and 1 than this are told apart by rounding alone."""


@dataclass(frozen=True, eq=False)
class SiteFilms:
    """N films that state the label and could be read.

    ``scores`` are the log-odds (N,) that the bundle gives them, ``decisions`` its answers at its default operating
    point, ``patients`` a key that films of one patient share, ``data`` whose films these are in words.
    """

    truth: NDArray[np.int64]
    scores: NDArray[np.float64]
    decisions: NDArray[np.bool_]
    patients: list[str]
    data: str
    manifest_digest: str

    @property
    def share(self) -> float:
        """How many of the films have the finding."""
        return float(self.truth.mean())


def read_site(
    predictor: Predictor, manifest: Manifest, split: str | None, jobs: int | None, progress: Progress | None
) -> SiteFilms:
    """Read the films of a split, or all, that state the bundle's one label, or its first and the others hang on it.

    Those that the bundle would refuse are answered all the same, and counted.

    Raises
    ------
    BundleError : if the bundle tells several labels.
    ManifestError : if there are too few films or patients, or a film has changed since the manifest was made.
    """
    label = one_label(predictor)
    chosen = with_targets(manifest.only(split) if split else manifest, [label])
    paths = [chosen.root / film.path for film in chosen.films]
    answers = predictor.forcing().read_many(paths, lambda outcome, _: outcome, heatmap=False, jobs=jobs)
    outcomes = list(progress(answers, len(chosen)) if progress else answers)
    read = [(film, outcome) for film, outcome in zip(chosen.films, outcomes, strict=True) if _usable(film, outcome)]
    films = [film for film, _ in read]
    truth = targets(films, [label])[:, 0].astype(np.int64)
    patients = ["/".join(film.key) for film in films]
    _check_enough(manifest, label, truth, patients)
    readings = [outcome for _, outcome in read if isinstance(outcome, Reading)]
    findings = [reading.finding for reading in readings]
    p = np.clip([finding.probability for finding in findings], _NEVER, 1 - _NEVER)
    return SiteFilms(
        truth=truth,
        scores=np.log(p) - np.log1p(-p),
        decisions=np.array([finding.positive for finding in findings]),
        patients=patients,
        data=_words(films, split, len(outcomes) - len(read), sum(bool(reading.abstention) for reading in readings)),
        manifest_digest=manifest.digest,
    )


def one_label(predictor: Predictor) -> str:
    """The name of the bundle's only label.

    Raises
    ------
    BundleError : if it tells several.
    """
    spec = predictor.bundle.spec
    asked = len(spec.labels) - len(spec.given)
    if asked > 1:
        raise BundleError(
            f"{spec.name} {spec.version}: expected a bundle that asks one label of every film, got {asked}. Its "
            f"operating points hold for all of them, so that a site's films of one would move the answers to the "
            f"others"
        )
    return spec.labels[0].name


def _usable(film: Film, outcome: Outcome) -> bool:
    """Whether the film could be read; one that is another than the manifest says is refused."""
    if not isinstance(outcome, Reading):
        return False
    if film.digest != outcome.film_digest:
        raise ManifestError(f"{film.path} has changed since the manifest was made; index the folder again")
    return True


def _check_enough(manifest: Manifest, label: str, truth: NDArray[np.int64], patients: list[str]) -> None:
    without, having = patients_of_each(truth, patients)
    if len(truth) < LEAST_FILMS or min(without, having) < LEAST_PATIENTS:
        raise ManifestError(
            f"{manifest.root}: expected {LEAST_FILMS} films or more that can be read, of {LEAST_PATIENTS} patients or "
            f"more with {label} and as many without; got {len(truth)} films, {having} patients with and {without} "
            f"without. Label more films of the site: 100 to 200 say much more than {LEAST_FILMS}"
        )


def _words(films: list[Film], split: str | None, unreadable: int, refused: int) -> str:
    sources = ", ".join(sorted({film.source for film in films}))
    where = f", split {split}" if split else ""
    lost = f" ({unreadable} could not be read)" if unreadable else ""
    return f"{len(films)} films of {sources}{where}{lost}" + (f", {refused} of which it refuses" if refused else "")
