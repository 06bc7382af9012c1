"""Predictor(bundle): a film becomes a reading."""

from pneumoscope.predict.predictor import Predictor

__all__ = ["Predictor"]
