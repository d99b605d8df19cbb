"""Tests of where weights come from, and of the identity that they give a model."""

import hashlib
from pathlib import Path

import pytest

from spark_app.engine.model import model_id_of
from spark_app.engine.weights import IMAGENET_FILE, Weights, WeightsKind, find_weights
from spark_app.errors import WeightsError


@pytest.mark.parametrize("requested", ["missing.h5", "weights.onnx", "imagnet"])
def test_what_names_no_weights_is_refused(requested: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error is found out before anything is started."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match=requested):
        find_weights(requested)


def test_imagenet_weights_are_looked_for_where_keras_caches_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once downloaded they are found without TensorFlow, and their hash is that of the file."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert find_weights("imagenet") is None
    cached = tmp_path / "models" / IMAGENET_FILE
    cached.parent.mkdir()
    cached.write_bytes(b"weights")
    expected = Weights(WeightsKind.IMAGENET, cached, hashlib.sha256(b"weights").hexdigest())
    assert find_weights("imagenet") == expected


def test_other_weights_are_another_model(tmp_path: Path) -> None:
    """Features of two sets of weights never mix, whatever their files are called."""
    ids = set()
    for content in (b"one", b"two"):
        (tmp_path / "weights.h5").write_bytes(content)
        weights = find_weights(str(tmp_path / "weights.h5"))
        assert weights is not None
        ids.add(model_id_of(weights))
    assert len(ids) == 2
