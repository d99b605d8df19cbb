"""Tests of the search for weights, and of the identity of the model that they make."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.documents import CHECKSUM
from spark_app.engine.card import CARD, ModelCard
from spark_app.engine.model import ExportedModel, load_exported, model_id_of, write_model
from spark_app.engine.weights import IMAGENET_FILE, Weights, WeightsKind, find_weights
from spark_app.errors import WeightsError
from spark_app.settings import Engine
from spark_app.storage import Storage


@pytest.mark.parametrize("requested", ["missing.h5", "weights.onnx", "imagnet"])
def test_an_unknown_name_of_weights_is_refused(requested: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error is found before anything is started."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match=requested):
        find_weights(requested)


def test_imagenet_weights_are_looked_for_where_keras_caches_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Downloaded weights are found without TensorFlow, and their hash is that of the file."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert find_weights("imagenet") is None
    cached = tmp_path / "models" / IMAGENET_FILE
    cached.parent.mkdir()
    cached.write_bytes(b"weights")
    expected = Weights(WeightsKind.IMAGENET, cached, hashlib.sha256(b"weights").hexdigest())
    assert find_weights("imagenet") == expected


def test_other_weights_are_another_model(tmp_path: Path) -> None:
    """Weights of other content make another model, even in a file of the same name."""
    ids = set()
    for content in (b"one", b"two"):
        (tmp_path / "weights.h5").write_bytes(content)
        weights = find_weights(str(tmp_path / "weights.h5"))
        assert weights is not None
        ids.add(model_id_of(weights))
    assert len(ids) == 2


@pytest.fixture
def model(tmp_path: Path, seeded: Weights) -> Path:
    """Return the folder of an exported model whose files no engine could execute."""
    files = {"model.tflite": b"network", "weights.npz": b"arrays"}
    write_model(Storage(tmp_path.as_uri()), "", seeded, ExportedModel(files, {"keras": "3"}))
    return tmp_path


def _load(folder: Path, engine: Engine = Engine.LITERT) -> ExportedModel:
    weights = find_weights(str(folder))
    assert weights is not None
    return load_exported(folder, weights, engine)


def test_an_exported_model_stands_for_its_weights(model: Path, seeded: Weights) -> None:
    """An exported model has the identity of its weights, and contains what each engine executes."""
    weights = find_weights(str(model))
    assert weights == Weights(seeded.kind, None, seeded.sha256, exported=model)
    assert model_id_of(weights) == model_id_of(seeded)
    for engine in Engine:
        assert _load(model, engine) == ExportedModel(
            {"model.tflite": b"network", "weights.npz": b"arrays"}, {"keras": "3"}
        )


def test_a_folder_without_a_card_is_no_model(model: Path) -> None:
    """A folder without a card is an unfinished export, because an export writes the card last."""
    (model / CARD).unlink()
    with pytest.raises(WeightsError, match=r"There is no complete model in .*: `fruits export` makes one"):
        find_weights(str(model))


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "no JSON",
        lambda _: "[]",
        lambda card: json.dumps({"model_id": card["model_id"]}),
        lambda card: json.dumps(card | {"weights": {"kind": "seeded"}}),
        lambda card: json.dumps(card | {"weights": {"kind": "seeded", "sha256": 5}}),
        lambda card: json.dumps(card | {"weights": {"kind": "seeded", "sha256": "../x"}}),
        lambda card: json.dumps(card | {"weights": {"kind": "guessed", "sha256": "0" * 64}}),
        lambda card: json.dumps(card | {"files": ["model.tflite"]}),
    ],
)
def test_an_invalid_card_is_refused(model: Path, change: Callable[[dict[str, Any]], str]) -> None:
    """A card without the fields of a card, or with others, gives a sentence that names the file."""
    card = json.loads((model / CARD).read_bytes())
    del card[CHECKSUM]
    (model / CARD).write_text(change(card))
    with pytest.raises(WeightsError, match=CARD):
        find_weights(str(model))


@pytest.mark.parametrize("file", ["model.tflite", "weights.npz"])
def test_a_file_that_is_not_the_exported_one_is_refused(model: Path, file: str) -> None:
    """No other network can compute features under the identity of these weights."""
    (model / file).write_bytes(b"another")
    with pytest.raises(WeightsError, match=rf"{file} differs from {CARD}"):
        _load(model)


def test_a_model_of_another_version_of_the_application_is_refused(model: Path) -> None:
    """The preprocessing is part of the model: after it has changed, the model must be exported again."""
    card = ModelCard.from_json((model / CARD).read_bytes())
    (model / CARD).write_text(replace(card, model_id="mobilenetv2-0123456789ab").to_json())
    with pytest.raises(WeightsError, match="belongs to another version"):
        _load(model)


@pytest.mark.parametrize(("file", "lacking"), [("model.tflite", Engine.LITERT), ("weights.npz", Engine.TENSORFLOW)])
def test_an_engine_names_its_missing_file(model: Path, file: str, lacking: Engine) -> None:
    """A folder may contain the file of one engine only; the other engine names the missing file."""
    (model / file).unlink()
    with pytest.raises(WeightsError, match=rf"There is no {file} in .*, which --engine {lacking} executes"):
        _load(model, lacking)
    (other,) = set(Engine) - {lacking}
    assert file not in _load(model, other).files
