"""A site's 50 to 200 labelled films give a bundle another calibration and operating points, and a verdict.

The graph stays as it is. What is reported of the films comes from films held back by patient: calibration, its family
and thresholds are found again without each tenth of the patients, who are then judged by them. All of it is the site's
own, and to be confirmed on later films.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle import (
    BundleSpec,
    ModelBundle,
    bundle_files,
    check_target,
    load_bundle,
    save_bundle,
)
from pneumoscope.bundle.card import model_card
from pneumoscope.bundle.points import (
    BALANCED,
    SCREENING,
    Rule,
    Scored,
    again,
    area,
    certainty,
    described,
    interval,
    promising,
    rules,
)
from pneumoscope.bundle.spec import CARD_FILE, Change, Interval
from pneumoscope.core import BundleError, ManifestError
from pneumoscope.core.manifest import Manifest
from pneumoscope.evaluation.evaluate import Progress
from pneumoscope.evaluation.site_films import SiteFilms, one_label, read_site
from pneumoscope.evaluation.verdict import (
    LEAST_RECALL,
    NOT_SHOWN,
    NOT_USABLE,
    RESAMPLES,
    Comparison,
    Verdict,
    compare,
    judge,
)
from pneumoscope.predict import Predictor
from pneumoscope.stats.bootstrap import Measures, bootstrap
from pneumoscope.stats.calibration import Calibration, log_odds
from pneumoscope.stats.fit_calibration import Family, Fitted, fit_calibration
from pneumoscope.stats.folds import patient_folds
from pneumoscope.stats.weighted import scored

FAMILIES: Final[tuple[Family, ...]] = ("intercept", "platt")
"""What so few films can bear, on top of the calibration that is there."""

FOLDS: Final = 10
_LEAST_EVIDENCE = 1.0
_ONLY: Final = "Films unlike the"
_OPEN: Final = "Not shown to be usable on the"
_AS_MADE: Final = "Answers after the first"
_OURS: Final = (_ONLY, _OPEN, _AS_MADE)
"""How the exclusions begin that a recalibration adds, and the next one takes away."""


@dataclass(frozen=True, eq=False)
class Recalibration:
    """The new description of a bundle, what was changed, and whether it may be used."""

    spec: BundleSpec
    source: str | Path
    change: Change
    fitted: Fitted
    verdict: Verdict
    comparison: Comparison | None = None

    @property
    def refused(self) -> bool:
        """Whether no bundle should be made: not usable, or in the place of a better one."""
        return self.verdict.outcome == NOT_USABLE or (self.comparison is not None and not self.comparison.may_replace)


def recalibrate(
    bundle: str | Path,
    manifest: Manifest,
    *,
    split: str | None = None,
    upgrades: str | Path | None = None,
    name: str | None = None,
    version: str | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Recalibration:
    """Find another calibration and operating points of ``bundle`` on a site's labelled films.

    Films of a ``split``, or all. With ``upgrades``, the bundle in use there reads the films too, and the newer one is
    compared with it: thresholds are never taken over from another model. Labels that are asked only where the first is
    true stay as they are.

    Raises
    ------
    BundleError : if a bundle cannot be used, asks several labels of every film, or tells another label than the bundle
        in use.
    ManifestError : if there are too few films, or the bundle has learned from them or was recalibrated by them.
    """
    predictor = Predictor.open(bundle)
    _refuse_known(predictor.bundle, manifest)
    older = _in_use(upgrades, predictor) if upgrades is not None else None
    films = read_site(predictor, manifest, split, jobs, progress)
    site = _Site(predictor.bundle, films, datetime.now(UTC).strftime("%Y-%m-%d"))
    verdict = judge(site.area, site.least)
    comparison, replaced = None, None
    if older:
        comparison = compare(site.judged(), read_site(older, manifest, split, jobs, progress), verdict)
        replaced = older.bundle.digest
    change = site.change(verdict, comparison, replaced)
    return Recalibration(site.spec(change, name, version), bundle, change, site.fitted, verdict, comparison)


def save_recalibrated(result: Recalibration, path: Path) -> ModelBundle:
    """Write the bundle: another description and card, the other files byte by byte as they are.

    Raises
    ------
    BundleError : if ``path`` holds something that is no bundle.
    """
    check_target(path)
    files = bundle_files(result.source) | {CARD_FILE: model_card(result.spec).encode()}
    save_bundle(result.spec, files, path)
    return load_bundle(path)


def _in_use(place: str | Path, newer: Predictor) -> Predictor:
    """The bundle that is to be replaced, which must tell the same thing."""
    older = Predictor.open(place)
    theirs, ours = (one_label(predictor) for predictor in (older, newer))
    if theirs.casefold() != ours.casefold():
        raise BundleError(f"{place}: expected a bundle that tells {ours}, as the newer one does, got one for {theirs}")
    return older


def _refuse_known(bundle: ModelBundle, manifest: Manifest) -> None:
    """The films must be new. That its files were in another manifest cannot be known."""
    spec, digest = bundle.spec, manifest.digest
    if digest in {spec.manifest_digest, *(member.manifest_digest for member in spec.members)}:
        raise ManifestError(
            f"{manifest.root}: {spec.name} {spec.version} was trained with this manifest; expected films of the site "
            f"that it has not learned from"
        )
    for change in spec.history:
        if change.manifest_digest == digest:
            raise ManifestError(
                f"{manifest.root}: {spec.name} {spec.version} was {change.what} with these films already, on "
                f"{change.made}. Take newer films, or start from the bundle that it was made of, {change.name} "
                f"{change.version} ({change.digest[:16]})"
            )


class _Site:
    """A bundle's answers to a site's films, what is fitted to them, and what that is worth on films held back."""

    def __init__(self, bundle: ModelBundle, films: SiteFilms, today: str) -> None:
        self.bundle, self.films, self.today = bundle, films, today
        self.label = bundle.spec.labels[0]
        self.prevalence = self.label.calibration.prevalence
        self.fitted = self._fit(np.arange(len(films.truth)))
        self.scored = self._scored(self.fitted.calibration, np.arange(len(films.truth)))
        least, _ = promising(SCREENING, self.scored, (LEAST_RECALL,))
        wanted = [*rules(self.scored), *([least] if least else [])]
        self.held_back, decisions = self._held_back(wanted)
        described_by = replace(self.scored, data=f"{films.data}, held back by patient in {FOLDS} folds")
        points = [described(rule, described_by, decided) for rule, decided in zip(wanted, decisions, strict=True)]
        self.least = (least, points.pop()) if least else None
        self.points = tuple(points)
        self.area = area(films.truth, films.scores, films.patients)

    @property
    def calibration(self) -> Calibration:
        """From the graph's logits to the site's probabilities."""
        on_top = self.fitted.calibration
        return self.label.calibration.then(on_top.slope, on_top.intercept)

    def judged(self) -> SiteFilms:
        """The films as the recalibrated bundle answers them at its default operating point."""
        point = next(point for point in self.points if point.name == self._default())
        return replace(self.films, decisions=self.scored.probabilities >= point.threshold)

    def change(self, verdict: Verdict, comparison: Comparison | None, replaced: str | None) -> Change:
        """This recalibration as the bundle's history tells it."""
        spec = self.bundle.spec
        return Change(
            made=self.today,
            what="recalibrated",
            digest=self.bundle.digest,
            name=spec.name,
            version=spec.version,
            data=self.films.data,
            manifest_digest=self.films.manifest_digest,
            positive=self.scored.sample(1),
            negative=self.scored.sample(0),
            calibration_before=self.label.calibration,
            calibration_after=self.calibration,
            thresholds_before={point.name: point.threshold for point in spec.operating_points},
            thresholds_after={point.name: point.threshold for point in self.points},
            metrics=self._metrics(comparison),
            verdict=verdict.outcome,
            reasons=(*verdict.reasons, *(comparison.reasons if comparison else ())),
            replaces=replaced,
        )

    def spec(self, change: Change, name: str | None, version: str | None) -> BundleSpec:
        """The bundle's new description; its version is by default the old one with the day."""
        old, on_top = self.bundle.spec, self.fitted.calibration
        strong = max(on_top.slope * self.label.strong_evidence + on_top.intercept, _LEAST_EVIDENCE)
        label = msgspec.structs.replace(
            self.label,
            calibration=self.calibration,
            strong_evidence=strong,
            calibration_rule=f"on top of the bundle's own: {self.fitted.rule}",
            certainty=certainty(self.scored),
        )
        return msgspec.structs.replace(
            old,
            name=name or old.name,
            version=version or f"{old.version.partition('+')[0]}+site.{self.today}",
            created=self.today,
            labels=(label, *old.labels[1:]),
            operating_points=self.points,
            default_operating_point=self._default(),
            exclusions=(*(item for item in old.exclusions if not item.startswith(_OURS)), *self._only(change)),
            history=(*old.history, change),
        )

    def _default(self) -> str:
        wanted = self.bundle.spec.default_operating_point
        return wanted if wanted in {point.name for point in self.points} else BALANCED

    def _only(self, change: Change) -> list[str]:
        only = [f"{_ONLY} {self.films.data}: calibration and thresholds are for those."]
        if change.verdict == NOT_SHOWN:
            only.append(f"{_OPEN} {self.films.data}: {' '.join(change.reasons)}")
        if given := self.bundle.spec.given:
            kept = f"{_AS_MADE} ({', '.join(given)}) were not measured there: calibration and threshold are those of"
            only.append(f"{kept} the model as it was made.")
        return only

    def _fit(self, chosen: NDArray[np.intp]) -> Fitted:
        films = self.films
        patients = [films.patients[i] for i in chosen]
        return fit_calibration(
            films.truth[chosen], films.scores[chosen], patients, self.prevalence, families=FAMILIES, folds=FOLDS
        )

    def _scored(self, on_top: Calibration, chosen: NDArray[np.intp]) -> Scored:
        films = self.films
        return Scored(
            label=self.label.name,
            truth=films.truth[chosen],
            probabilities=on_top.probability(films.scores[chosen]),
            patients=[films.patients[i] for i in chosen],
            prevalence=self.prevalence,
            data=films.data,
            today=self.today,
        )

    def _held_back(self, wanted: Sequence[Rule]) -> tuple[NDArray[np.float64], list[NDArray[np.bool_]]]:
        """Log-odds (N,), and decisions (N,) by each rule, all found without the film's patient."""
        films = self.films
        found = np.full(len(films.truth), np.nan)
        decisions = [np.zeros(len(films.truth), bool) for _ in wanted]
        for learned, held_back in patient_folds(films.truth, films.patients, FOLDS, seed=0):
            on_top = self._fit(learned).calibration
            found[held_back] = on_top.log_odds(films.scores[held_back])
            known, judged = self._scored(on_top, learned), self._scored(on_top, held_back)
            for rule, decided in zip(wanted, decisions, strict=True):
                decided[held_back] = judged.probabilities >= again(rule, known)
        return found, decisions

    def _metrics(self, comparison: Comparison | None) -> dict[str, Interval]:
        films = self.films
        home = log_odds(films.share) - log_odds(self.prevalence)  # a log loss is one at the films' own share
        before, after = (_probability(scores + home) for scores in (films.scores, self.held_back))
        found = {
            "auc": self.area,
            "log_loss_before": self._interval("log_loss", scored(films.truth, before)),
            "log_loss_after": self._interval("log_loss", scored(films.truth, after)),
        }
        for point in self.points:
            found |= {f"sensitivity_{point.name}": point.sensitivity, f"specificity_{point.name}": point.specificity}
        return found | ({"auc_difference": comparison.difference} if comparison else {})

    def _interval(self, name: str, measures: Measures) -> Interval:
        return interval(bootstrap(measures, self.films.patients, resamples=RESAMPLES, seed=0)[name])


def _probability(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.5 * (1.0 + np.tanh(0.5 * odds))
