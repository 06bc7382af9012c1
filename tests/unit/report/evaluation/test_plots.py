"""What is drawn: the marks, lines and texts on the figures, before they become a picture."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from pneumoscope.report.evaluation import Confusion, Curve, Decision, Mark, Perturbed, Reliability, Subgroup, plots
from pneumoscope.stats.intervals import Estimate
from tests.evaluations import NAN, about, full_report


def drawn(picture):
    """The panels of a picture."""
    draw, _, _ = picture.svg.args
    figure = Figure()
    draw(figure)
    return figure.axes


def bars(axes):
    """Each error bar's points, and the ends of its intervals along x and y."""
    return [
        (container.lines[0].get_xydata().tolist(), [part.get_segments() for part in container.lines[2]])
        for container in axes.containers
    ]


def test_operating_points_lie_on_the_curves_with_their_intervals():
    mark = Mark("balanced", Estimate(0.1, 0.05, 0.2), Estimate(0.9, 0.8, 0.95))
    roc = Curve(np.array([0.0, 0.1, 1.0]), np.array([0.0, 0.9, 1.0]), marks=(mark,))
    left, right = drawn(plots.curves(roc, None, 0.6, ""))
    ((points, (across, up)),) = bars(left)
    assert points == [[0.1, 0.9]]
    np.testing.assert_allclose(across, [[[0.05, 0.9], [0.2, 0.9]]])
    np.testing.assert_allclose(up, [[[0.1, 0.8], [0.1, 0.95]]])
    assert [text.get_text() for text in right.texts] == ["not measured"]


def test_a_point_without_an_interval_is_a_point():
    mark = Mark("balanced", Estimate(0.1, NAN, NAN), Estimate(0.9, NAN, NAN))
    roc = Curve(np.array([0.0, 1.0]), np.array([0.0, 1.0]), marks=(mark,))
    ((points, segments),) = bars(drawn(plots.curves(roc, None, 0.6, ""))[0])
    assert points == [[0.1, 0.9]]
    np.testing.assert_allclose(segments[0], [[[0.1, 0.9], [0.1, 0.9]]])


def test_a_band_is_drawn_where_there_is_one():
    with_band, without = drawn(plots.curves(full_report().roc, full_report().precision_recall, 0.6, ""))
    assert len(with_band.collections) == len(without.collections) + 1


def test_a_curve_with_half_a_band_is_refused():
    x = np.zeros(3)
    with pytest.raises(ValueError, match="both ends of the band or none"):
        Curve(x, x, low=x)
    with pytest.raises(ValueError, match="points of one number"):
        Curve(x, np.zeros(2))


def test_reliability_has_a_panel_and_a_count_of_films_for_each():
    upper_left, upper_right, lower_left, lower_right = drawn(plots.reliability(full_report().reliability, ""))
    assert upper_left.get_title() == "as shipped"
    assert upper_right.get_title() == "recalibrated"
    for lower in (lower_left, lower_right):
        assert [bar.get_height() for bar in lower.patches] == [120, 44, 28, 19, 30, 61, 322]


def test_reliability_of_unequal_parts_is_refused():
    with pytest.raises(ValueError, match="expected as many probabilities"):
        Reliability("x", np.zeros(2), (about(0.5),), (1, 2))


def test_the_decision_curve_marks_the_threshold_and_keeps_zero_in_view():
    (axes,) = drawn(plots.decision(full_report().decision, 0.35, ""))
    lines = {line.get_label(): line for line in axes.lines}
    assert lines["operating point"].get_xdata() == [0.35, 0.35]
    low, high = axes.get_ylim()
    assert low < 0 < high < 0.8


def test_confusions_have_their_counts_and_shares():
    panels = drawn(plots.confusions(full_report().confusions, ""))
    texts = [text.get_text() for text in panels[0].texts]
    assert texts == ["204\n87.2%", "30\n12.8%", "4\n1.0%", "386\n99.0%"]
    assert len(panels[1].texts) == 9


def test_a_class_without_films_has_no_shares():
    (panel,) = drawn(plots.confusions((Confusion("x", ("no", "yes"), ((3, 1), (0, 0))),), ""))
    assert [text.get_text() for text in panel.texts] == ["3\n75.0%", "1\n25.0%", "none", "none"]


def test_a_confusion_that_is_not_square_is_refused():
    with pytest.raises(ValueError, match="expected 2 rows of as many counts"):
        Confusion("x", ("no", "yes"), ((3, 1),))


def test_small_groups_are_grey_on_the_forest():
    groups = (
        Subgroup("sex", "F", 200, 90, about(0.9), about(0.8)),
        Subgroup("sex", "M", 9, 9, None, about(0.7), few=True),
    )
    area, recall = drawn(plots.forest(groups, {"auc": about(0.95)}, ""))
    assert [label.get_text() for label in area.get_yticklabels()] == ["sex: F", "sex: M"]
    assert [container.lines[0].get_xydata().tolist() for container in area.containers] == [[[0.9, 0.0]]]
    colours = {
        tuple(container.lines[0].get_ydata()): to_hex(container.lines[0].get_color()) for container in recall.containers
    }
    assert colours == {(1,): "#87929e", (0,): "#00598c"}
    assert [line.get_xdata() for line in area.lines if line.get_linestyle() == ":"] == [[0.95, 0.95]]


def test_every_change_has_a_panel_with_its_strengths():
    panels = drawn(plots.robustness(full_report().robustness, ""))
    assert [panel.get_title() for panel in panels] == ["noise", "blur", "gamma", "rotation"]
    assert [label.get_text() for label in panels[1].get_xticklabels()] == ["0", "1 px", "2 px", "4 px"]
    assert [line.get_label() for line in panels[0].lines] == ["AUC", "recall", "specificity", "decisions changed"]


def test_a_strength_that_was_not_measured_is_a_gap():
    rows = [
        Perturbed("blur", "1", recall=about(0.9)),
        Perturbed("blur", "2"),
        Perturbed("blur", "3", recall=about(0.7)),
    ]
    (panel,) = drawn(plots.robustness(rows, ""))
    (line,) = panel.lines
    np.testing.assert_array_equal(line.get_ydata(), [0.9, NAN, 0.7])


def test_heat_has_a_panel_for_each_place():
    heat = full_report().heat
    centre, ring, corners = drawn(plots.heat(heat.shares, heat.even, ""))
    assert [panel.get_title() for panel in (centre, ring, corners)] == ["centre", "ring", "corners"]
    assert [container.lines[0].get_xdata().tolist() for container in ring.containers] == [[0.17, 0.31, 0.4]]
    assert centre.get_yticklabels()[0].get_text() == "true positives"


def test_pictures_are_the_same_bytes_each_time():
    picture = plots.heat(full_report().heat.shares, None, "")
    assert picture.svg() == picture.svg()
    assert picture.png() == picture.png()


def test_the_decision_curve_says_in_words_where_the_model_helps():
    x = np.array([0.1, 0.2, 0.3, 0.4])
    model, everyone = np.array([0.1, 0.3, 0.2, -0.1]), np.array([0.2, 0.1, 0.0, -0.2])
    found = Decision(Curve(x, model), everyone, prevalence=0.5)
    assert plots.decision(found, 0.5, "").alt.endswith("the model's is the highest at 2 of 4 thresholds, 20% to 30%")
    useless = Decision(Curve(x, np.zeros(4)), everyone=np.zeros(4), prevalence=0.5)
    assert plots.decision(useless, 0.5, "").alt.endswith("the model's is the highest nowhere")


def test_lines_can_be_told_apart_without_their_colours():
    panel = drawn(plots.robustness(full_report().robustness, ""))[0]
    styles = {(line.get_marker(), line.get_linestyle()) for line in panel.lines}
    assert len(styles) == len(panel.lines) == 4
