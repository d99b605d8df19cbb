"""What a model is: the identity under which its features are kept, and its exported files."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from contract.layout import model_folder
from spark_app.engine.card import CARD, Card, WeightsOrigin, read_card
from spark_app.engine.preprocessing import PREPROCESSING
from spark_app.engine.weights import Weights
from spark_app.errors import WeightsError
from spark_app.settings import Engine
from spark_app.storage import Storage

ARCHITECTURE = "MobileNetV2 1.0, 224x224x3, without top, average pooling, 1280 features"

FILES = {Engine.ONNX: "model.onnx", Engine.TENSORFLOW: "weights.npz"}
"""What each engine executes: the exported network, or the weights alone."""


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
        Name → bytes of `FILES`.
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
    return root.read(model_folder(model_id) + FILES[engine]) if is_saved(root, model_id) else None


def is_saved(root: Storage, model_id: str) -> bool:
    """Whether a model is kept here already.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    return root.read(model_folder(model_id) + CARD) is not None


def load_exported(folder: Path, weights: Weights, engine: Engine) -> ExportedModel:
    """Read a model that is given in the place of its weights: those of its files that are there.

    Raises
    ------
    WeightsError
        If they are not what their card says, belong to another version of this application, or lack what the engine
        executes.
    """
    card = read_card(folder)
    if card.model_id != model_id_of(weights):
        raise WeightsError(
            f"The model in {folder} belongs to another version of this application: export it again with "
            "`fruits export`."
        )
    files = {name: (folder / name).read_bytes() for name in FILES.values() if (folder / name).is_file()}
    for name, body in files.items():
        if hashlib.sha256(body).hexdigest() != card.files.get(name):
            raise WeightsError(f"{folder / name} is not what {CARD} says: export it again with `fruits export`.")
    if FILES[engine] not in files:
        raise WeightsError(
            f"There is no {FILES[engine]} in {folder}, which --engine {engine} executes: export the model again "
            "with `fruits export`."
        )
    return ExportedModel(files, card.versions)


def save_model(root: Storage, model_id: str, weights: Weights, exported: ExportedModel) -> None:
    """Keep an exported model for the runs to come.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    write_model(root, model_folder(model_id), weights, exported)


def write_model(root: Storage, folder: str, weights: Weights, exported: ExportedModel) -> None:
    """Write an exported model and its card.

    Parameters
    ----------
    root, folder
        Where to: the root itself, or a folder below it whose name ends in a slash.
    weights, exported
        What the model was made of, and its files.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    for name, body in exported.files.items():
        root.write(folder + name, body)
    card = Card(
        model_id=model_id_of(weights),
        architecture=ARCHITECTURE,
        preprocessing=PREPROCESSING,
        weights=WeightsOrigin(kind=weights.kind, sha256=weights.sha256),
        files={name: hashlib.sha256(body).hexdigest() for name, body in exported.files.items()},
        versions=exported.versions,
    )
    root.write(folder + CARD, card.to_json().encode())
