"""Public data sets become manifests; manifests are looked through, audited, split and prepared."""

from pneumoscope.data.manifest_file import (
    joined,
    open_listing,
    open_manifest,
    read_listing,
    read_manifest,
    write_manifest,
)
from pneumoscope.data.prepared import prepare
from pneumoscope.data.split import with_validation

__all__ = [
    "joined",
    "open_listing",
    "open_manifest",
    "prepare",
    "read_listing",
    "read_manifest",
    "with_validation",
    "write_manifest",
]
