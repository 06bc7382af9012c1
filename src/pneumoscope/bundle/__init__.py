"""A model that explains itself: graph, ``bundle.json`` and golden vectors, each with a digest."""

from pneumoscope.bundle.bundle import (
    DEFAULT,
    PACKAGED,
    GoldenVectors,
    ModelBundle,
    bundle_files,
    bundle_path,
    check_target,
    load_bundle,
    save_bundle,
)
from pneumoscope.bundle.spec import BundleSpec, OperatingPoint

__all__ = [
    "DEFAULT",
    "PACKAGED",
    "BundleSpec",
    "GoldenVectors",
    "ModelBundle",
    "OperatingPoint",
    "bundle_files",
    "bundle_path",
    "check_target",
    "load_bundle",
    "save_bundle",
]
