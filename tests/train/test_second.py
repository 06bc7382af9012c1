"""A second answer, bacterial or viral, that is asked only of films with pneumonia: from its films to its bundle."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from numpy.typing import NDArray
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score

from pneumoscope.bundle import ModelBundle, load_bundle
from pneumoscope.bundle.card import model_card
from pneumoscope.core import ManifestError, RecipeError
from pneumoscope.data import open_manifest, read_manifest
from pneumoscope.engines import OnnxRuntimeEngine
from pneumoscope.evaluation import evaluate
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.predict import Predictor
from pneumoscope.training.ensemble import ensemble
from pneumoscope.training.export import export, graphs
from pneumoscope.training.export.measure import measured
from pneumoscope.training.export.task import Answers, Shown
from pneumoscope.training.films import labelled_films
from pneumoscope.training.fitting import Setup
from pneumoscope.training.learner import _asked, reached
from pneumoscope.training.losses import distillation_loss, film_loss, mixup
from pneumoscope.training.recipe import Data, Distillation, Optimisation, Recipe, parse_recipe
from pneumoscope.training.run import Run, train
from pneumoscope.training.run_folder import preprocessing_of
from pneumoscope.training.sampling import epoch_order
from pneumoscope.training.teacher import Teacher
from tests.helpers import row, write_second

from .conftest import FILMS, TINY
from .fitted import fitted_run

pytestmark = pytest.mark.train
replace = msgspec.structs.replace

LABELS = ("pneumonia", "bacterial")
DATA = Data(labels=LABELS, given={"bacterial": "pneumonia"})
ASKED = ("data.labels=['pneumonia', 'bacterial']", "data.given.bacterial=pneumonia")
ADDED = (*ASKED, "optimisation.before=[{epochs=2, learns='further', rate=3.0}]", "optimisation.epochs=0")
NAN = float("nan")


# A head beside a finished one


class _Stopped(Exception):
    pass


class _Stop(Callback):
    """Breaks off in the second epoch."""

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.current_epoch == 1:
            raise _Stopped


def added(
    earlier: Run, folder: Path, cache: Path, *changes: str, callbacks: tuple[Callback, ...] = (), **options: bool
) -> Run:
    recipe = parse_recipe(TINY, "tiny", (*ADDED, *changes))
    setup = Setup(weights=earlier.folder, callbacks=callbacks)
    return train(recipe, read_manifest(earlier.manifest), folder, cache=cache, setup=setup, **options)


@pytest.fixture(scope="module")
def second(finished: Run, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return added(finished, tmp_path_factory.mktemp("runs") / "second", cache)


def log(run: Run) -> list[dict[str, float]]:
    with run.log.open() as file:
        return [{key: float(value) for key, value in line.items()} for line in csv.DictReader(file)]


def test_all_but_the_new_row_keeps_its_bits(finished: Run, second: Run) -> None:
    before, after = load_file(finished.weights), load_file(second.weights)
    assert after["head.weight"].shape == (2, before["head.weight"].shape[1])
    for name, value in before.items():
        kept = after[name][:1] if name.startswith("head.") else after[name]
        assert torch.equal(kept, value), name


def test_the_new_row_learns(second: Run, tiny: Recipe) -> None:
    """Its loss falls, and the log tells its own AUC apart from the first answer's."""
    rows = log(second)
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert {"val_auc", "val_auc_bacterial"} <= set(rows[0])


def test_the_first_answer_reaches_what_it_reached(finished: Run, second: Run) -> None:
    names = ("val_auc", "val_recall", "val_specificity")
    for line in log(second):
        assert {name: line[name] for name in names} == {name: log(finished)[-1][name] for name in names}


def test_a_run_that_was_stopped_keeps_it_too(finished: Run, second: Run, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(_Stopped):
        added(finished, tmp_path / "again", cache, callbacks=(_Stop(),))
    assert not (tmp_path / "again" / "model.safetensors").exists()
    again = added(finished, tmp_path / "again", cache, resume=True)
    assert again.weights.read_bytes() == second.weights.read_bytes()


def test_films_that_the_kept_answer_has_learned_from_are_not_set_aside(
    finished: Run, cache: Path, tmp_path: Path
) -> None:
    recipe = parse_recipe(TINY, "tiny", (*ADDED, "seed=5"))
    with pytest.raises(
        ManifestError, match=r"has learned from .* that would be set aside here.*--data .*manifest\.csv"
    ):
        train(recipe, open_manifest(FILMS), tmp_path / "x", cache=cache, setup=Setup(weights=finished.folder))
    assert not (tmp_path / "x").exists()


def test_the_whole_network_may_learn_on_from_there(finished: Run, cache: Path, tmp_path: Path) -> None:
    both = added(finished, tmp_path / "both", cache, "optimisation.epochs=1")
    assert not torch.equal(load_file(both.weights)["head.weight"][:1], load_file(finished.weights)["head.weight"])


# What it is told


def test_a_film_without_the_first_label_tells_it_nothing(cache: Path, tiny: Recipe) -> None:
    films = labelled_films(open_manifest(FILMS), "train", DATA, preprocessing_of(tiny), cache=cache)
    first, asked = films.targets.T
    assert len(films) == 32
    assert np.isnan(asked[first == 0]).all()
    assert sorted(asked[first == 1].tolist()) == [0.0] * 4 + [1.0] * 12


def test_its_loss_hangs_on_films_with_the_first_label_alone() -> None:
    targets = torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, NAN], [0.0, NAN]])
    logits = torch.zeros(4, 2, requires_grad=True)
    film_loss(logits, targets, Optimisation(), torch.ones(2, 2), exclusive=False).backward()
    assert logits.grad is not None
    assert (logits.grad[2:, 1] == 0).all()
    assert (logits.grad[:2, 1] != 0).all()
    assert (logits.grad[:, 0] != 0).all()


def test_a_film_blended_with_a_normal_one_tells_it_nothing() -> None:
    targets = torch.tensor([[1.0, 1.0], [0.0, NAN]]).repeat(8, 1)
    _, blended = mixup(torch.rand(16, 1, 2, 2), targets, 0.4, torch.Generator().manual_seed(0))
    assert torch.equal(blended[:, 1].isnan(), blended[:, 0] < 1)
    assert 0 < blended[:, 1].isnan().sum() < 16


def test_kinds_and_normal_films_are_shown_alike_where_sampling_is_balanced() -> None:
    targets = np.float32([[0, NAN]] * 30 + [[1, 1]] * 50 + [[1, 0]] * 10)
    order = epoch_order(targets, "balanced", np.random.default_rng(0))
    assert np.histogram(order, bins=[0, 30, 80, 90])[0].tolist() == [30, 30, 30]


def test_what_is_reached_is_told_by_itself() -> None:
    rng = np.random.default_rng(0)
    targets = np.where(rng.random((200, 2)) < 0.5, 1.0, 0.0).astype(np.float32)
    targets[targets[:, 0] == 0, 1] = NAN
    logits = (np.nan_to_num(targets) + rng.normal(size=targets.shape)).astype(np.float32)
    found = reached(torch.from_numpy(logits), torch.from_numpy(targets), DATA)
    asked = targets[:, 0] == 1
    assert found["val_auc"] == pytest.approx(roc_auc_score(targets[:, 0], logits[:, 0]))
    assert found["val_auc_bacterial"] == pytest.approx(roc_auc_score(targets[asked, 1], logits[asked, 1]))
    one = reached(torch.from_numpy(logits[:, :1]), torch.from_numpy(targets[:, :1]), Data())
    assert one == {name: value for name, value in found.items() if name != "val_auc_bacterial"}


# A teacher


def test_a_teacher_that_does_not_know_it_says_nothing_of_it(tiny: Recipe) -> None:
    teacher = Teacher("default", replace(tiny, data=DATA))
    answers = teacher(torch.rand(3, 1, 48, 48, generator=torch.Generator().manual_seed(0)))
    assert answers.shape == (3, 2)
    assert answers[:, 1].isnan().all()
    assert answers[:, 0].isfinite().all()


def test_what_a_teacher_does_not_say_counts_for_nothing() -> None:
    logits = torch.randn(6, 2, generator=torch.Generator().manual_seed(1)).requires_grad_()
    teacher = torch.randn(6, 2, generator=torch.Generator().manual_seed(2))
    silent = torch.stack([teacher[:, 0], torch.full((6,), NAN)], dim=1)
    taught = distillation_loss(logits, silent, Distillation(), exclusive=False)
    alone = distillation_loss(logits[:, :1], teacher[:, :1], Distillation(), exclusive=False)
    torch.testing.assert_close(taught, alone)
    assert (torch.autograd.grad(taught, logits)[0][:, 1] == 0).all()
    nothing = distillation_loss(logits, torch.full((6, 2), NAN), Distillation(), exclusive=False)
    assert nothing.item() == 0


def test_a_teacher_is_heard_on_it_for_films_with_the_first_label_alone() -> None:
    targets = torch.tensor([[1.0, 1.0], [1.0, NAN], [0.0, NAN], [0.7, NAN]])
    heard = _asked(torch.ones(4, 2), targets, DATA)
    assert heard[:, 1].isnan().tolist() == [False, False, True, True]
    assert (heard[:, 0] == 1).all()
    answers = torch.ones(4, 1)
    assert _asked(answers, targets[:, :1], Data()) is answers


def test_a_run_with_such_a_teacher_ends(cache: Path, tmp_path: Path) -> None:
    recipe = parse_recipe(TINY, "tiny", (*ASKED, "optimisation.epochs=1"))
    run = train(recipe, open_manifest(FILMS), tmp_path / "run", cache=cache, setup=Setup(teacher="default"))
    assert all(value.isfinite().all() for value in load_file(run.weights).values())


def test_a_teacher_that_asks_it_of_other_films_is_refused(tiny: Recipe, tmp_path: Path) -> None:
    bundle = write_second(tmp_path / "teacher")
    Teacher(bundle, replace(tiny, data=DATA))
    with pytest.raises(RecipeError, match=r"asks bacterial of other films; write the same in the recipe's data\.given"):
        Teacher(bundle, replace(tiny, data=Data(labels=LABELS)))


# Its bundle


@pytest.fixture(scope="module")
def quick(tiny: Recipe, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Runs with one answer and with two, of which nobody asks what they know."""
    films = open_manifest(FILMS)
    return {
        name: fitted_run(replace(tiny, data=data), films, tmp_path_factory.mktemp(name), cache)
        for name, data in (("one", tiny.data), ("two", replace(DATA, folds=tiny.data.folds)))
    }


@pytest.fixture(scope="module")
def made(quick: dict[str, Run], cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelBundle]:
    """In fp32, which can be compared to the last digits."""
    folder = tmp_path_factory.mktemp("bundles")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphs, "LEAST_AGREEMENT", 1.1)
        for name, run in quick.items():
            export(run, folder / name, name=name, version="1", cache=cache)
    return {name: load_bundle(folder / name) for name in quick}


def test_the_bundle_says_of_which_films_it_is_asked(made: dict[str, ModelBundle]) -> None:
    spec = made["two"].spec
    first, asked = spec.labels
    assert (asked.name, asked.given, asked.otherwise) == ("bacterial", "pneumonia", "viral")
    assert (first.given, first.otherwise, first.point) == (None, "", None)
    assert asked.point is not None
    assert asked.point.data.endswith("validation films of kermany with pneumonia, no patient of which was learned from")
    assert asked.point.threshold == asked.calibration.prevalence == 0.5
    assert set(spec.metrics) == {"auc", "auc_bacterial"}
    assert {"auc_difference", "auc_difference_bacterial", "same_decision_bacterial"} <= set(spec.graph.parity)
    (antibiotic,) = [item for item in spec.exclusions if "antibiotic" in item]
    assert antibiotic.startswith("No reason to give, choose or withhold an antibiotic")
    assert any("no culture or other laboratory finding is named" in item for item in spec.exclusions)
    assert "whether the film looks more like those labelled bacterial or those labelled viral" in spec.intended_use
    assert "it says whether that is bacterial rather than viral" in model_card(spec)


def test_the_first_answer_is_described_as_without_a_second(made: dict[str, ModelBundle]) -> None:
    one, two = (made[name].spec for name in ("one", "two"))
    assert two.operating_points == one.operating_points
    assert two.labels[0] == one.labels[0]
    assert two.metrics["auc"] == one.metrics["auc"]
    assert not [item for item in one.exclusions if "antibiotic" in item or "laboratory" in item]
    films = np.random.default_rng(0).normal(size=(4, 1, 64, 64)).astype(np.float32)
    alone, among = (OnnxRuntimeEngine(made[name].graph).run(films) for name in ("one", "two"))
    np.testing.assert_allclose(among.logits[:, 0], alone.logits[:, 0], atol=1e-5)


def test_its_figures_are_those_of_an_evaluation(made: dict[str, ModelBundle], quick: dict[str, Run]) -> None:
    spec = made["two"].spec
    predictor = Predictor(made["two"], OnnxRuntimeEngine(made["two"].graph))
    summary = evaluate(predictor, read_manifest(quick["two"].manifest), "val").summary
    assert summary.second is not None
    (found,), point = summary.second, spec.labels[1].point
    assert point is not None
    assert found.metrics["auc"].value == pytest.approx(spec.metrics["auc_bacterial"].value)
    assert found.metrics["recall"].value == pytest.approx(point.sensitivity.value)
    assert found.metrics["specificity"].value == pytest.approx(point.specificity.value)


@pytest.fixture(scope="module")
def mixed(quick: dict[str, Run], cache: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """Of a network with one answer and one with two, in fp32."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphs, "LEAST_AGREEMENT", 1.1)
        place = tmp_path_factory.mktemp("mixed") / "x"
        return ensemble([quick["one"], quick["two"]], place, name="x", version="1", cache=cache)


def test_a_label_of_an_ensemble_is_the_mean_of_the_networks_that_tell_it(
    mixed: ModelBundle, made: dict[str, ModelBundle], quick: dict[str, Run], cache: Path
) -> None:
    recipe, spec = quick["one"].load_record().recipe, mixed.spec.preprocessing
    films = labelled_films(read_manifest(quick["one"].manifest), "val", recipe.data, spec, cache=cache)
    inputs = (films.pixels[:6].astype(np.float32) / np.float32(255) - spec.mean) / spec.std
    members = [member.calibrations for member in mixed.spec.members]
    one, two = (OnnxRuntimeEngine(made[name].graph).run(inputs) for name in ("one", "two"))
    first = [own[0].log_odds(each.logits[:, 0]) for own, each in zip(members, (one, two), strict=True)]
    found = OnnxRuntimeEngine(mixed.graph).run(inputs)
    np.testing.assert_allclose(found.logits[:, 0], np.mean(first, axis=0), atol=1e-4)
    np.testing.assert_allclose(found.logits[:, 1], members[1][1].log_odds(two.logits[:, 1]), atol=1e-4)
    np.testing.assert_allclose(found.cam.mean(axis=(2, 3)), found.logits, atol=1e-4)
    assert found.features.shape[1] == one.features.shape[1] + two.features.shape[1]


def test_an_ensemble_says_which_network_tells_what(mixed: ModelBundle) -> None:
    assert [member.labels for member in mixed.spec.members] == [("pneumonia",), LABELS]
    assert [len(member.calibrations) for member in mixed.spec.members] == [1, 2]
    assert [label.given for label in mixed.spec.labels] == [None, "pneumonia"]
    card = model_card(mixed.spec)
    assert "at 64 x 64, tells pneumonia." in card
    assert "tells pneumonia, bacterial" not in card


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"given": {}}, "some ask bacterial of every film"),
        ({"labels": ("pneumonia", "viral"), "given": {"viral": "pneumonia"}}, "a reading could contradict itself"),
        ({"labels": ("bacterial",), "given": {}}, "the same first label"),
    ],
)
def test_members_that_ask_in_different_ways_are_refused(
    quick: dict[str, Run], cache: Path, tmp_path: Path, data: dict[str, Any], says: str
) -> None:
    recipe = quick["two"].load_record().recipe
    films = read_manifest(quick["two"].manifest)
    other = fitted_run(replace(recipe, data=replace(recipe.data, **data)), films, tmp_path / "o", cache)
    with pytest.raises(RecipeError, match=says):
        ensemble([quick["two"], other], tmp_path / "x", name="x", version="1", cache=cache)


@pytest.fixture
def shown() -> Shown:
    """400 made-up films, half of them with the first label, of which 60% have the second."""
    rng = np.random.default_rng(2)
    targets = np.stack([np.arange(400) % 2, rng.random(400) < 0.6], axis=1).astype(np.float32)
    targets[targets[:, 0] == 0, 1] = NAN
    films = tuple(row(f"{i}.png", patient=str(i // 2), split="val") for i in range(400))
    return Shown(films, np.zeros((400, 1, 32, 32), np.uint8), targets, Preprocessing(size=(32, 32)))


def answers(shown: Shown, strength: float = 1.5) -> Answers:
    rng = np.random.default_rng(3)
    logits = (strength * np.nan_to_num(shown.targets) + rng.normal(size=shown.targets.shape)).astype(np.float32)
    return Answers(logits, np.repeat(logits[:, :, None, None], 4, axis=2))


def test_threshold_calibration_and_certainty_are_of_films_with_the_first_label(shown: Shown) -> None:
    said = answers(shown)
    labels: Any = measured(LABELS, said, shown, DATA.given)["labels"]
    asked, known = labels[1], shown.targets[:, 0] == 1
    truth = shown.targets[known, 1] == 1
    p = asked.calibration.probability(said.logits[known, 1])
    assert asked.certainty.positive.films == asked.point.positive.films == truth.sum()
    assert asked.certainty.negative.films == (~truth).sum()
    assert asked.point.sensitivity.value == pytest.approx((p >= 0.5)[truth].mean())
    assert asked.point.specificity.value == pytest.approx((p < 0.5)[~truth].mean())
    assert asked.point.sensitivity.low < asked.point.sensitivity.value < asked.point.sensitivity.high
    assert labels[0].point is None


def strayed(shown: Shown, which: int, spread: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    fp32 = answers(shown, 3.0).logits
    int8 = fp32.copy()
    int8[:, which] += np.random.default_rng(4).normal(scale=spread, size=len(int8)).astype(np.float32)
    return fp32, int8


def test_a_second_answer_may_waver_more_in_int8_than_the_first(shown: Shown) -> None:
    """The same noise keeps the graph in fp32 where it is in the first answer; in the second it takes more."""
    for which, spread, passes in ((1, 0.0, True), (1, 0.3, True), (0, 0.3, False), (1, 1.0, False)):
        parity, shipped = graphs._compared(DATA, shown.targets, *strayed(shown, which, spread))
        assert shipped is passes, (which, spread, parity)


def test_without_a_second_answer_parity_is_what_it_was(shown: Shown) -> None:
    fp32, int8 = strayed(shown, 0, 0.1)
    parity, _ = graphs._compared(Data(), shown.targets[:, :1], fp32[:, :1], int8[:, :1])
    assert parity == graphs._parity(("pneumonia",), shown.targets, fp32, int8)
