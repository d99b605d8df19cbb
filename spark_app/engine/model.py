"""The identity of a model, and its exported files."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from contract.documents import DocumentError
from contract.layout import model_folder
from spark_app.engine.card import CARD, ModelCard, WeightsOrigin, read_card
from spark_app.engine.preprocessing import PREPROCESSING
from spark_app.engine.weights import Weights
from spark_app.errors import WeightsError
from spark_app.settings import DEFAULT_DECODING, Decoding, DecodingChoice, Engine
from spark_app.storage import Storage

ARCHITECTURE = "MobileNetV2 1.0, 224x224x3, without top, average pooling, 1280 features"

FILES = {Engine.LITERT: "model.tflite", Engine.TENSORFLOW: "weights.npz"}
"""The file that each engine executes: the exported network, or the weights alone."""


def model_id_of(weights: Weights, decoding: Decoding = DEFAULT_DECODING) -> str:
    """Return the id of the model with these weights, which depends on everything that changes a feature."""
    identity = "\n".join([ARCHITECTURE, PREPROCESSING[decoding], weights.sha256])
    return f"mobilenetv2-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def decoding_of_run(choice: DecodingChoice, weights: Weights, earlier: str | None) -> Decoding:
    """Return the decoding of a run.

    Parameters
    ----------
    earlier
        Id of the model whose features the run continues; `None` if it computes all features anew.
    """
    if choice is not DecodingChoice.AUTO:
        return Decoding(choice)
    return next((kind for kind in Decoding if model_id_of(weights, kind) == earlier), DEFAULT_DECODING)


@dataclass(frozen=True)
class ExportedModel:
    """The exported files of a model."""

    files: dict[str, bytes]
    """Content of each of `FILES`, by name."""
    versions: dict[str, str]
    """Versions of the packages that exported the model."""


def load_payload(root: Storage, model_id: str, engine: Engine) -> bytes | None:
    """Read the file that an engine executes; return `None` if it is missing, or differs from the card.

    A damaged network computes wrong features without an error, so the hash of the file is checked.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    folder, name = model_folder(model_id), FILES[engine]
    card = root.read(folder + CARD)
    payload = root.read(folder + name) if card else None
    if card is None or payload is None:
        return None
    try:
        expected = ModelCard.from_json(card).files.get(name)
    except DocumentError:
        return None
    return payload if hashlib.sha256(payload).hexdigest() == expected else None


def is_damaged(root: Storage, model_id: str, engine: Engine) -> bool:
    """Return why `load_payload` found no file: whether it is damaged, or no run has saved one for this engine.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    card = root.read(model_folder(model_id) + CARD)
    try:
        return card is not None and FILES[engine] in ModelCard.from_json(card).files
    except DocumentError:
        return True


def load_exported(folder: Path, weights: Weights, engine: Engine) -> ExportedModel:
    """Read the files of a model that the user passes instead of weights.

    Raises
    ------
    WeightsError
        If a file differs from the card, if another version of this application has exported the model, or if the
        file that the engine executes is missing.
    """
    card = read_card(folder)
    if card.model_id not in {model_id_of(weights, decoding) for decoding in Decoding}:  # all execute the same network
        raise WeightsError(
            f"The model in {folder} belongs to another version of this application: export it again with "
            "`fruits export`."
        )
    files = {name: (folder / name).read_bytes() for name in FILES.values() if (folder / name).is_file()}
    for name, body in files.items():
        if hashlib.sha256(body).hexdigest() != card.files.get(name):
            raise WeightsError(f"{folder / name} differs from {CARD}: export the model again with `fruits export`.")
    if FILES[engine] not in files:
        raise WeightsError(
            f"There is no {FILES[engine]} in {folder}, which --engine {engine} executes: export the model again "
            "with `fruits export`."
        )
    return ExportedModel(files, card.versions)


def save_model(
    root: Storage,
    model_id: str,
    weights: Weights,
    exported: ExportedModel,
    decoding: Decoding = DEFAULT_DECODING,
) -> None:
    """Save an exported model in an environment, for later runs.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    write_model(root, model_folder(model_id), weights, exported, decoding)


def write_model(
    root: Storage,
    folder: str,
    weights: Weights,
    exported: ExportedModel,
    decoding: Decoding = DEFAULT_DECODING,
) -> None:
    """Write an exported model and its card.

    Parameters
    ----------
    folder
        Empty for the root itself, or a folder whose name ends in a slash.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    for name, body in exported.files.items():
        root.write(folder + name, body)
    card = ModelCard(
        model_id=model_id_of(weights, decoding),
        architecture=ARCHITECTURE,
        preprocessing=PREPROCESSING[decoding],
        weights=WeightsOrigin(kind=weights.kind, sha256=weights.sha256),
        files={name: hashlib.sha256(body).hexdigest() for name, body in exported.files.items()},
        versions=exported.versions,
    )
    root.write(folder + CARD, card.to_json().encode())
