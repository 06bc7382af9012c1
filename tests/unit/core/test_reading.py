import numpy as np
import pytest

from pneumoscope.core import Finding, Reading, Timings


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
