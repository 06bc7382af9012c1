"""Public data sets become manifests; manifests are split and prepared for training and evaluation."""

from pneumoscope.data.manifest_file import open_manifest, read_manifest, write_manifest
from pneumoscope.data.prepared import PreparedFilms, prepare
from pneumoscope.data.split import with_validation

__all__ = ["PreparedFilms", "open_manifest", "prepare", "read_manifest", "with_validation", "write_manifest"]
