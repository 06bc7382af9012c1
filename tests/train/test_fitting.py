"""What a recipe can ask of a run: stages, plateaus, patience, the best epoch, several labels, a probe, a teacher."""

import csv
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from pneumoscope.core import RecipeError, RunError
from pneumoscope.data import open_manifest, read_manifest
from pneumoscope.training.batches import epoch_randomness
from pneumoscope.training.films import labelled_films
from pneumoscope.training.fitting import Setup
from pneumoscope.training.optimiser import build_optimiser, set_learning
from pneumoscope.training.probe import features
from pneumoscope.training.recipe import Optimisation, Recipe, Stage, Whole, parse_recipe
from pneumoscope.training.run import train
from pneumoscope.training.run_folder import Run, network_of, preprocessing_of
from pneumoscope.training.teacher import Teacher

from .conftest import FILMS, TINY

pytestmark = pytest.mark.train


@pytest.fixture
def run(cache: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Trains the tiny recipe with changes."""

    def go(*changes: str, setup: Setup | None = None, name: str = "run", **options: bool) -> Run:
        return train(
            parse_recipe(TINY, "tiny", changes),
            open_manifest(FILMS),
            tmp_path / name,
            cache=cache,
            setup=setup,
            **options,
        )

    return go


def rows(run: Run) -> list[dict[str, float]]:
    with run.log.open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def test_a_head_only_stage_leaves_the_backbone_as_it_was(run, finished: Run) -> None:  # type: ignore[no-untyped-def]
    before = load_file(finished.weights)
    only_head = run("optimisation.before=[{epochs=1}]", "optimisation.epochs=0", setup=Setup(weights=finished.folder))
    after = load_file(only_head.weights)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all(name.startswith("head.") for name in moved)


def test_the_last_blocks_learn_before_the_others(tiny: Recipe) -> None:
    network = network_of(tiny, start=False)
    depths = network.depths(coarse=True)
    deepest = sorted(set(depths.values()))
    set_learning(network, Stage(epochs=1, learns=2), freeze_norm=False)
    learning = {name for name, weight in network.named_parameters() if weight.requires_grad}
    expected = {name for name, depth in depths.items() if depth in deepest[-2:]} | {"head.weight", "head.bias"}
    assert learning == expected
    for name, layer in network.backbone.named_modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            assert layer.training == (f"backbone.{name}.weight" in expected)
    set_learning(network, Whole(epochs=1), freeze_norm=False)
    assert all(weight.requires_grad for weight in network.parameters())


def test_frozen_normalisation_keeps_weights_and_statistics(run, finished: Run) -> None:  # type: ignore[no-untyped-def]
    before = load_file(finished.weights)
    after = load_file(run("optimisation.freeze_norm=true", setup=Setup(weights=finished.folder)).weights)
    norms = [name.removesuffix("running_mean") for name in before if name.endswith("running_mean")]
    assert norms
    for name, value in before.items():
        if any(name.startswith(norm) for norm in norms) and not name.endswith("num_batches_tracked"):
            assert torch.equal(value, after[name]), name
    assert not torch.equal(before["backbone.conv1.0.weight"], after["backbone.conv1.0.weight"])


def test_the_further_from_the_head_the_slower(tiny: Recipe) -> None:
    network = network_of(tiny, start=False)
    optimiser = build_optimiser(network, Optimisation(layer_decay=0.5))
    scale = {id(weight): group["scale"] for group in optimiser.param_groups for weight in group["params"]}
    depths = network.depths(coarse=False)
    top = max(depths.values()) + 1
    for name, weight in network.named_parameters():
        assert scale[id(weight)] == 0.5 ** (top - depths.get(name, top))
    assert scale[id(network.head.weight)] == 1


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "nadam", "rmsprop", "sgd"])
def test_every_optimiser_moves_the_weights(tiny: Recipe, optimiser: str) -> None:
    network = network_of(tiny, start=False)
    before = network.head.weight.clone()
    stepper = build_optimiser(network, parse_recipe(TINY, "tiny", [f"optimisation.optimiser={optimiser}"]).optimisation)
    network(torch.rand(2, 1, 48, 48)).sum().backward()
    stepper.step()
    assert not torch.equal(before, network.head.weight)
    names = {"adam": "Adam", "adamw": "AdamW", "nadam": "NAdam", "rmsprop": "RMSprop", "sgd": "SGD"}
    assert type(stepper).__name__ == names[optimiser]


def test_a_plateau_shrinks_the_rate_and_is_remembered(run) -> None:  # type: ignore[no-untyped-def]
    """With a rate of nearly nothing the loss does not fall: after two epochs without, the rate is 0.3 of it."""
    plateau = (
        "optimisation.schedule=plateau",
        "optimisation.warm_up=0",
        "optimisation.plateau=1",
        "optimisation.epochs=5",
    )
    found = rows(run(*plateau, "optimisation.rate=1e-12", "optimisation.ema_decay=0"))
    rates = [row["rate"] / 1e-12 for row in found]
    assert rates[0] == pytest.approx(1)
    assert rates[-1] == pytest.approx(0.3, rel=1e-4) or rates[-1] == pytest.approx(0.09, rel=1e-4)


def test_patience_ends_a_run_and_it_stays_ended(run) -> None:  # type: ignore[no-untyped-def]
    patient = (
        "optimisation.patience=2",
        "optimisation.epochs=9",
        "optimisation.rate=1e-12",
        "optimisation.ema_decay=0",
    )
    done = run(*patient)
    found = rows(done)
    losses = [row["val_loss"] for row in found]
    best = int(np.argmin(losses))
    assert len(found) == best + 3 < 9
    weights = done.weights.read_bytes()
    done.weights.unlink()  # as if killed between the last checkpoint and the weights
    assert run(*patient, resume=True).weights.read_bytes() == weights
    assert rows(done) == found


def test_a_run_that_diverges_ends_with_what_to_change(run) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RunError, match=r"diverged in epoch 1: .* Lower optimisation\.rate"):
        run("optimisation.rate=1e9", "optimisation.optimiser=sgd", "optimisation.momentum=0.0")


def test_the_best_epoch_is_shipped_where_the_recipe_says_so(run) -> None:  # type: ignore[no-untyped-def]
    wild = ("optimisation.epochs=4", "optimisation.rate=0.3", "optimisation.ema_decay=0", "optimisation.optimiser=sgd")
    best, last = run(*wild, "optimisation.keep=best", name="best"), run(*wild, name="last")
    losses = [row["val_loss"] for row in rows(best)]
    assert losses == [row["val_loss"] for row in rows(last)]
    assert best.load_summary().validation["val_loss"] == min(losses)
    assert last.load_summary().validation["val_loss"] == losses[-1]
    assert losses[-1] > min(losses), "this seed shows nothing: choose another"
    assert best.weights.read_bytes() != last.weights.read_bytes()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(("optimisation.loss=focal", "optimisation.clip=0.5", "optimisation.schedule=cosine"), id="focal"),
        pytest.param(
            ("optimisation.mixup=0.4", "augmentation.erasing=0.5", "augmentation.resolution=[0.4,1]"), id="mixup"
        ),
        pytest.param(("data.sampling=balanced", "optimisation.balance=false"), id="balanced"),
        pytest.param(("data.sampling=oversampled", "input.aspect=pad", "input.contrast=clahe"), id="oversampled"),
        pytest.param(("input.edges=true", "input.contrast=equalise", "input.aspect=crop"), id="edges"),
        pytest.param(("data.labels=['pneumonia', 'bacterial', 'viral']",), id="three labels"),
        pytest.param(("data.labels=['bacterial', 'viral', 'normal']", "data.exclusive=true"), id="exclusive"),
        pytest.param(("network.name=test_vit", "network.arguments={dynamic_img_size=true}"), id="transformer"),
        pytest.param(("network.name=cnn", "network.arguments={widths=[8, 16], norm=false, dropout=0.1}"), id="own"),
    ],
)
def test_what_a_recipe_can_ask_for_is_trained_and_repeats_bit_for_bit(run, changes) -> None:  # type: ignore[no-untyped-def]
    one = run(*changes, "optimisation.epochs=1", name="one")
    two = run(*changes, "optimisation.epochs=1", name="two")
    assert one.weights.read_bytes() == two.weights.read_bytes()
    assert np.isfinite(rows(one)[0]["train_loss"])
    labels = len(one.load_record().recipe.data.labels)
    assert one.load_network().head.out_features == labels


def test_a_finding_of_the_users_own_is_learned_by_the_same_words(cache: Path, tmp_path: Path) -> None:
    """A folder for each class, one of which is no pneumonia: in the layout of a set that knows two classes only."""
    for folder, name in (("NORMAL", "NORMAL"), ("PNEUMONIA", "TUBERCULOSIS")):
        shutil.copytree(FILMS / "train" / folder, tmp_path / "films" / "train" / name)
    recipe = parse_recipe(TINY, "tiny", ["data.labels=['tuberculosis']", "optimisation.epochs=1"])
    done = train(recipe, open_manifest(tmp_path / "films"), tmp_path / "run", cache=cache)
    films = read_manifest(done.manifest).films
    assert Counter((film.split, film.findings) for film in films if film.split == "val") == {
        ("val", ()): 4,
        ("val", ("TUBERCULOSIS",)): 4,
    }
    assert done.load_network().head.out_features == 1


def test_the_folder_says_what_was_run_and_what_came_of_it(finished: Run) -> None:
    record, summary = finished.load_record(), finished.load_summary()
    assert record.recipe.digest == record.recipe_digest
    assert {"torch", "timm", "lightning", "numpy", "python"} <= set(record.versions)
    assert summary.parameters == sum(weight.numel() for weight in finished.load_network().parameters())
    assert summary.epochs == 3
    assert summary.validation["val_auc"] == rows(finished)[-1]["val_auc"]
    assert finished.curves.read_bytes().startswith(b"\x89PNG")


def test_what_a_record_says_of_validation_can_be_repeated(finished: Run, tiny: Recipe, cache: Path) -> None:
    """The logged AUC against scikit-learn's, from the shipped weights and the frozen split."""
    films = labelled_films(read_manifest(finished.manifest), "val", tiny.data, preprocessing_of(tiny), cache=cache)
    network = finished.load_network()
    with torch.no_grad():
        logits = network.head(torch.from_numpy(features(network, films, preprocessing_of(tiny), 8)))
    expected = roc_auc_score(films.targets[:, 0], logits[:, 0].numpy())
    assert finished.load_summary().validation["val_auc"] == pytest.approx(expected, abs=1e-6)


def test_a_probe_is_scikit_learns_regression(run, finished: Run, tiny: Recipe, cache: Path) -> None:  # type: ignore[no-untyped-def]
    probed = run("probe.strength=0.1", setup=Setup(weights=finished.folder))
    spec = preprocessing_of(tiny)
    films = labelled_films(read_manifest(probed.manifest), "train", tiny.data, spec, cache=cache)
    network = probed.load_network()
    found = features(network, films, spec, 8)
    scaler = StandardScaler().fit(found)
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=5000, tol=1e-6)
    expected = model.fit(scaler.transform(found), films.targets[:, 0]).decision_function(scaler.transform(found))
    with torch.no_grad():
        logits = network.head(torch.from_numpy(found))[:, 0].numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-3)
    assert probed.load_summary().epochs == 0


def test_smote_fills_up_the_rarer_class(run, finished: Run) -> None:  # type: ignore[no-untyped-def]
    setup = Setup(weights=finished.folder)
    plain, filled = (
        run("probe.strength=0.1", setup=setup),
        run("probe.smote=true", "probe.neighbours=3", setup=setup, name="b"),
    )
    assert plain.weights.read_bytes() != filled.weights.read_bytes()


def test_a_student_learns_from_a_teacher(run) -> None:  # type: ignore[no-untyped-def]
    """With nothing but the packaged model's answers to go by, and not a label."""
    changes = ("distillation.weight=1", "optimisation.epochs=2")
    taught = run(*changes, setup=Setup(teacher="default"))
    alone = run(*changes, name="alone")
    assert taught.load_record().teacher_digest
    assert taught.weights.read_bytes() != alone.weights.read_bytes()


def test_a_teacher_answers_as_the_bundle_does(cache: Path) -> None:
    from pneumoscope.predict import Predictor

    recipe = parse_recipe(TINY, "tiny", ["input.size=224", "input.train_size=224"])
    teacher = Teacher("default", recipe)
    films = labelled_films(open_manifest(FILMS), "test", recipe.data, preprocessing_of(recipe), cache=cache)
    answers = teacher(torch.from_numpy(np.array(films.pixels[:4])) / 255.0)[:, 0].numpy()
    predictor = Predictor.open()
    paths = [FILMS / film.path for film in open_manifest(FILMS).only("test").films[:4]]
    expected = [predictor.read(path).finding.probability for path in paths]
    np.testing.assert_allclose(1 / (1 + np.exp(-answers)), expected, atol=0.02)


@pytest.mark.parametrize(
    ("change", "says"),
    [("data.labels=['pneumonia', 'tumour']", "says nothing of tumour"), ("input.aspect=pad", "aspect 'squash'")],
)
def test_a_teacher_of_something_else_is_refused(change: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        Teacher("default", parse_recipe(TINY, "tiny", [change]))


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning", "ignore::ResourceWarning")
def test_a_run_is_logged_to_mlflow_and_taken_up_again(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.chdir(tmp_path)  # MLflow keeps files of its own beside a database
    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    done = run("optimisation.epochs=2", setup=Setup(mlflow=address))
    done.weights.unlink()
    run("optimisation.epochs=2", setup=Setup(mlflow=address), resume=True)
    client = MlflowClient(address)
    (logged,) = client.search_runs([client.get_experiment_by_name("pneumoscope").experiment_id])
    assert logged.info.run_id == done.mlflow.read_text()
    history = client.get_metric_history(logged.info.run_id, "val_auc")
    assert [point.value for point in history] == [row["val_auc"] for row in rows(done)]
    assert {"run.json", "curves.png", "log.csv"} <= {each.path for each in client.list_artifacts(logged.info.run_id)}


def test_an_mlflow_that_is_not_there_is_said_at_once(run, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RunError, match=r"--mlflow .* expected an MLflow server"):
        run(setup=Setup(mlflow="http://127.0.0.1:9"))


def test_epochs_differ_and_repeat() -> None:
    assert epoch_randomness(3, 1)[0] == epoch_randomness(3, 1)[0]
    assert len({epoch_randomness(seed, epoch)[0] for seed in range(4) for epoch in range(4)}) == 16
