"""Whether the weights that a run is to start from can be had, before anything slow is imported."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from pneumoscope.core import RecipeError
from pneumoscope.training.recipe.schema import Network, Recipe

WEIGHTS_FILE = "model.safetensors"
"""Of a run, and of a model on the hub."""

_SECONDS = 1.0
_HEADER_LIMIT = 100_000_000


def weights_file(weights: Path | None) -> Path | None:
    """The file meant by ``--weights``: itself, or that of a complete run."""
    return weights / WEIGHTS_FILE if weights and weights.is_dir() else weights


def check_start(recipe: Recipe, weights_file: Path | None) -> None:
    """Refuse a run that could not start, or whose first stages would freeze weights that mean nothing.

    Raises
    ------
    RecipeError : with the remedy.
    """
    if recipe.keeps_first_answer:
        _check_first_answer(recipe, weights_file)
    if weights_file is not None:
        _check_file(weights_file)
    elif recipe.network.weights == "none":
        _check_random(recipe)
    else:
        _check_hub(recipe.network)


class _Earlier(msgspec.Struct):
    """What a run's record says that another run may start from."""

    recipe: Recipe


def _check_first_answer(recipe: Recipe, weights_file: Path | None) -> None:
    """Its answer stays the first answer only for the same question about films that are shown in the same way."""
    if weights_file is None:
        raise RecipeError(
            f"{recipe.name}: adds answers to those of a finished run, which has to be named with --weights RUN"
        )
    record = weights_file.parent / "run.json"
    try:
        earlier = msgspec.json.decode(record.read_bytes(), type=_Earlier).recipe
    except (OSError, msgspec.DecodeError) as error:
        raise RecipeError(
            f"--weights {weights_file.parent}: {recipe.name} needs the folder of a complete run, and cannot read its "
            f"record: {error}"
        ) from error
    asked, found = _question(recipe), _question(earlier)
    differ = [f"{key} is {found[key]!r} there and {asked[key]!r} here" for key in asked if asked[key] != found[key]]
    if differ:
        raise RecipeError(
            f"--weights {weights_file.parent}: its first answer cannot be kept, as {'; '.join(differ)}. Write the same "
            f"as there"
        )


def _question(recipe: Recipe) -> dict[str, object]:
    """What a first answer hangs on, besides the weights. The size that it was learned at has no part in it."""
    shown = msgspec.structs.asdict(recipe.input)
    return {f"input.{key}": value for key, value in shown.items() if key != "train_size"} | {
        "network.name": recipe.network.name,
        "network.arguments": recipe.network.arguments,
        "the first of data.labels": recipe.data.labels[0],
        "data.exclusive": recipe.data.exclusive,
    }


def _check_random(recipe: Recipe) -> None:
    options = recipe.optimisation
    held = {
        "--set 'optimisation.before=[]'": bool(options.before),
        "--set optimisation.freeze_norm=false": options.freeze_norm,
        "--set optimisation.layer_decay=1": options.layer_decay < 1,
    }
    remedies = " ".join(remedy for remedy, needed in held.items() if needed)
    if remedies or recipe.probe:
        raise RecipeError(
            f"{recipe.name}: network.weights is 'none', but the recipe holds on to the weights it starts with: name "
            f"some with --weights FILE" + (f", or let random ones go with {remedies}" if remedies else "")
        )


def _check_file(path: Path) -> None:
    """The head of a safetensors file is its length in 8 bytes, and that much JSON."""
    remedy = (
        "Expected a safetensors file or the folder of a complete run; other formats can hold code, convert them where "
        "you trust them"
    )
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            json.loads(file.read(length) if length < _HEADER_LIMIT else b"")
    except (OSError, ValueError) as error:
        raise RecipeError(f"--weights {path}: {error}. {remedy}") from error


def _check_hub(network: Network) -> None:
    """A copy on this machine will do; else the hub must answer. A slow answer is left for the download to judge."""
    import httpx2  # noqa: PLC0415
    from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache  # noqa: PLC0415

    if isinstance(try_to_load_from_cache(network.weights, WEIGHTS_FILE), str):
        return
    try:
        get_hf_file_metadata(hf_hub_url(network.weights, WEIGHTS_FILE), timeout=_SECONDS)
    except httpx2.ReadTimeout:
        return
    except (OSError, httpx2.HTTPError) as error:
        raise no_weights(network, error) from error


def no_weights(network: Network, why: Exception) -> RecipeError:
    """What to say when the hub's weights cannot be had."""
    return RecipeError(
        f"network.weights: {network.weights} cannot be had for {network.name}: {why}. Without a connection, download "
        f"{WEIGHTS_FILE} elsewhere and name it with --weights, or start from random weights with "
        f"--set network.weights=none"
    )
