"""Which labelled films a bundle would not have answered, and what its answers to the others are worth.

An evaluation has all films answered, so that no figure is better for what was refused: these stand beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import Reading
from pneumoscope.evaluation.measured import share
from pneumoscope.evaluation.measures import Answers, label_measures
from pneumoscope.evaluation.schema import Figure, Refusals
from pneumoscope.stats.bootstrap import numbered


def refusals(answers: Answers, readings: Sequence[Reading]) -> Refusals:
    """Of N films read with ``force``, those with reasons not to answer, with the label and without, and the rest's
    figures."""
    refused = np.array([bool(reading.abstention) for reading in readings], np.bool_)
    patients, _ = numbered(answers.patients)
    first = Counter(reading.abstention[0].code for reading in readings if reading.abstention)
    found = label_measures(_only(answers, ~refused))
    return Refusals(
        refused=int(refused.sum()),
        reasons=dict(first.most_common()),
        share=_share(refused, patients),
        positive=_share(refused[answers.truth == 1], patients[answers.truth == 1]),
        negative=_share(refused[answers.truth == 0], patients[answers.truth == 0]),
        answered=found.films,
        metrics=found.metrics,
        confusion=found.confusion,
    )


def _only(answers: Answers, chosen: NDArray[np.bool_]) -> Answers:
    patients = np.asarray(answers.patients)[chosen]
    return Answers(answers.truth[chosen], answers.probabilities[chosen], answers.decisions[chosen], patients)


def _share(refused: NDArray[np.bool_], patients: NDArray[np.intp]) -> Figure:
    if not len(refused):
        return Figure(value=None, low=None, high=None, reason="no such film")
    return Figure.of(share(refused, patients), "")
