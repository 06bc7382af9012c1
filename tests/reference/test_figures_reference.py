"""The figures of a confusion matrix against scikit-learn's, and claims against a published checker's examples."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.stats import beta, norm
from sklearn import metrics

from pneumoscope.stats.claims import Claim, check_claim
from pneumoscope.stats.figures import FIGURES, Counts

MATRICES = [
    *((386, 4, 203, 31), (1, 0, 0, 1), (3, 2, 1, 7), (17, 300, 5, 2)),
    *((0, 5, 9, 0), (5, 0, 0, 9), (0, 5, 0, 9), (5, 0, 9, 0)),  # a class that is never answered: 0, not an error
]


@pytest.mark.parametrize("matrix", MATRICES)
def test_figures_agree_with_sklearn(matrix):
    truth = np.repeat([1, 1, 0, 0], matrix)
    answers = np.repeat([1, 0, 0, 1], matrix)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a class that is never answered
        report = metrics.classification_report(truth, answers, output_dict=True, zero_division=0)
        mcc = metrics.matthews_corrcoef(truth, answers)
        balanced = metrics.balanced_accuracy_score(truth, answers)
    theirs = {
        "accuracy": report["accuracy"],
        "recall": report["1"]["recall"],
        "specificity": report["0"]["recall"],
        "precision": report["1"]["precision"],
        "npv": report["0"]["precision"],
        "f1": report["1"]["f1-score"],
        "f1_negative": report["0"]["f1-score"],
        "mcc": mcc,
        "balanced_accuracy": balanced,
        **{
            f"{kind}_{ours}": report[f"{kind} avg"][name]
            for kind in ("macro", "weighted")
            for ours, name in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score"))
        },
    }
    counts = Counts(*(np.array([float(cell)]) for cell in matrix))
    ours = {name: figure.value(counts)[0] for name, figure in FIGURES.items()}
    assert ours == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_a_printed_classification_report_is_possible(seed):
    """All that it prints of both classes, read off the text; two digits of each."""
    rng = np.random.default_rng(seed)
    truth = np.repeat([1, 0], [390, 234])
    answers = np.where(rng.random(624) < 0.1, 1 - truth, truth)
    rows = [line.split() for line in metrics.classification_report(truth, answers).splitlines()]
    by_name = {row[0]: [word for word in row if "." in word] for row in rows if row}
    printed = {
        "accuracy": by_name["accuracy"][0],
        **dict(zip(("npv", "specificity", "f1_negative"), by_name["0"], strict=True)),
        **dict(zip(("precision", "recall", "f1"), by_name["1"], strict=True)),
        **dict(zip(("macro_precision", "macro_recall", "macro_f1"), by_name["macro"], strict=True)),
        **dict(zip(("weighted_precision", "weighted_recall", "weighted_f1"), by_name["weighted"], strict=True)),
    }
    found = check_claim(Claim(390, 234, printed, "nearest"))
    tn, fp, fn, tp = metrics.confusion_matrix(truth, answers).ravel()
    real = {"true_positive": tp, "false_negative": fn, "true_negative": tn, "false_positive": fp}
    assert found.possible
    assert all(found.cells[name].low <= cell <= found.cells[name].high for name, cell in real.items())


def test_examples_of_mlscorecheck():
    """Those in the description of FalseNegativeLab/mlscorecheck, of one test set without folds."""
    impossible = check_claim(Claim(100, 200, {"accuracy": "0.9567", "recall": "0.8545", "specificity": "0.9734"}))
    assert not impossible.possible
    consistent = {"accuracy": "0.62", "recall": "0.22", "specificity": "0.86", "f1": "0.30"}
    assert check_claim(Claim(530, 902, consistent)).possible


@pytest.mark.parametrize(("hits", "films"), [(371, 390), (1, 7), (5, 5), (0, 5)])
def test_clopper_pearson_is_its_formula(hits, films):
    """As quantiles of the beta distribution."""
    found = check_claim(Claim(films, 1, {"recall": f"{hits / films:.12f}", "specificity": "0.0"}))
    interval = found.intervals["recall"]["clopper_pearson"]
    low = beta.ppf(0.025, hits, films - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, films - hits) if hits < films else 1.0
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-9)


def test_wilson_is_its_formula():
    """371 of 390, the ends solving |p - 371/390| = z sqrt(p (1 - p) / 390)."""
    found = check_claim(Claim(390, 1, {"recall": "0.951", "specificity": "0.0"}))
    interval = found.intervals["recall"]["wilson"]
    for end in (interval.low, interval.high):
        assert abs(end - 371 / 390) == pytest.approx(norm.ppf(0.975) * np.sqrt(end * (1 - end) / 390), abs=1e-12)
