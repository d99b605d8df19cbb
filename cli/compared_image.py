"""The image that `fruits similar` compares the others with: one of the corpus, or a file on this machine."""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cli.image_keys import all_keys, images_with
from cli.last_results import LastResults
from cli.near_names import COMPARED_AT_MOST, hint
from cli.nearest import Measure
from cli.table_files import DataFile
from contract.documents import DocumentError
from contract.layout import ResultFile, model_folder, results_folder
from contract.summary import Summary
from spark_app.arrow import FloatMatrix
from spark_app.csv_files import texts_of
from spark_app.engine.card import CARD, ModelCard
from spark_app.engine.interface import Pixels
from spark_app.engine.isolated_decoder import IsolatedDecoder
from spark_app.engine.litert_engine import LiteRtEngine
from spark_app.engine.model import FILES, load_payload
from spark_app.engine.preprocessing import PREPROCESSING
from spark_app.engine.refusals import RefusedImageError
from spark_app.errors import OutputError, UsageError
from spark_app.local_files import user_path
from spark_app.settings import Decoding, Engine, Limits
from spark_app.storage import Storage

_AGAIN = "a run in --mode reprocess makes it again"


@dataclass(frozen=True, eq=False)
class ComparedImage:
    """The image that the others are compared with."""

    name: str
    """Key of an image of the corpus, or path of a file, as the user has written it."""
    vector: FloatMatrix
    """Shape (d,): its features, or its coordinates."""
    label: str | None = None
    pixels: Pixels | None = None
    """Decoded pixels of a file, shape (224, 224, 3); `None` for an image of the corpus."""

    @property
    def key(self) -> str | None:
        """Key of an image of the corpus; `None` for a file."""
        return self.name if self.pixels is None else None


def find_image(name: str, results: LastResults, measure: Measure, files: Sequence[DataFile]) -> ComparedImage:
    """Find an image by its key, or else as a file on this machine, which is decoded and embedded.

    Parameters
    ----------
    files
        Files of the table of the measure.

    Raises
    ------
    UsageError
        If the name is neither, if the image is refused, or if the model of the output can't be used.
    StorageError
        If a file of the output is damaged.
    """
    if row := images_with(files, [name], measure.schema).get(name):
        return ComparedImage(name, np.array(row[measure], np.float32), row["label"])
    if (path := file_named(name)) is not None:
        return _embedded(name, path, results, measure)
    refusals = _refusals(results)
    if name in refusals:
        raise UsageError(f"The image {name} is refused, so it has no features: {refusals[name]}.")
    existing = [*all_keys(files), *refusals] if results.summary.counts.images <= COMPARED_AT_MOST else []
    raise UsageError(
        f"{name} is neither the key of an image in {results.place} nor a file on this machine.{hint([name], existing)}"
    )


def file_named(name: str) -> Path | None:
    """Return the path of a file on this machine; `None` if there is none of this name, or if none can have it."""
    try:
        path = user_path(name)
    except UsageError:
        return None
    return path if path.is_file() else None


def _embedded(name: str, path: Path, results: LastResults, measure: Measure) -> ComparedImage:
    """Compute what the run would have computed of a file."""
    summary = results.summary
    folder = model_folder(summary.model_id)
    root = results.with_files([folder + CARD, folder + FILES[Engine.LITERT]])
    payload = load_payload(root, summary.model_id, Engine.LITERT)
    if payload is None:
        raise OutputError(f"The exported model in {folder} of {results.place} is missing or damaged: {_AGAIN}.")
    pixels = _decoded(path, _decoding(root, folder), summary)
    with _without_messages_of_libraries():
        features = LiteRtEngine(payload).features(pixels[np.newaxis])
    if measure is Measure.FEATURES:
        return ComparedImage(name, features[0], pixels=pixels)
    if (basis := results.basis()) is None:
        raise ValueError("images are compared by components although the results have none")
    return ComparedImage(name, basis.project(features)[0].astype(np.float32), pixels=pixels)


@contextmanager
def _without_messages_of_libraries() -> Iterator[None]:
    """Keep what LiteRT writes to stderr at every start from the terminal. Its errors are exceptions."""
    terminal = os.dup(2)
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


def _decoding(root: Storage, folder: str) -> Decoding:
    """Return how the model has images decoded, from its card."""
    try:
        preprocessing = ModelCard.from_json(root.read(folder + CARD) or b"").preprocessing
    except DocumentError:
        preprocessing = ""
    for decoding, description in PREPROCESSING.items():
        if description == preprocessing:
            return decoding
    raise OutputError(f"The model in {folder} is one of another version of this application: {_AGAIN}.")


def _decoded(path: Path, decoding: Decoding, summary: Summary) -> Pixels:
    limits = Limits(**summary.settings.get("limits", {}))
    try:
        if path.stat().st_size > limits.megabytes * 1e6:
            raise UsageError(f"{path} has more than {limits.megabytes:g} megabytes, the limit of the run.")
        body = path.read_bytes()
    except OSError as error:
        raise UsageError(f"Can't read {path}: {error.strerror}.") from error
    try:
        with IsolatedDecoder(limits, decoding=decoding) as decoder:
            return decoder.decode(body).pixels
    except RefusedImageError as error:
        raise UsageError(f"A run would refuse {path}: {error.reason}, {error.detail}.") from error


def _refusals(results: LastResults) -> dict[str, str]:
    """Return the reason and the detail of each refused image by its key."""
    file = results_folder(results.summary.run_id) + ResultFile.REJECTS
    body = results.with_files([file]).read(file) or b""
    rows = csv.DictReader(io.StringIO(body.decode(errors="replace"), newline=""))
    return {key: f"{row['reason']}, {row['detail']}" for row in rows for key in texts_of(row["key"])}
