"""What a model is: the identity under which its features are kept, and its exported files."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from contract.layout import model_folder
from spark_app.engine.preprocessing import PREPROCESSING
from spark_app.engine.weights import Weights
from spark_app.settings import Engine
from spark_app.storage import Storage

ARCHITECTURE = "MobileNetV2 1.0, 224x224x3, without top, average pooling, 1280 features"

FILES = {Engine.ONNX: "model.onnx", Engine.TENSORFLOW: "weights.npz"}
"""What each engine executes: the exported network, or the weights alone."""

CARD = "model.json"
"""Written last: a folder with a card is complete."""


def model_id_of(weights: Weights) -> str:
    """Name the model that these weights make, from their hash alone.

    Features of two models never mix; everything that changes a feature is in the id.
    """
    identity = "\n".join([ARCHITECTURE, PREPROCESSING, weights.sha256])
    return f"mobilenetv2-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class ExportedModel:
    """A network in the forms that the workers execute.

    Attributes
    ----------
    files
        Name → bytes of each of `FILES`.
    versions
        Of the tools that made them.
    """

    files: dict[str, bytes]
    versions: dict[str, str]


def load_payload(root: Storage, model_id: str, engine: Engine) -> bytes | None:
    """Read what an engine executes; None if the model was not exported yet.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    folder = model_folder(model_id)
    return root.read(folder + FILES[engine]) if root.read(folder + CARD) else None


def save_model(root: Storage, model_id: str, weights: Weights, exported: ExportedModel) -> None:
    """Keep an exported model for the runs to come.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    folder = model_folder(model_id)
    for name, body in exported.files.items():
        root.write(folder + name, body)
    card: dict[str, Any] = {
        "model_id": model_id,
        "architecture": ARCHITECTURE,
        "preprocessing": PREPROCESSING,
        "weights": {"kind": weights.kind, "sha256": weights.sha256},
        "files": {name: hashlib.sha256(body).hexdigest() for name, body in exported.files.items()},
        "versions": exported.versions,
    }
    root.write(folder + CARD, (json.dumps(card, indent=2) + "\n").encode())
