from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import log_loss, recall_score, roc_auc_score

from pneumoscope.core import ScoresError
from pneumoscope.evaluation.comparison import LISTED, compare
from pneumoscope.evaluation.entries import Entry
from pneumoscope.evaluation.measures import Answers
from pneumoscope.stats.delong import delong_test

FILMS = 120


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    for room in ("comparison", "measures"):
        monkeypatch.setattr(import_module(f"pneumoscope.evaluation.{room}"), "RESAMPLES", 40)


def entry(name: str, noise: float, *, films: int = FILMS, digests: bool = True, patients: int | None = None) -> Entry:
    """Answers to films of which the last 60% have the label, the worse the more noise there is."""
    rng = np.random.default_rng(len(name))
    truth = (np.arange(films) >= 0.4 * films).astype(np.int64)
    probabilities = np.clip(0.25 + 0.5 * truth + noise * rng.normal(size=films), 0.01, 0.99).round(4)
    names = tuple(f"{i}.png" for i in range(films))
    return Entry(
        name=name,
        about=f"about {name}",
        films=names,
        digests=tuple(f"digest {i}" for i in range(films)) if digests else ("",) * films,
        answers=Answers(
            truth,
            probabilities,
            (probabilities >= 0.5).astype(np.int64),
            np.arange(films) // (films // (patients or films)),
        ),
    )


def only(one: Entry, rows: np.ndarray) -> Entry:
    a = one.answers
    return replace(
        one,
        films=tuple(np.array(one.films)[rows]),
        digests=tuple(np.array(one.digests)[rows]),
        answers=Answers(a.truth[rows], a.probabilities[rows], a.decisions[rows], np.asarray(a.patients)[rows]),
    )


GOOD, FAIR, POOR = entry("good", 0.15), entry("fair!", 0.3), entry("poor!!!", 0.6)


def test_entrants_are_ranked_by_what_is_asked_for():
    by_auc = compare([FAIR, POOR, GOOD])
    assert [one.name for one in by_auc.entrants] == ["good", "fair!", "poor!!!"]
    assert (by_auc.ranked_by, by_auc.against, by_auc.not_ranked) == ("auc", "fair!", "")
    assert [pair.name for pair in by_auc.pairs] == ["good", "poor!!!"]
    by_loss = compare([FAIR, POOR, GOOD], rank_by="log_loss", against_best=True)
    losses = [one.metrics["log_loss"].value for one in by_loss.entrants]
    assert losses == sorted(losses)
    assert by_loss.against == by_loss.entrants[0].name == "good"


def test_the_figures_are_those_of_sklearn():
    found = compare([GOOD, FAIR])
    for one, given in zip(found.entrants, (GOOD, FAIR), strict=True):
        a = given.answers
        assert one.metrics["auc"].value == pytest.approx(roc_auc_score(a.truth, a.probabilities))
        assert one.metrics["recall"].value == pytest.approx(recall_score(a.truth, a.decisions))
        assert one.metrics["log_loss"].value == pytest.approx(log_loss(a.truth, a.probabilities))
        assert one.metrics["recall"].low < one.metrics["recall"].value <= one.metrics["recall"].high
    assert (found.films, found.positive, found.patients) == (FILMS, 72, FILMS)


def test_a_pair_is_tested_the_entrant_minus_the_other():
    (pair,) = compare([FAIR, GOOD]).pairs
    tests = {one.measure: one for one in pair.differences}
    assert list(tests) == ["auc", "accuracy", "recall", "specificity", "log_loss"]
    good, fair = GOOD.answers, FAIR.answers
    wanted = delong_test(good.truth, good.probabilities, fair.probabilities)
    assert (tests["auc"].difference, tests["auc"].p) == (wanted.difference, wanted.p)
    assert tests["auc"].difference > 0
    wins = int(np.sum((good.decisions == good.truth) & (fair.decisions != fair.truth)))
    losses = int(np.sum((good.decisions != good.truth) & (fair.decisions == fair.truth)))
    assert (pair.wins, pair.losses) == (wins, losses)
    assert tests["accuracy"].p == pytest.approx(binomtest(wins, wins + losses).pvalue)
    assert tests["recall"].difference == pytest.approx(
        recall_score(good.truth, good.decisions) - recall_score(fair.truth, fair.decisions)
    )
    assert tests["log_loss"].difference < 0
    assert all(one.p_holm is None for one in pair.differences)


def test_several_pairs_are_corrected_a_measure_at_a_time():
    found = compare([FAIR, GOOD, POOR])
    for tests in zip(*(pair.differences for pair in found.pairs), strict=True):
        smaller, larger = sorted(tests, key=lambda one: one.p)
        assert smaller.p_holm == pytest.approx(min(1, 2 * smaller.p))
        assert larger.p_holm == pytest.approx(max(larger.p, smaller.p_holm))


def test_disagreements_are_films_that_one_gets_right_the_furthest_apart_first():
    (pair,) = compare([FAIR, GOOD]).pairs
    assert len(pair.won) == pair.wins > 0
    gaps = [abs(film.probability - film.probability_against) for film in pair.won]
    assert gaps == sorted(gaps, reverse=True)
    for film in pair.won:
        i = int(film.film.removesuffix(".png"))
        assert film.film_sha256 == f"digest {i}"
        assert (film.probability >= 0.5) == film.label == GOOD.answers.truth[i]
        assert (film.probability_against >= 0.5) != film.label
        assert film.probability_against == FAIR.answers.probabilities[i]


def test_only_the_first_disagreements_are_kept():
    films = 4 * LISTED
    right = entry("right", 0.0, films=films)
    wrong = replace(right, name="wrong", answers=replace(right.answers, decisions=1 - right.answers.decisions))
    (pair,) = compare([right, wrong]).pairs
    assert (pair.losses, len(pair.lost), pair.won) == (films, LISTED, ())


def test_films_are_matched_by_digest_whatever_their_order_and_name():
    rng = np.random.default_rng(5)
    shuffled = only(GOOD, rng.permutation(FILMS))
    renamed = replace(shuffled, films=tuple(f"elsewhere/{name}" for name in shuffled.films))
    one, other = compare([FAIR, GOOD]), compare([FAIR, renamed])
    assert [pair.differences for pair in one.pairs] == [pair.differences for pair in other.pairs]


def test_films_without_digests_are_matched_by_name():
    nameless = replace(GOOD, digests=("",) * FILMS)
    assert compare([FAIR, nameless]).films == FILMS
    renamed = replace(nameless, films=tuple(f"elsewhere/{name}" for name in GOOD.films))
    assert "0 films are shared" in compare([FAIR, renamed]).not_ranked


def test_a_film_that_is_there_twice_is_matched_twice():
    """The official test folder holds six pairs of the same bytes."""
    twins = ("twin", "twin", *GOOD.digests[2:])
    found = compare([replace(GOOD, digests=twins), replace(FAIR, digests=twins)])
    assert found.films == FILMS


def test_films_that_one_did_not_answer_are_set_aside():
    rows = np.arange(10, FILMS)
    found = compare([GOOD, only(FAIR, rows)])
    assert found.films == FILMS - 10
    assert [(one.films, one.set_aside) for one in found.entrants] == [(FILMS - 10, 10), (FILMS - 10, 0)]
    assert found.entrants[0].metrics == compare([only(GOOD, rows), only(FAIR, rows)]).entrants[0].metrics


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (np.arange(0), None),
        (np.r_[0:30, 100:115], "45 films are shared (good 120, fair! 45)"),
        (np.arange(48, FILMS), "of one class"),
    ],
)
def test_test_sets_that_differ_are_not_ranked(rows, reason):
    other = only(FAIR, rows) if len(rows) else replace(FAIR, digests=tuple(f"other {i}" for i in range(FILMS)))
    found = compare([GOOD, other])
    assert (reason or "0 films are shared") in found.not_ranked
    assert [one.name for one in found.entrants] == ["good", "fair!"]
    assert [one.films for one in found.entrants] == [FILMS, len(rows) or FILMS]
    assert (found.pairs, found.against, found.films) == ((), "", 0)


def test_other_labels_are_refused_and_named():
    truth = GOOD.answers.truth.copy()
    truth[[7, 9]] = 1
    with pytest.raises(ScoresError, match=r"2 of 120 films have another label in other than in good.* is 7\.png"):
        compare([GOOD, replace(GOOD, name="other", answers=replace(GOOD.answers, truth=truth))])


def test_one_entrant_is_no_comparison():
    with pytest.raises(ScoresError, match="two entrants or more, got 1"):
        compare([GOOD])


def test_patients_are_those_of_the_entry_that_knows_them():
    patients = np.arange(FILMS) // 4
    known = replace(FAIR, answers=replace(FAIR.answers, patients=patients))
    found = compare([GOOD, known])
    assert found.patients == FILMS // 4 == found.entrants[0].patients
    both = compare([replace(GOOD, answers=replace(GOOD.answers, patients=patients)), known])
    assert found.pairs == both.pairs


def test_equal_answers_differ_in_nothing():
    (pair,) = compare([GOOD, replace(GOOD, name="again")]).pairs
    assert (pair.wins, pair.losses, pair.won, pair.lost) == (0, 0, (), ())
    assert all((one.difference, one.p) == (0, 1) for one in pair.differences)


def test_films_of_one_patient_show_a_difference_but_no_p():
    same = np.zeros(FILMS, np.int64)
    alone = [replace(one, answers=replace(one.answers, patients=same)) for one in (GOOD, FAIR)]
    (pair,) = compare(alone).pairs
    resampled = {one.measure: one for one in pair.differences if "resampled" in one.method}
    assert set(resampled) == {"recall", "specificity", "log_loss"}
    assert resampled["log_loss"].difference > 0
    assert all(np.isnan([one.low, one.high, one.p]).all() for one in resampled.values())
