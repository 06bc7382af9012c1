"""pneumoscope: finds pneumonia in chest X-rays, and says how sure it is and where it looked.

>>> from pneumoscope import Predictor                                    # doctest: +SKIP
>>> reading = Predictor.open("default").read("film.jpeg")                # doctest: +SKIP
>>> reading.finding.probability, reading.finding.positive                # doctest: +SKIP
(0.97, True)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pneumoscope.predict import Predictor

__version__ = "0.1.0"
__all__ = ["Predictor", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the predictor when first asked for: importing the package alone loads no engine."""
    if name == "Predictor":
        from pneumoscope.predict import Predictor  # noqa: PLC0415

        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
