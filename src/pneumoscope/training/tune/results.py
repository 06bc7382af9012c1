"""What a search leaves: a table, the best recipe, a page."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from pneumoscope.core.files import atomic_write
from pneumoscope.core.manifest import Manifest
from pneumoscope.data.targets import with_targets
from pneumoscope.report.plot_style import counted
from pneumoscope.report.text import one_line
from pneumoscope.report.tune_page import Axis, SearchReport, Trial, shown, write_search_page
from pneumoscope.training.recipe import Recipe, as_toml
from pneumoscope.training.tune.folder import SearchFolder, SearchRecord
from pneumoscope.training.tune.space import OBJECTIVES, Choices, Space

ERROR, RUN, MINUTES = "error", "run", "minutes"
"""What is noted of a trial: why it failed, the name of its folder, the time that it took."""
ENOUGH = 20
"""Trials before their best quarter, five of them, says what mattered."""
_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


def ended(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that ended by themselves. One that was stopped from outside is a failure without an error."""
    return [
        trial
        for trial in study.get_trials(deepcopy=False, states=tuple(_STATES))
        if trial.state != TrialState.FAIL or ERROR in trial.user_attrs
    ]


def importances(study: optuna.Study) -> dict[str, float]:
    """How much each key tells the best quarter of the trials from the others, as shares of 1 (PED-ANOVA, Watanabe et
    al., 2023); none if there are fewer than :data:`ENOUGH` trials, or all are alike.

    Optuna asks complete trials only, which would hide a key whose bad values are all pruned: here pruned trials are
    among the others.
    """
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    best = _best_quarter(trials, 1 if study.direction == StudyDirection.MINIMIZE else -1)
    if len(trials) < ENOUGH or len(best) in (0, len(trials)):
        return {}
    judged = optuna.create_study()
    for trial in trials:
        value = 0.0 if trial.number in best else 1.0
        judged.add_trial(create_trial(params=trial.params, distributions=trial.distributions, value=value))
    share = (len(best) - 0.5) / len(trials)
    return get_param_importances(judged, evaluator=PedAnovaImportanceEvaluator(target_quantile=share))


def _best_quarter(trials: Sequence[FrozenTrial], sign: int) -> set[int]:
    """Numbers of the complete trials that are as good as the last of the best quarter of all."""
    values = {trial.number: sign * (trial.value or 0.0) for trial in trials if trial.state == TrialState.COMPLETE}
    first = sorted(values.values())[: math.ceil(len(trials) / 4)]
    return {number for number, value in values.items() if first and value <= first[-1]}


def write_results(
    place: SearchFolder, record: SearchRecord, space: Space, films: Manifest, study: optuna.Study
) -> SearchReport:
    """Write table, best recipe and page, as far as the search is, and return what they tell."""
    data = record.recipe.data
    validation = with_targets(films.only("val"), data.labels, data.given).films
    found = SearchReport(
        recipe=record.recipe.name,
        recipe_digest=record.recipe_digest,
        manifest_digest=record.manifest_digest,
        objective=record.objective,
        minimise=OBJECTIVES[record.objective] == "minimize",
        seed=record.seed,
        films=len(validation),
        patients=len({film.key for film in validation}),
        axes={key: _axis(space, key) for key in space.ranges},
        trials=[_trial(number, trial) for number, trial in enumerate(ended(study), start=1)],
        importances=importances(study),
        why_none=f"To say so takes {ENOUGH} trials that did not fail and are not all alike.",
    )
    _write_table(found, place)
    if found.best:
        _write_recipe(space.recipe(record.recipe, found.best.values), found, found.best, place)
    write_search_page(found, place.report)
    return found


def trial_line(found: SearchReport, trials: int) -> str:
    """The last trial in a line; ``trials`` is how many are wanted."""
    last = found.trials[-1]
    done = sum(trial.state != "failed" for trial in found.trials)
    values = ", ".join(f"{key} {shown(value)}" for key, value in last.values.items())
    reached = f"{found.objective} {last.value:.4f}" if last.value is not None else last.message
    how = {
        "complete": f"{reached}{', the best so far' if last is found.best else ''}",
        "pruned": f"pruned at {reached} after {counted(last.epochs, 'epoch')}",
        "failed": f"failed: {reached}",
    }
    return f"trial {last.number} ({done} of {trials} done): {how[last.state]}; {values}"


def _trial(number: int, trial: FrozenTrial) -> Trial:
    return Trial(
        number=number,
        state=_STATES[trial.state],
        value=trial.value,
        epochs=len(trial.intermediate_values),
        minutes=trial.user_attrs.get(MINUTES),
        values=trial.params,
        run=trial.user_attrs.get(RUN, ""),
        message=one_line(trial.user_attrs.get(ERROR, "")),
    )


def _axis(space: Space, key: str) -> Axis:
    found = space.ranges[key]
    return Axis(choices=found.labels) if isinstance(found, Choices) else Axis(log=found.log)


def _write_table(found: SearchReport, place: SearchFolder) -> None:
    with atomic_write(place.trials) as file:
        writer = csv.writer(file)
        writer.writerow(["trial", "state", found.objective, "epochs", "minutes", "run", *found.axes, "message"])
        for trial in found.trials:
            values = [trial.values.get(key) for key in found.axes]
            about = [trial.number, trial.state, trial.value, trial.epochs, trial.minutes, trial.run]
            writer.writerow([*about, *values, trial.message])


def _write_recipe(recipe: Recipe, found: SearchReport, best: Trial, place: SearchFolder) -> None:
    """The whole recipe, so that it stays what it is when the one that it was made from changes."""
    with atomic_write(place.best) as file:
        file.write(f"# Trial {best.number} of a search: {found.objective} {best.value:.6g} on validation films.\n\n")
        file.write(as_toml(recipe))
