"""From finished runs to bundles: graphs, what is measured of them, and where they come from."""

from pneumoscope.training.export.make import export
from pneumoscope.training.export.provenance import WeightsOrigin

__all__ = ["WeightsOrigin", "export"]
