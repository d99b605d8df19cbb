"""The model of a run: finds or downloads its weights, and reads or makes the exported network."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from spark_app.engine.card import CARD
from spark_app.engine.export import export_model, in_own_process, started_process
from spark_app.engine.model import (
    FILES,
    ExportedModel,
    is_damaged,
    load_exported,
    load_payload,
    model_id_of,
    save_model,
    write_model,
)
from spark_app.engine.network import download_imagenet_weights
from spark_app.engine.weights import Weights, find_weights
from spark_app.errors import OutputError, StorageError, WeightsError, WeightsUnavailableError
from spark_app.scratch import scratch_folder
from spark_app.settings import DEFAULT_DECODING, Decoding, Engine
from spark_app.storage import Storage


@dataclass(frozen=True)
class Model:
    """A model that is ready to run."""

    model_id: str
    weights: Weights
    payload: bytes
    """Content of the file that the engine executes."""
    exported: ExportedModel | None
    """The exported files if the environment does not have them, or has damaged ones."""
    was_damaged: bool = False
    """Whether the files in the environment were damaged, so that this run replaces them."""
    decoding: Decoding = DEFAULT_DECODING

    def decoding_in(self, decoding: Decoding) -> Self:
        """Return the model that executes the same network, but has images decoded in another way."""
        return replace(self, decoding=decoding, model_id=model_id_of(self.weights, decoding))

    def save(self, root: Storage) -> None:
        """Save the exported files in the environment, for later runs, if it does not have them intact.

        Raises
        ------
        StorageError
            If the storage fails.
        """
        if self.exported:
            save_model(root, self.model_id, self.weights, self.exported, self.decoding)


def resolve_weights(requested: str, log: Path | None = None) -> Weights:
    """Find the weights, and download those of ImageNet if they are not in the cache of Keras yet.

    Raises
    ------
    WeightsError
        If `requested` is neither weights nor an exported model.
    WeightsUnavailableError
        If the weights can't be downloaded.
    """
    weights = find_weights(requested)
    if weights is None:
        in_own_process(download_imagenet_weights, log=log)
        weights = find_weights(requested)
    if weights is None:
        raise WeightsUnavailableError(
            "Keras has downloaded the ImageNet weights, but they are not in its cache folder."
        )
    return weights


def export_weights(requested: str, folder: Path) -> Weights:
    """Export a network to a folder, for machines without TensorFlow.

    Raises
    ------
    OutputError
        If this user can't write to the folder.
    WeightsError
        If `requested` is not weights, for instance an exported model.
    WeightsUnavailableError
        If the weights can't be downloaded.
    StorageError
        If the folder can't be written.
    """
    target = Storage(folder.expanduser().resolve().as_uri())
    target.check_writable()
    _check_for_model(target)
    weights = resolve_weights(requested)
    if weights.exported:
        raise WeightsError(f"The model in {weights.exported} is exported already.")
    exported = in_own_process(export_model, weights)
    target.create()
    with _write_errors(target), scratch_folder(target.local_path, ".fruits-export-") as scratch:
        write_model(Storage(scratch.as_uri()), "", weights, exported)
        for name in (*exported.files, CARD):  # without its card, a model does not count
            (scratch / name).replace(target.local_path / name)
    return weights


@contextmanager
def _write_errors(target: Storage) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"Can't write to {target.display}: {error.strerror}") from error


def _check_for_model(target: Storage) -> None:
    """Raise an error if a folder contains files that are not those of a model."""
    if target.exists():
        others = sorted(file.name for file in target.local_path.iterdir() if file.name not in {CARD, *FILES.values()})
        if others:
            raise OutputError(
                f"{target.display} contains other files, such as {others[0]!r}: choose an empty or a new folder."
            )


@contextmanager
def provide_model(
    root: Storage,
    weights: Weights,
    engine: Engine,
    log: Path | None = None,
    decoding: Decoding = DEFAULT_DECODING,
) -> Iterator[Callable[[], Model]]:
    """Read the exported model, or export it while the body runs.

    An export takes about as long as the start of Spark, so the two run at the same time.

    Yields
    ------
    callable
        Function that waits for the model and returns it. It raises `WeightsError` if the weights do not fit the
        network.

    Raises
    ------
    WeightsError
        If the user passes an exported model that the engine can't execute.
    """
    model_id = model_id_of(weights, decoding)
    if (model := _existing(root, weights, engine, decoding)) is not None:
        yield lambda: model
        return

    with started_process(export_model, weights, log=log) as export:

        def exported_model() -> Model:
            exported = export.result()
            was_damaged = is_damaged(root, model_id, engine)
            return Model(model_id, weights, exported.files[FILES[engine]], exported, was_damaged, decoding)

        yield exported_model


def _existing(root: Storage, weights: Weights, engine: Engine, decoding: Decoding) -> Model | None:
    """Return the exported model that the user passes, or that an earlier run has saved."""
    model_id = model_id_of(weights, decoding)
    saved = load_payload(root, model_id, engine)
    if weights.exported:
        exported = load_exported(weights.exported, weights, engine)
        payload = exported.files[FILES[engine]]
        was_damaged = saved is None and is_damaged(root, model_id, engine)
        return Model(model_id, weights, payload, None if saved else exported, was_damaged, decoding)
    return None if saved is None else Model(model_id, weights, saved, None, decoding=decoding)
