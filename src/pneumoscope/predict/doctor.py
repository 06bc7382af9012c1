"""What one pastes into a bug report."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

import numpy as np

import pneumoscope
from pneumoscope.bundle import ModelBundle, load_bundle
from pneumoscope.core.parallel import usable_cores
from pneumoscope.engines import Engine, check_golden, golden_film, open_engine
from pneumoscope.imaging.preprocess import network_input

_RUNTIME = ("numpy", "onnxruntime", "pillow", "pydicom", "pyjpegls", "pylibjpeg-openjpeg", "python-gdcm", "msgspec")
_OPTIONAL = ("scikit-learn", "torch", "timm", "lightning")
_TIMED_RUNS = 50


def examine(bundle: str | Path) -> dict[str, str]:
    """Versions, machine, the bundle's golden check and a timed self-test, as names and values in words.

    Raises
    ------
    BundleError : if the bundle fails its checks.
    """
    started = perf_counter()
    loaded = load_bundle(bundle)
    engine = open_engine(loaded)
    opened = perf_counter() - started
    return _machine() | _packages() | _bundle(loaded, engine) | _speed(loaded, engine, opened)


def _machine() -> dict[str, str]:
    return {
        "pneumoscope": pneumoscope.__version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": str(usable_cores()),
    }


def _packages() -> dict[str, str]:
    return {name: found for name in _RUNTIME + _OPTIONAL if (found := _version(name))}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "" if package in _OPTIONAL else "MISSING"


def _bundle(bundle: ModelBundle, engine: Engine) -> dict[str, str]:
    spec = bundle.spec
    deviation = check_golden(bundle, engine)
    return {
        "bundle": f"{spec.name} {spec.version} ({spec.graph.precision}), sha256 {bundle.digest[:16]}",
        "operating point": f"{spec.default_operating_point}, {spec.operating_point().threshold:.3f}",
        "files": f"{len(spec.files)} whole",
        "golden check": f"{engine.name} within {deviation:.2g} of the golden logits ({spec.golden.tolerance} allowed)",
    }


def _speed(bundle: ModelBundle, engine: Engine, opened: float) -> dict[str, str]:
    """Milliseconds for one film on one thread, after decoding."""
    film = golden_film(bundle.golden.films[-1])
    times = []
    for _ in range(_TIMED_RUNS):
        started = perf_counter()
        engine.run(network_input(film, bundle.spec.preprocessing)[np.newaxis])
        times.append(1e3 * (perf_counter() - started))
    return {
        "opened in": f"{1e3 * opened:.0f} ms",
        "self-test": f"{np.median(times):.1f} ms a film on one core (median of {_TIMED_RUNS}, without decoding)",
    }
