"""What the report tells of an answer that is given only where the first is yes: quietly, and by itself."""

from __future__ import annotations

from collections.abc import Iterator

from pneumoscope.core.document import Block, Paragraph, Table
from pneumoscope.report.evaluation import plots
from pneumoscope.report.evaluation.content import Certainty, SecondAnswer
from pneumoscope.report.evaluation.words import figure, share
from pneumoscope.report.measure_names import name_of

_LEFT_OPEN = " Where a reading says 'not sure which', the kind on whose side of the threshold the film lies counts."
_INTERVAL = "value (95% interval)"
_ALONE = ("auc", "accuracy", "recall", "specificity", "precision", "npv", "mcc", "log_loss", "calibration_error")
_WHOLE = ("accuracy", "macro_recall", "macro_f1", "macro_auc", "mcc")


def second_answer(one: SecondAnswer) -> list[Block]:
    """Its figures on films with what it hangs on, and those of both answers together."""
    return [
        Paragraph(
            f"Where the first answer is {one.given}, the program also says whether that is {one.label} rather than "
            f"{one.otherwise}. By itself it is measured on the {one.films:,} films that have {one.given} and of which "
            f"it is stated which, whatever the first answer to them was.{_LEFT_OPEN if one.certainty else ''}"
        ),
        Table(("of the second answer", _INTERVAL), tuple(_alone(one)), numbers=frozenset({1})),
        Paragraph(
            f"Both answers together tell one of {', '.join(one.whole_labels)}, of {one.whole_films:,} films. Means "
            f"over the three (macro) count each alike; for the area under the curve their probabilities are the "
            f"products of both answers'."
        ),
        Table(
            ("of both answers", _INTERVAL),
            tuple((name_of(name), figure(one.whole.get(name))) for name in _WHOLE),
            numbers=frozenset({1}),
        ),
        plots.confusions(one.confusions, "Films by what is stated (rows) and what was answered (columns)."),
    ]


def _alone(one: SecondAnswer) -> Iterator[tuple[str, str]]:
    names = {
        "recall": f"Recall of {one.label}",
        "specificity": f"Recall of {one.otherwise}",
        "precision": f"Of those called {one.label}, {one.label}",
        "npv": f"Of those called {one.otherwise}, {one.otherwise}",
    }
    yield from ((names.get(name, name_of(name)), figure(one.figures.get(name))) for name in _ALONE)
    if one.certainty:
        yield from _sure(one, one.certainty)


def _sure(one: SecondAnswer, known: Certainty) -> Iterator[tuple[str, str]]:
    yield "Told, and not left at 'not sure which'", share(known.sure)
    yield f"Of films that are {one.label}, surely told {one.otherwise}", share(known.missed)
    yield f"Of films that are {one.otherwise}, surely told {one.label}", share(known.alarms)
