"""What the evaluation works out for groups of films, against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.evaluation.measured import standard_error


@pytest.mark.parametrize("seed", range(4))
def test_standard_errors_by_patient_are_those_of_statsmodels(seed):
    regression = pytest.importorskip("statsmodels.regression.linear_model")
    rng = np.random.default_rng(seed)
    patients = rng.integers(0, 25, 120)
    values = rng.normal(size=25)[patients] + rng.normal(size=120)
    model = regression.OLS(values, np.ones(120))
    theirs = model.fit(cov_type="cluster", cov_kwds={"groups": patients, "use_correction": True}).bse[0]
    assert standard_error(values, patients) == pytest.approx(theirs, rel=1e-9)
