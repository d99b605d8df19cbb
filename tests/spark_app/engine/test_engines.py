"""Tests that both engines compute the same features, for drawn and for real images."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from spark_app.engine.export import export_model, in_own_process
from spark_app.engine.litert_engine import LiteRtEngine
from spark_app.engine.model import FILES, ExportedModel, is_damaged, load_payload, model_id_of, save_model
from spark_app.engine.network import build_network
from spark_app.engine.preprocessing import decode, normalized, prepare_decoders
from spark_app.engine.provision import provide_model, resolve_weights
from spark_app.engine.tensorflow_engine import TensorFlowEngine
from spark_app.engine.weights import Weights
from spark_app.errors import WeightsError
from spark_app.settings import Engine, Limits, RunSettings
from spark_app.stages.summary import notes_on_run
from spark_app.storage import Storage


def _keras_features(weights: Weights, pixels: np.ndarray) -> np.ndarray:
    return np.asarray(build_network(weights)(normalized(pixels), training=False))


def _tensorflow_features(payload: bytes, pixels: np.ndarray) -> np.ndarray:
    return TensorFlowEngine(payload).features(pixels)


def _pixels(files: list[Path]) -> np.ndarray:
    prepare_decoders()
    return np.stack([decode(file.read_bytes(), Limits()).pixels for file in files])


def _assert_parity(weights: Weights, exported: ExportedModel, pixels: np.ndarray) -> None:
    """Compare both engines with Keras: to 1e-3 absolute, and with a cosine above 0.99999."""
    reference = in_own_process(_keras_features, weights, pixels)
    tensorflow = in_own_process(_tensorflow_features, exported.files[FILES[Engine.TENSORFLOW]], pixels)
    litert = LiteRtEngine(exported.files[FILES[Engine.LITERT]]).features(pixels)
    assert reference.std() > 0.01
    for features in (litert, tensorflow):
        assert features.shape == (len(pixels), 1280)
        assert features.dtype == np.float32
        assert np.abs(features - reference).max() <= 1e-3
        lengths = np.linalg.norm(features, axis=1) * np.linalg.norm(reference, axis=1)
        assert ((features * reference).sum(axis=1) / lengths).min() > 0.99999


def test_engines_agree_on_the_sample(seeded: Weights, exported: ExportedModel, sample: Path) -> None:
    """LiteRT, the frozen TensorFlow graph and Keras compute the same features of drawn pictures."""
    _assert_parity(seeded, exported, _pixels(sorted(sample.glob("[!B]*/*.jpg"))[::4]))


def test_engines_agree_on_real_images(real_data: Path) -> None:
    """All three compute the same features of photos of fruit with trained weights."""
    weights = resolve_weights(str(next(real_data.glob("weights/*.h5"))))
    files = sorted(real_data.glob("fruits-360/*/*.jpg"))[::40] + sorted(real_data.glob("photos/*/*.jpg"))[::10]
    _assert_parity(weights, in_own_process(export_model, weights), _pixels(files))


def test_features_do_not_depend_on_the_batch(exported: ExportedModel, sample: Path) -> None:
    """An image has the same features in any batch, so that chunks and tasks can be cut anywhere."""
    engine = LiteRtEngine(exported.files[FILES[Engine.LITERT]])
    pixels = _pixels(sorted(sample.glob("Lemon*/*.jpg")))
    alone = np.concatenate([engine.features(image[np.newaxis]) for image in pixels])
    np.testing.assert_allclose(engine.features(pixels), alone, atol=1e-4)


def test_an_exported_model_is_found_again(seeded: Weights, exported: ExportedModel, tmp_path: Path) -> None:
    """The next run executes the model that an earlier run has saved, and the card describes it."""
    root, model_id = Storage(tmp_path.as_uri()), model_id_of(seeded)
    assert load_payload(root, model_id, Engine.LITERT) is None
    save_model(root, model_id, seeded, exported)
    for engine in Engine:
        assert load_payload(root, model_id, engine) == exported.files[FILES[engine]]
    card = json.loads((tmp_path / "models" / model_id / "model.json").read_text())
    assert card["weights"] == {"kind": "seeded", "sha256": seeded.sha256}


def test_a_model_for_another_engine_is_not_damaged(seeded: Weights, exported: ExportedModel, tmp_path: Path) -> None:
    """If a saved model lacks the file of an engine, as those of earlier versions do, a run exports it without alarm."""
    root, model_id = Storage(tmp_path.as_uri()), model_id_of(seeded)
    assert not is_damaged(root, model_id, Engine.LITERT)
    save_model(root, model_id, seeded, ExportedModel({"model.onnx": b"network"}, {}))
    assert load_payload(root, model_id, Engine.LITERT) is None
    assert not is_damaged(root, model_id, Engine.LITERT)
    save_model(root, model_id, seeded, exported)
    (tmp_path / "models" / model_id / "model.tflite").unlink()
    assert is_damaged(root, model_id, Engine.LITERT)


def _save_weights_of_a_narrower_network(path: Path) -> None:
    import keras

    keras.applications.MobileNetV2(alpha=0.35, include_top=False, weights=None).save_weights(path)


def _one_bit_flipped(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("model.tflite", _one_bit_flipped),
        ("model.tflite", lambda body: body[:1000]),
        ("model.tflite", lambda _: b""),
        ("model.json", lambda body: body[:100]),
        ("model.json", lambda _: b"[1]"),
    ],
)
def test_a_damaged_model_is_exported_again(
    file: str,
    damage: Callable[[bytes], bytes],
    seeded: Weights,
    exported: ExportedModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run never executes a saved model that differs from its card: it replaces the model, and a note says so."""
    root, model_id = Storage(tmp_path.as_uri()), model_id_of(seeded)
    export = SimpleNamespace(result=lambda: exported)
    save_model(root, model_id, seeded, exported)
    path = tmp_path / "models" / model_id / file
    path.write_bytes(damage(path.read_bytes()))
    monkeypatch.setattr("spark_app.engine.provision.started_process", lambda *_, **__: nullcontext(export))
    with provide_model(root, seeded, Engine.LITERT) as ready:
        model = ready()
    assert model.payload == exported.files["model.tflite"]
    assert any("was damaged" in note for note in notes_on_run(RunSettings(images="i", output="o"), model, None, 0))
    model.save(root)
    assert load_payload(root, model_id, Engine.LITERT) == model.payload


def test_weights_of_the_wrong_shape_are_refused(tmp_path: Path) -> None:
    """Weights of a network with fewer channels give a sentence instead of a traceback of Keras."""
    path = tmp_path / "narrow.weights.h5"
    in_own_process(_save_weights_of_a_narrower_network, path)
    with pytest.raises(WeightsError, match=r"narrow\.weights\.h5 are not those of MobileNetV2"):
        in_own_process(export_model, resolve_weights(str(path)))
