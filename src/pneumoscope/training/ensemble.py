"""Several finished runs as one bundle, whose graph averages what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path

import msgspec

from pneumoscope.bundle import ModelBundle, check_target
from pneumoscope.bundle.spec import View
from pneumoscope.core import ManifestError, RecipeError
from pneumoscope.core.manifest import Manifest
from pneumoscope.data import read_manifest
from pneumoscope.data.prepared import Progress
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.training.export.graphs import Trained, best_graph
from pneumoscope.training.export.make import write
from pneumoscope.training.export.provenance import WeightsOrigin, of_ensemble, of_films
from pneumoscope.training.export.task import Task
from pneumoscope.training.films import learned_already
from pneumoscope.training.recipe import Data, Recipe
from pneumoscope.training.run_folder import Run, preprocessing_of

_SHARED = ("data.exclusive", "input.aspect", "input.contrast", "input.edges")
"""What the recipes of all members must have in common."""


def ensemble(
    runs: Sequence[Run],
    path: Path,
    *,
    name: str,
    version: str,
    cache: Path,
    origin: WeightsOrigin | None = None,
    views: tuple[View, ...] = ("plain",),
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> ModelBundle:
    """Make one bundle of several finished runs.

    Its logit of a label is the mean of those of the members that tell it, each calibrated on the validation films that
    all runs share; the mean is then calibrated once more. All tell the first label. The graph takes films at the
    largest size of any member, and makes them smaller for the others. ``origin`` is where all members' initial weights
    came from. See :func:`pneumoscope.training.export.export` for the rest.

    Raises
    ------
    RecipeError : if there are fewer than two runs, or they answer different questions or see films in different ways.
    ManifestError : if their validation films differ, or one has learned from films that another is judged by.
    RunError, BundleError : as for one run; messages name the member.
    """
    check_target(path)
    if len({run.folder.resolve() for run in runs}) < max(2, len(runs)):
        raise RecipeError(f"expected two different runs or more, got {', '.join(str(run.folder) for run in runs)}")
    records = [run.load_record() for run in runs]
    recipes = [record.recipe for record in records]
    _check_recipes(runs, recipes)
    data = _told(runs, [recipe.data for recipe in recipes])
    manifests = [read_manifest(run.manifest) for run in runs]
    _check_films(runs, manifests)
    specs = [preprocessing_of(recipe) for recipe in recipes]
    task = Task(
        path=path,
        name=name,
        version=version,
        run=runs[0],
        data=data,
        spec=_largest(specs),
        views=views,
        seed=recipes[0].seed,
        cache=cache,
        progress=progress,
        tell=tell,
    )
    trained = [
        Trained(run.load_network(), spec, recipe.data.labels, str(run.folder))
        for run, spec, recipe in zip(runs, specs, recipes, strict=True)
    ]
    shipped = best_graph(trained, task)
    provenance = of_ensemble(records, specs, shipped.calibrations, origin) | of_films(manifests, task.data)
    return write(task, shipped, provenance)


def _largest(specs: Sequence[Preprocessing]) -> Preprocessing:
    size = max(spec.size for spec in specs)
    return msgspec.structs.replace(specs[0], size=size)


def _check_recipes(runs: Sequence[Run], recipes: Sequence[Recipe]) -> None:
    """Members must answer in one way, about films that were prepared in one way."""
    for key in _SHARED:
        said = [attrgetter(key)(recipe) for recipe in recipes]
        for run, other in zip(runs[1:], said[1:], strict=True):
            if other != said[0]:
                raise RecipeError(
                    f"expected runs with the same {key}; {runs[0].folder} has {said[0]!r}, {run.folder} {other!r}"
                )
    sizes = sorted({recipe.input.size for recipe in recipes})
    if recipes[0].input.edges and len(sizes) > 1:
        raise RecipeError(
            f"expected runs of one size, as edges are found at the network's own; got {', '.join(map(str, sizes))}"
        )


def _told(runs: Sequence[Run], each: Sequence[Data]) -> Data:
    """What the members together tell of a film: all the first label, further ones those that know them."""
    first = each[0]
    for run, data in zip(runs[1:], each[1:], strict=True):
        if data.labels[0] != first.labels[0] or (first.exclusive and data.labels != first.labels):
            what = "data.labels, which exclude each other" if first.exclusive else "first label"
            said = f"{runs[0].folder} has {first.labels!r}, {run.folder} {data.labels!r}"
            raise RecipeError(f"expected runs with the same {what}; {said}")
    labels = tuple(dict.fromkeys(label for data in each for label in data.labels))
    conditions = {label: {data.given.get(label) for data in each if label in data.labels} for label in labels}
    if disputed := [label for label, asked in conditions.items() if len(asked) > 1]:
        raise RecipeError(f"expected runs with the same data.given; some ask {disputed[0]} of every film, some do not")
    given = {label: condition for data in each for label, condition in data.given.items()}
    try:
        return msgspec.structs.replace(first, labels=labels, given=given)
    except ValueError as error:
        raise RecipeError(f"what the runs tell does not go together: {error}") from error


def _check_films(runs: Sequence[Run], manifests: Sequence[Manifest]) -> None:
    """All must have been validated on the same films, and none have learned from what another is judged by."""
    remedy = "Split the films once, with 'pneumoscope data split', and train each run on the manifest that it writes"
    first = _digests(manifests[0])
    for run, manifest in zip(runs[1:], manifests[1:], strict=True):
        if _digests(manifest) != first:
            raise ManifestError(
                f"expected runs with the same validation films; {run.folder} has others than {runs[0].folder}, so none "
                f"are sure to be new to both. {remedy}"
            )
    films = [film for manifest in manifests for film in manifest.films]
    both = learned_already(films, films)
    if both:
        raise ManifestError(
            f"one run has learned from {len(both)} films, or other films of their patients, that another run holds "
            f"back, the first is {both[0].path}. {remedy}"
        )


def _digests(manifest: Manifest) -> list[str]:
    return sorted(film.digest for film in manifest.only("val").films)
