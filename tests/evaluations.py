"""A made-up evaluation report with every part filled; no figure in it was measured."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pneumoscope.report.evaluation import (
    AtPrevalence,
    CaseFilm,
    Certainty,
    Confusion,
    Curve,
    Decision,
    Deletion,
    EvaluationReport,
    GroupDifference,
    Heat,
    HeatShare,
    Mark,
    MarkTest,
    Measured,
    Perturbed,
    PointFigures,
    Reliability,
    SecondAnswer,
    Subgroup,
    SubtypeRecall,
)
from pneumoscope.stats.intervals import Estimate
from tests.phantoms import phantom

NAN = math.nan


def about(value: float, reach: float = 0.02) -> Estimate:
    """An estimate with an interval of about so far to both sides, within [0, 1]."""
    return Estimate(value, max(value - reach, 0.0), min(value + 0.8 * reach, 1.0))


def measured(**changes: Any) -> Measured:
    values: dict[str, Any] = {
        "bundle": "pneumoscope-children",
        "version": "1.0",
        "digest": "e7" * 32,
        "precision": "int8",
        "operating_point": "balanced",
        "threshold": 0.5,
        "label": "pneumonia",
        "films": 624,
        "positives": 390,
        "patients": 428,
        "unreadable": 2,
        "split": "test",
        "sources": ("kermany",),
        "learned_from": ("kermany",),
        "manifest_digest": "9c" * 32,
        "date": "2026-11-20",
        "program": "pneumoscope 0.1.0",
        "intervals": "95%; patients resampled 2000 times (percentile, seed 0)",
        "holds_at": 0.5,
    }
    return Measured(**(values | changes))


def _points() -> tuple[PointFigures, ...]:
    names = ("accuracy", "balanced_accuracy", "recall", "specificity", "precision", "npv", "f1", "mcc")
    made = {
        "screening": (
            *(0.0352, "finds 99% of the validation films' pneumonias", 1, 51),
            (0.92, 0.89, 0.997, 0.78, 0.89, 0.99),
        ),
        "balanced": (
            *(0.5, "the most sensitivity + specificity on validation", 4, 30),
            (0.944, 0.929, 0.99, 0.871, 0.926, 0.98),
        ),
        "rule-in": (
            *(0.91, "specificity of 95% on the validation films", 26, 11),
            (0.94, 0.946, 0.933, 0.951, 0.97, 0.9),
        ),
    }
    return tuple(
        PointFigures(
            name=name,
            threshold=threshold,
            rule=rule,
            missed=missed,
            alarms=alarms,
            chosen="sensitivity 0.965 (0.945-0.978) and specificity 0.982 (0.949-0.994) on 652 validation films",
            figures={key: about(value) for key, value in zip(names, (*values, 0.95, 0.88), strict=True)},
        )
        for name, (threshold, rule, missed, alarms, values) in made.items()
    )


def _curves() -> tuple[Curve, Curve]:
    x = np.linspace(0, 1, 60)
    up, down = 1 - (1 - x) ** 12, 1 - 0.375 * x**12
    marks = (Mark("balanced", about(0.129), about(0.99)), Mark("screening", about(0.22), about(0.997)))
    others = (Mark("balanced", about(0.99), about(0.926)), Mark("screening", about(0.997), about(0.89)))
    band = 0.03 * np.sin(np.pi * x)
    roc = Curve(x, up, np.clip(up - band, 0, 1), np.clip(up + band, 0, 1), marks)
    return roc, Curve(x, down, marks=others)


def _reliability() -> tuple[Reliability, ...]:
    given = np.array([0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
    films = (120, 44, 28, 19, 30, 61, 322)
    return tuple(
        Reliability(
            name, given, tuple(about(max(p - off * (1 - p), 0), 0.08) for p in given), films, about(error, 0.01)
        )
        for name, off, error in (("as shipped", 0.25, 0.041), ("recalibrated", 0.03, 0.012))
    )


def _decision() -> Decision:
    x = np.linspace(0.01, 0.99, 50)
    everyone = 0.625 - 0.375 * x / (1 - x)
    model = 0.62 - 0.05 * x / (1 - x)
    return Decision(Curve(x, model, model - 0.02, model + 0.02), everyone, 0.625)


def _groups() -> tuple[Subgroup, ...]:
    made = [
        ("sex", "F", 280, 170, 0.985, 0.982, 0.88),
        ("sex", "M", 310, 200, 0.99, 0.995, 0.86),
        ("age", "1 to 2 years", 240, 150, 0.981, 0.973, 0.85),
        ("age", "3 to 5 years", 350, 230, 0.991, 0.996, 0.89),
        ("view", "AP", 34, 10, 0.95, 0.9, 0.83),
    ]
    groups = [
        Subgroup(by, group, films, positives, about(a), about(r, 2 / positives), about(s, 0.05), few=films < 50)
        for by, group, films, positives, a, r, s in made
    ]
    return (*groups, Subgroup("view", "lateral", 4, 4, None, about(0.75, 0.4), Estimate(NAN, NAN, NAN), few=True))


def _robustness() -> tuple[Perturbed, ...]:
    levels = {
        "noise": ("0", "0.02", "0.05", "0.1"),
        "blur": ("0", "1 px", "2 px", "4 px"),
        "gamma": ("1", "0.8", "0.6"),
        "rotation": ("0°", "5°", "10°", "15°"),
    }
    units = {"noise": "share of the grey range"}
    return tuple(
        Perturbed(
            kind,
            level,
            about(0.988 - 0.01 * i),
            about(0.99 - 0.005 * i**2),
            about(0.87 - 0.06 * i, 0.04),
            about(0.03 * i) if i else Estimate(0.0, NAN, NAN),
            units.get(kind, ""),
        )
        for kind, steps in levels.items()
        for i, level in enumerate(steps)
    )


def _heat() -> Heat:
    shares = tuple(
        HeatShare(kind, films, about(centre), about(border), about(0.3 - 0.3 * centre))
        for kind, films, centre, border in (
            ("true positive", 386, 0.71, 0.17),
            ("false positive", 30, 0.5, 0.31),
            ("false negative", 4, 0.44, 0.4),
        )
    )
    blanked = (Perturbed("the middle 70% each way", "", about(0.71, 0.05), about(0.4), about(0.9), about(0.3)),)
    marks = (MarkTest("all films", 512, about(0.31), about(0.12), Estimate(0.19, -0.02, 0.4)),)
    lowered = Estimate(-0.7, -0.72, -0.68), Estimate(-0.3, -0.32, -0.28), Estimate(0.4, 0.38, 0.42)
    deletions = (Deletion("the film itself", 386, *lowered, about(0.81)),)
    return Heat(shares, (0.49, 0.36, 0.09), blanked, marks, deletions)


def case(number: int, **changes: Any) -> CaseFilm:
    heat = np.zeros((7, 7), np.float32)
    heat[number % 7, 5] = 0.9
    values: dict[str, Any] = {
        "name": f"kermany224/test/PNEUMONIA/a-folder-of-some-length/person{number}_virus_{number}.jpeg",
        "digest": f"{number:02x}" * 32,
        "probability": 0.02 * number,
        "stated": "pneumonia, viral",
        "flags": ("The film is small.",) if number % 2 else (),
        "pixels": phantom(number, side=180)[: 130 + 10 * number % 50],
        "heatmap": heat,
    }
    return CaseFilm(**(values | changes))


def second_answer(**changes: Any) -> SecondAnswer:
    scored = {"auc": 0.936, "accuracy": 0.87, "recall": 0.91, "specificity": 0.8, "precision": 0.88, "npv": 0.84}
    values: dict[str, Any] = {
        "label": "bacterial",
        "otherwise": "viral",
        "given": "pneumonia",
        "films": 390,
        "figures": {name: about(value) for name, value in scored.items()},
        "whole_films": 624,
        "whole": {
            name: about(value) for name, value in (("accuracy", 0.86), ("macro_recall", 0.85), ("macro_auc", 0.95))
        },
        "confusions": (
            Confusion("bacterial or viral", ("viral", "bacterial"), ((118, 30), (22, 220))),
            Confusion(
                "both answers", ("no pneumonia", "bacterial", "viral"), ((204, 10, 20), (2, 219, 21), (4, 30, 114))
            ),
        ),
        "certainty": Certainty(0.05, about(0.61), about(0.04), about(0.05)),
    }
    return SecondAnswer(**(values | changes))


def full_report(**changes: Any) -> EvaluationReport:
    """Every part; ``changes`` replace some."""
    roc, precision_recall = _curves()
    scored = {"auc": 0.988, "average_precision": 0.992, "log_loss": 0.167, "brier": 0.045, "calibration_error": 0.041}
    values: dict[str, Any] = {
        "measured": measured(),
        "figures": {name: about(value, 0.01) for name, value in scored.items()},
        "points": _points(),
        "roc": roc,
        "precision_recall": precision_recall,
        "reliability": _reliability(),
        "decision": _decision(),
        "certainty": Certainty(0.05, about(0.913), about(0.0128, 0.01), about(0.043)),
        "confusions": (
            Confusion("pneumonia or not", ("no pneumonia", "pneumonia"), ((204, 30), (4, 386))),
            Confusion("which kind", ("normal", "bacterial", "viral"), ((210, 10, 14), (2, 220, 20), (6, 30, 112))),
        ),
        "subtypes": (
            SubtypeRecall("bacterial", 242, 241, about(0.9959, 0.01)),
            SubtypeRecall("viral", 148, 145, about(0.9797, 0.03)),
        ),
        "second": (second_answer(),),
        "prevalences": tuple(
            AtPrevalence(p, about(0.871 * p / (0.871 * p + 0.129 * (1 - p)), 0.06), about(1 - 0.02 * p, 0.01))
            for p in (0.01, 0.05, 0.1, 0.2, 0.5)
        ),
        "subgroups": _groups(),
        "differences": (GroupDifference("sex", "recall", 370, 0.21, 0.84),),
        "robustness": _robustness(),
        "heat": _heat(),
        "missed": tuple(case(i) for i in range(1, 5)),
        "alarms": (
            *(case(i, probability=1 - 0.01 * i, stated="no pneumonia") for i in range(10, 15)),
            case(15, pixels=None, heatmap=None, name="胸部/Грудь é.png"),
        ),
        "exclusions": ("Not a medical device and not a diagnosis.", "Not for adults or lateral views."),
        "command": "pneumoscope evaluate --bundle default --data kermany224 --split test --out results",
        "intended_use": "A second look at frontal films of children.",
        "shaken": (200, 624),
        "further_intervals": "95%; Wilson's score interval by patients",
    }
    return EvaluationReport(**(values | changes))
