from __future__ import annotations

import json

import pytest

SPLIT = ("check-claim", "--positives", "390", "--negatives", "234")


def test_possible_figures_end_with_0_and_tell_the_matrices(run):
    result = run(*SPLIT, "--accuracy", "94.4%", "--sensitivity", "0.990", "--specificity", "0.868")
    assert result.exit_code == 0
    assert result.stdout == (
        "390 positive and 234 negative films; accuracy 94.4%, recall 0.990, specificity 0.868 (rounded or cut off)\n"
        "possible: 1 confusion matrix\n"
        "  TP 386, FN 4, TN 203, FP 31\n"
        "  accuracy    0.9439\n"
        "  recall      0.9897\n"
        "  specificity 0.8675\n"
        "  precision   0.9257\n"
        "  NPV         0.9807\n"
        "  F1          0.9566\n"
        "  MCC         0.8815\n"
        "  95% interval of recall: Wilson 0.9739 to 0.9960; Clopper-Pearson 0.9739 to 0.9972\n"
        "  95% interval of specificity: Wilson 0.8181 to 0.9051; Clopper-Pearson 0.8173 to 0.9082\n"
    )


def test_a_few_matrices_are_told_one_by_one(run):
    lines = run(*SPLIT, "--accuracy", "0.929", "--recall", "1.0").stdout.splitlines()
    assert lines[1:3] == ["possible: 20 confusion matrices", "  TP 371 to 390, FN 0 to 19, TN 190 to 209, FP 25 to 44"]
    assert lines[3] == "    TP 371, FN 19, TN 209, FP 25"
    assert lines[22] == "    TP 390, FN 0, TN 190, FP 44"
    assert lines[24] == "  recall      0.9513 to 1.0000"


def test_impossible_figures_end_with_1_and_tell_why(run):
    figures = ("--accuracy", "0.928", "--recall", "0.932", "--specificity", "0.901")
    result = run(*SPLIT, *figures, "--also", "398/242")
    assert result.exit_code == 1
    assert result.stderr == ""
    assert result.stdout.splitlines()[1:] == [
        "impossible: no confusion matrix of these films gives these figures",
        "  recall 0.932 alone cannot be reached; the nearest: 0.9308 and 0.9333",
        "  accuracy 0.928, recall 0.932 (or the nearest) and specificity 0.901 cannot be reached together",
        "  the nearest matrix, TP 365, FN 25, TN 212, FP 22, has accuracy 0.9247, recall 0.9359, specificity 0.9060",
        "  with the classes exchanged (234 positive, 390 negative): impossible too",
        "  with weighted averages over the classes (390 positive, 234 negative): impossible too",
        "  with macro averages over the classes (390 positive, 234 negative): impossible too",
        "  with another test set (398 positive, 242 negative): impossible too",
    ]


def test_a_slip_that_explains_the_figures_is_told(run):
    counts = ("check-claim", "--positives", "30", "--negatives", "10")
    result = run(*counts, "--recall", "0.900", "--specificity", "0.967")
    assert result.exit_code == 1
    assert "  with the classes exchanged (10 positive, 30 negative): possible, 1 confusion matrix" in result.stdout


@pytest.mark.parametrize(("recall", "code"), [("0.990", 0), ("0.932", 1)])
def test_json_holds_all_that_was_found(run, recall, code):
    result = run(*SPLIT, "--recall", recall, "--macro-f1", "0.9", "--rounding", "nearest", "--json")
    assert result.exit_code == code
    found = json.loads(result.stdout)
    assert found["possible"] is (code == 0)
    assert found["stated"] == {"recall": recall, "macro_f1": "0.9"}
    assert found["rounding"] == "nearest"
    assert (found["cells"] == {}) is bool(code)
    assert (found["nearest"] is None) is not bool(code)


def test_every_figure_has_its_option(run):
    from pneumoscope.stats.figures import FIGURES

    options = run("check-claim", "--help").stdout
    for name in FIGURES:
        assert f"--{name.replace('_', '-')}" in options


def test_misuse_ends_with_2(run):
    for arguments, message in [
        ((*SPLIT,), "at least one of the figures"),
        (("check-claim", "--positives", "5", "--recall", "0.5"), "Missing option '--negatives'"),
        (("check-claim", "--positives", "0", "--negatives", "5", "--recall", "0.5"), "positives: expected 1 to"),
        ((*SPLIT, "--recall", "93"), "recall: expected 0 to 1, got '93'; a percentage needs its sign"),
        ((*SPLIT, "--recall", "high"), "recall: expected a number as it was printed"),
        ((*SPLIT, "--recall", "0.932", "--also", "398"), "positive and negative films, such as 398/242"),
        ((*SPLIT, "--recall", "0.932", "--also", "0/242"), "positives: expected 1 to"),
        ((*SPLIT, "--recall", "0.5", "--rounding", "up"), "'up' is not one of"),
    ]:
        result = run(*arguments)
        assert result.exit_code == 2, message
        assert message in " ".join(result.stderr.split())
        assert result.stdout == ""
