"""A model that explains itself: graph, ``bundle.json`` and golden vectors, each with a digest."""

from pneumoscope.bundle.bundle import (
    DEFAULT,
    GoldenVectors,
    ModelBundle,
    bundle_files,
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
    "bundle_files",
    "check_target",
    "default_bundle_path",
    "load_bundle",
    "save_bundle",
]
