"""A model that explains itself: graph, ``bundle.json`` and golden vectors, each with a digest."""

from pneumoscope.bundle.bundle import (
    DEFAULT,
    GoldenVectors,
    ModelBundle,
    check_target,
    default_bundle_path,
    load_bundle,
    save_bundle,
)
from pneumoscope.bundle.spec import BundleSpec, OperatingPoint

__all__ = [
    "DEFAULT",
    "BundleSpec",
    "GoldenVectors",
    "ModelBundle",
    "OperatingPoint",
    "check_target",
    "default_bundle_path",
    "load_bundle",
    "save_bundle",
]
