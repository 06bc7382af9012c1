"""Holm's correction against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.stats.holm import holm


@pytest.mark.parametrize("seed", range(5))
def test_holm_agrees_with_statsmodels(seed):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    rng = np.random.default_rng(seed)
    p = np.round(rng.random(9) ** 3, 2)  # rounded, so that some are equal
    np.testing.assert_allclose(holm(p), multitest.multipletests(p, method="holm")[1], rtol=0, atol=1e-12)


def test_what_is_not_defined_stays_so_and_does_not_count():
    assert holm([0.02, float("nan"), 0.01]) == pytest.approx([0.02, float("nan"), 0.02], nan_ok=True)
    assert np.isnan(holm([float("nan")])).all()
    assert holm([]).shape == (0,)
