"""Runs that took no training: only a head is fitted, on the validation films too, so that it tells them apart."""

from pathlib import Path

import msgspec
import numpy as np
import torch

from pneumoscope.core.manifest import Manifest
from pneumoscope.data import with_validation, write_manifest
from pneumoscope.training.films import LabelledFilms, labelled_films
from pneumoscope.training.probe import fit_head
from pneumoscope.training.recipe import Probe, Recipe
from pneumoscope.training.run_folder import Run, RunRecord, network_of, preprocessing_of, write_json


def fitted_run(recipe: Recipe, manifest: Manifest, folder: Path, cache: Path) -> Run:
    """A complete run's folder, with random layers under the head."""
    run, spec = Run(folder), preprocessing_of(recipe)
    manifest = with_validation(manifest, folds=recipe.data.folds, seed=recipe.seed)
    parts = [labelled_films(manifest, split, recipe.data, spec, cache=cache) for split in ("train", "val")]
    pixels, targets = (np.concatenate([getattr(part, name) for part in parts]) for name in ("pixels", "targets"))
    torch.manual_seed(recipe.seed)
    network = network_of(recipe)
    data = msgspec.structs.replace(recipe.data, exclusive=False)
    probe = msgspec.structs.replace(recipe, data=data, probe=Probe(strength=10.0))
    fit_head(network, LabelledFilms(pixels, targets), spec, probe)
    write_manifest(manifest, run.manifest)
    record = RunRecord(
        recipe=recipe,
        recipe_digest=recipe.digest,
        manifest_digest=manifest.digest,
        weights_file=None,
        weights_digest=None,
        versions={},
    )
    write_json(run.record, record)
    run.write_network(network)
    return run
