from typing import Any

import numpy as np
import pytest

from pneumoscope.core import Correction, Finding, NotAnswered, QualityFlag, Reading, Timings


@pytest.mark.parametrize("probability", [float("nan"), -0.01, 1.01, float("inf")])
def test_what_is_no_probability_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="pneumonia: probability"):
        Finding("pneumonia", probability, "balanced", 0.5, positive=False)


@pytest.mark.parametrize("cell", [float("nan"), -0.01, 1.01])
def test_a_heat_map_holds_probabilities(cell: float) -> None:
    finding = Finding("pneumonia", 0.5, "balanced", 0.5, positive=True)
    with pytest.raises(ValueError, match="heatmap"):
        Reading(
            film="x",
            findings=(finding,),
            flags=(),
            notes=(),
            heatmap=np.array([[0.5, cell]], np.float32),
            film_digest="",
            bundle_digest="",
            milliseconds=Timings(1, 1, 1),
        )


def test_the_total_time_is_the_sum() -> None:
    assert Timings(decode=1.0, prepare=2.0, infer=4.0).total == 7.0


WHY = QualityFlag("wrong-view", "The header says view LL.")
DOUBT = QualityFlag("low-contrast", "The film is faint.")
YES = Finding("pneumonia", 0.9, "balanced", 0.5, positive=True)


def reading(**values: Any) -> Reading:
    given: dict[str, Any] = {
        "film": "x.png",
        "findings": (YES,),
        "flags": (DOUBT,),
        "notes": (),
        "heatmap": None,
        "film_digest": "",
        "bundle_digest": "",
        "milliseconds": Timings(1, 1, 1),
    }
    return Reading(**(given | values))


def test_an_answered_film_an_abstention_and_a_forced_answer_are_told_apart() -> None:
    answered, abstained = reading(), reading(findings=(), abstention=(WHY,))
    forced = reading(abstention=(WHY,))
    assert [one.answered for one in (answered, abstained, forced)] == [True, False, True]
    assert [one.forced for one in (answered, abstained, forced)] == [False, False, True]
    assert [one.doubts for one in (answered, abstained)] == [(DOUBT,), (WHY, DOUBT)]
    assert forced.finding is YES


def test_a_finding_that_is_not_there_is_refused_with_the_reason() -> None:
    with pytest.raises(NotAnswered, match=r"x\.png: not answered\. The header says view LL\."):
        reading(findings=(), abstention=(WHY,)).finding  # noqa: B018


def test_nothing_answered_and_no_reason_why_is_refused() -> None:
    with pytest.raises(ValueError, match="or a reason"):
        reading(findings=())
    with pytest.raises(ValueError, match="no finding that they could be of"):
        reading(findings=(), abstention=(WHY,), heatmap=np.zeros((2, 2), np.float32))


def test_a_correction_is_offered_beside_a_reason_and_done_without() -> None:
    put_right = Correction("inverted", "with black and white exchanged", (YES,))
    offered = reading(findings=(), abstention=(WHY,), correction=put_right)
    assert not offered.corrected
    assert not reading(abstention=(WHY,), correction=put_right).corrected
    assert reading(correction=put_right).corrected
    assert not reading().corrected
