"""The model of a run: its weights found or downloaded, its exported form read or made."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spark_app.engine.export import export_model, in_own_process
from spark_app.engine.model import (
    FILES,
    ExportedModel,
    is_saved,
    load_exported,
    load_payload,
    model_id_of,
    save_model,
    write_model,
)
from spark_app.engine.network import download_imagenet_weights
from spark_app.engine.weights import Weights, find_weights
from spark_app.errors import WeightsError, WeightsUnavailableError
from spark_app.settings import Engine
from spark_app.storage import Storage


@dataclass(frozen=True)
class Model:
    """A model that is ready to run.

    Attributes
    ----------
    model_id
        The name under which its features are kept.
    payload
        What the engine executes.
    exported
        Its files if they are still to be saved; None if they were there.
    """

    model_id: str
    weights: Weights
    payload: bytes
    exported: ExportedModel | None

    def save(self, root: Storage) -> None:
        """Keep the exported files for the runs to come.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        if self.exported:
            save_model(root, self.model_id, self.weights, self.exported)


def resolve_weights(requested: str, log: Path | None = None) -> Weights:
    """Find the weights, downloading those of Keras where they are not in its cache yet.

    Raises
    ------
    WeightsError
        If `requested` names no weights.
    WeightsUnavailableError
        If they can't be downloaded.
    """
    weights = find_weights(requested)
    if weights is None:
        in_own_process(download_imagenet_weights, log=log)
        weights = find_weights(requested)
    if weights is None:
        raise WeightsUnavailableError("Keras has downloaded the ImageNet weights, but not to its cache folder.")
    return weights


def export_weights(requested: str, folder: Path) -> Weights:
    """Export a network to a folder, for machines without TensorFlow.

    Raises
    ------
    WeightsError
        If `requested` names no weights, or an exported model.
    WeightsUnavailableError
        If the weights can't be downloaded.
    StorageError
        If the folder can't be written.
    """
    target = Storage(folder.expanduser().resolve().as_uri())
    target.check_writable()
    weights = resolve_weights(requested)
    if weights.exported:
        raise WeightsError(f"The model in {weights.exported} is exported already.")
    exported = in_own_process(export_model, weights)
    target.create()
    write_model(target, "", weights, exported)
    return weights


@contextmanager
def provide_model(
    root: Storage, weights: Weights, engine: Engine, log: Path | None = None
) -> Iterator[Callable[[], Model]]:
    """Read the exported model, or make it meanwhile: the export takes as long as Spark's start, and runs beside it.

    Yields
    ------
    callable
        Returns the model as soon as it is ready; raises WeightsError if the weights belong to another network.

    Raises
    ------
    WeightsError
        If an exported model is given that can't be run.
    """
    if weights.exported:
        model: Model | None = _given(root, weights, weights.exported, engine)
    else:
        model = _saved(root, weights, engine)
    if model is not None:
        yield lambda: model
        return
    with ThreadPoolExecutor(1, "export") as pool:
        export = pool.submit(_export, weights, engine, log)
        yield export.result


def _given(root: Storage, weights: Weights, folder: Path, engine: Engine) -> Model:
    model_id = model_id_of(weights)
    exported = load_exported(folder, weights, engine)
    return Model(model_id, weights, exported.files[FILES[engine]], None if is_saved(root, model_id) else exported)


def _saved(root: Storage, weights: Weights, engine: Engine) -> Model | None:
    model_id = model_id_of(weights)
    payload = load_payload(root, model_id, engine)
    return None if payload is None else Model(model_id, weights, payload, None)


def _export(weights: Weights, engine: Engine, log: Path | None) -> Model:
    exported = in_own_process(export_model, weights, log=log)
    return Model(model_id_of(weights), weights, exported.files[FILES[engine]], exported)
