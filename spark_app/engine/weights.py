"""Which weights a run uses, and what they are: found and hashed without TensorFlow."""

import hashlib
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from spark_app.engine.card import CARD, read_card
from spark_app.errors import WeightsError

IMAGENET_FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
"""The name under which Keras caches the published weights of this network."""

SEED = 20_261
"""Seeds the untrained weights. Their identity: another seed is another model."""


class WeightsKind(StrEnum):
    """Where weights come from."""

    IMAGENET = "imagenet"
    """Published with Keras, trained on ImageNet; downloaded once."""
    SEEDED = "seeded"
    """Drawn from a seeded generator, untrained: for tests and offline trials."""
    FILE = "file"
    """A file of the user's."""


@dataclass(frozen=True)
class Weights:
    """Weights that are there.

    Attributes
    ----------
    kind
        Where they come from.
    path
        Their file; None for seeded weights, which are made when they are needed, and where only the model that was
        made of them is there.
    sha256
        Of the file; of the recipe for seeded weights.
    exported
        Folder of the model, if it was exported already and is given instead of the weights.
    """

    kind: WeightsKind
    path: Path | None
    sha256: str
    exported: Path | None = None


def find_weights(requested: str) -> Weights | None:
    """Find weights on this machine.

    Parameters
    ----------
    requested
        ``imagenet``, ``seeded``, the path of an ``.h5`` or ``.keras`` file, or that of the folder of an exported model.

    Returns
    -------
    Weights or None
        None if they are still to be downloaded.

    Raises
    ------
    WeightsError
        If `requested` names no weights.
    """
    if requested == WeightsKind.SEEDED:
        recipe = f"numpy PCG64 seed {SEED}, He normal, version 1"
        return Weights(WeightsKind.SEEDED, None, hashlib.sha256(recipe.encode()).hexdigest())
    if requested == WeightsKind.IMAGENET:
        cached = imagenet_cache()
        return Weights(WeightsKind.IMAGENET, cached, _sha256(cached)) if cached.is_file() else None
    path = Path(requested).expanduser()
    if path.is_dir():
        return _exported_weights(path.resolve())
    if path.suffix not in {".h5", ".keras"}:
        raise WeightsError(
            "--weights must be imagenet, seeded, an .h5 or .keras file, or the folder of an exported model, "
            f"not {requested!r}."
        )
    if not path.is_file():
        raise WeightsError(f"There are no weights at {requested}.")
    return Weights(WeightsKind.FILE, path.resolve(), _sha256(path))


def imagenet_cache() -> Path:
    """Name the file in which Keras caches the published weights."""
    keras_home = os.environ.get("KERAS_HOME")
    root = Path(keras_home) if keras_home else Path.home() / ".keras"
    return root / "models" / IMAGENET_FILE


def _exported_weights(folder: Path) -> Weights:
    """Read of which weights a model was made."""
    origin = read_card(folder).weights
    if origin.kind not in list(WeightsKind):
        raise WeightsError(f"{folder / CARD} names weights of a kind that is not known here: {origin.kind!r}.")
    return Weights(WeightsKind(origin.kind), None, origin.sha256, exported=folder)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
