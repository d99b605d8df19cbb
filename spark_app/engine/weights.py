"""The weights of a run: found and hashed, without TensorFlow."""

import hashlib
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from spark_app.engine.card import CARD, read_card
from spark_app.errors import WeightsError
from spark_app.local_files import user_path

IMAGENET_FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
"""File in which Keras caches the published weights of this network."""

WEIGHTS_ENDINGS = (".h5", ".keras")
"""Endings of the files of weights that Keras reads."""

SEED = 20_261
"""Seed of the untrained weights. Another seed is another model."""


class WeightsKind(StrEnum):
    """The origin of weights."""

    IMAGENET = "imagenet"
    """Trained on ImageNet and published with Keras, which downloads them once."""
    SEEDED = "seeded"
    """Untrained, drawn from a seeded generator, for tests and trials without a network connection."""
    FILE = "file"
    """A file of the user."""


@dataclass(frozen=True)
class Weights:
    """Weights that exist on this machine, or a model that was exported from them."""

    kind: WeightsKind
    path: Path | None
    """File of the weights; `None` for seeded weights and for an exported model."""
    sha256: str
    """Hash of the file, or of the recipe of seeded weights."""
    exported: Path | None = None
    """Folder of the exported model that the user passes instead of weights; `None` for weights."""


def find_weights(requested: str) -> Weights | None:
    """Find weights on this machine; return `None` if Keras has not downloaded the ImageNet weights yet.

    Parameters
    ----------
    requested
        Value of the option ``--weights``.

    Raises
    ------
    WeightsError
        If `requested` is neither weights nor an exported model.
    """
    if requested == WeightsKind.SEEDED:
        recipe = f"numpy PCG64 seed {SEED}, He normal, version 1"
        return Weights(WeightsKind.SEEDED, None, hashlib.sha256(recipe.encode()).hexdigest())
    if requested == WeightsKind.IMAGENET:
        cached = imagenet_cache()
        return Weights(WeightsKind.IMAGENET, cached, _sha256(cached)) if cached.is_file() else None
    path = user_path(requested)
    if path.is_dir():
        return _exported_weights(path.resolve())
    if path.suffix not in WEIGHTS_ENDINGS:
        raise WeightsError(
            "--weights must be imagenet, seeded, an .h5 or .keras file, or the folder of an exported model, "
            f"not {requested!r}."
        )
    if not path.is_file():
        raise WeightsError(f"There are no weights at {requested}.")
    return Weights(WeightsKind.FILE, path.resolve(), _sha256(path))


def imagenet_cache() -> Path:
    """Return the path of the file in which Keras caches the published weights."""
    keras_home = os.environ.get("KERAS_HOME")
    root = Path(keras_home) if keras_home else Path.home() / ".keras"
    return root / "models" / IMAGENET_FILE


def _exported_weights(folder: Path) -> Weights:
    origin = read_card(folder).weights
    if origin.kind not in list(WeightsKind):
        raise WeightsError(f"{folder / CARD} names an unknown kind of weights: {origin.kind!r}.")
    return Weights(WeightsKind(origin.kind), None, origin.sha256, exported=folder)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
