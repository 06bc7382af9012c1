from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import norm

from pneumoscope.stats.prevalence import at_prevalences, predictive_values


@pytest.mark.parametrize(("sensitivity", "specificity", "prevalence"), [(0.9, 0.8, 0.1), (0.99, 0.5, 0.01)])
def test_values_are_those_of_counted_films(sensitivity, specificity, prevalence):
    """A hundred thousand films at that prevalence, counted."""
    ill, well = 100_000 * prevalence, 100_000 * (1 - prevalence)
    found = predictive_values(
        *(round(1000 * sensitivity), round(1000 * (1 - sensitivity))),
        *(round(1000 * specificity), round(1000 * (1 - specificity))),
        prevalence=prevalence,
    )
    yes = ill * sensitivity + well * (1 - specificity)
    assert found.ppv.value == pytest.approx(ill * sensitivity / yes)
    assert found.npv.value == pytest.approx(well * specificity / (100_000 - yes))


def test_at_the_films_own_share_they_are_the_shares_of_the_films():
    found = predictive_values(90, 10, 240, 60, prevalence=0.25)
    assert (found.ppv.value, found.npv.value) == pytest.approx((90 / 150, 240 / 250))


def test_the_interval_is_the_delta_methods():
    """The gradient of the log-odds by finite differences, with the binomial variances of the two shares."""
    found = predictive_values(90, 10, 80, 40, prevalence=0.2)

    def log_odds(se: float, sp: float) -> np.ndarray:
        ppv = se * 0.2 / (se * 0.2 + (1 - sp) * 0.8)
        npv = sp * 0.8 / (sp * 0.8 + (1 - se) * 0.2)
        return logit(np.array([ppv, npv]))

    se, sp, h = 90 / 100, 80 / 120, 1e-5
    by_se = (log_odds(se + h, sp) - log_odds(se - h, sp)) / (2 * h)
    by_sp = (log_odds(se, sp + h) - log_odds(se, sp - h)) / (2 * h)
    errors = np.sqrt(by_se**2 * se * (1 - se) / 100 + by_sp**2 * sp * (1 - sp) / 120)
    for estimate, centre, error in zip((found.ppv, found.npv), log_odds(se, sp), errors, strict=True):
        reach = norm.ppf(0.975) * error
        assert (estimate.low, estimate.high) == pytest.approx((expit(centre - reach), expit(centre + reach)), abs=1e-6)


def test_ppv_is_as_mercaldo_writes_it():
    """logit(PPV) = log(se p / ((1 - sp) (1 - p))), variance (1 - se) / (se n1) + sp / ((1 - sp) n0)."""
    found = predictive_values(45, 5, 160, 40, prevalence=0.3).ppv
    centre = log(0.9 * 0.3 / (0.2 * 0.7))
    reach = norm.ppf(0.975) * sqrt(0.1 / (0.9 * 50) + 0.8 / (0.2 * 200))
    assert (found.low, found.high) == pytest.approx((expit(centre - reach), expit(centre + reach)), abs=1e-12)


def test_without_an_alarm_the_figure_is_one_but_not_for_sure():
    found = predictive_values(45, 5, 60, 0, prevalence=0.1)
    assert found.ppv.value == found.ppv.high == 1
    assert 0.3 < found.ppv.low < 0.9
    nothing = predictive_values(0, 5, 6, 0, prevalence=0.1).ppv
    assert np.isnan(nothing.value)


@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.95, 0.85), (0.8, 0.97)])
def test_intervals_cover(sensitivity, specificity):
    """2,000 studies of 80 films with the finding and 120 without; at 95% three standard errors are 1.5 points."""
    rng = np.random.default_rng(8)
    se, sp, p = sensitivity, specificity, 0.05
    ppv, npv = se * p / (se * p + (1 - sp) * (1 - p)), sp * (1 - p) / (sp * (1 - p) + (1 - se) * p)
    held = np.zeros(2)
    for tp, tn in zip(rng.binomial(80, se, 2000), rng.binomial(120, sp, 2000), strict=True):
        found = predictive_values(tp, 80 - tp, tn, 120 - tn, prevalence=p)
        held += [found.ppv.low <= ppv <= found.ppv.high, found.npv.low <= npv <= found.npv.high]
    assert (held / 2000 > 0.935).all()
    assert (held / 2000 < 0.99).all()


@pytest.mark.parametrize(
    ("counts", "prevalence", "message"), [((1, 1, 1, 1), 1.0, "prevalence"), ((0, 0, 1, 1), 0.5, "got 0 and 2")]
)
def test_what_cannot_be_told_is_refused(counts, prevalence, message):
    with pytest.raises(ValueError, match=message):
        predictive_values(*counts, prevalence=prevalence)


def test_values_of_films_are_those_of_their_counts_with_intervals_that_know_the_patients():
    """Ten alike films of a patient tell as much as one: nearly the interval of the patients' counts."""
    labels, decisions = np.repeat([1, 1, 0, 0], [45, 5, 120, 30]), np.repeat([1, 0, 0, 1], [45, 5, 120, 30])
    tenfold = np.repeat(np.arange(200), 10)
    (found,) = at_prevalences(labels[tenfold], decisions[tenfold], tenfold, [0.1], resamples=500, seed=0)
    as_patients = predictive_values(45, 5, 120, 30, prevalence=0.1)
    as_films = predictive_values(450, 50, 1200, 300, prevalence=0.1)
    for ours, patients, films in zip(*((x.ppv, x.npv) for x in (found, as_patients, as_films)), strict=True):
        assert ours.value == pytest.approx(films.value)
        assert (ours.low, ours.high) == pytest.approx((patients.low, patients.high), abs=0.02)
        assert ours.high - ours.low > 2 * (films.high - films.low)


def test_where_nobody_was_answered_with_yes_its_worth_is_not_known():
    (found,) = at_prevalences(np.array([1, 0, 0]), np.zeros(3, int), "abc", [0.1], resamples=50, seed=0)
    assert np.isnan(found.ppv.value)
    assert found.npv.value == pytest.approx(0.9)
