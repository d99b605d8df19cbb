"""Tests of the decoding that a run chooses: outputs keep theirs until they are reprocessed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import SparkSession

from contract.layout import LATEST
from contract.runs import Mode
from contract.summary import Summary
from spark_app.engine.card import read_card
from spark_app.engine.litert_engine import LiteRtEngine
from spark_app.engine.model import ExportedModel, decoding_of_run, model_id_of, save_model
from spark_app.engine.preprocessing import PREPROCESSING, decode, prepare_decoders
from spark_app.engine.weights import Weights
from spark_app.errors import ModelMismatchError
from spark_app.settings import DEFAULT_DECODING, Decoding, DecodingChoice, Limits
from spark_app.stages.starting_point import last_model_id
from spark_app.storage import Storage
from spark_app.tables import Tables

(OTHER,) = set(Decoding) - {DEFAULT_DECODING}
"""The decoding that `auto` does not choose for a new output."""


@pytest.mark.parametrize("earlier", [None, *Decoding, "of other weights"])
@pytest.mark.parametrize("choice", DecodingChoice)
def test_the_option_decides_else_the_output_else_the_default(
    choice: DecodingChoice, earlier: Decoding | str | None, seeded: Weights
) -> None:
    """A run without the option continues what it finds, and uses the default where it finds nothing of its weights."""
    found = model_id_of(seeded, earlier) if isinstance(earlier, Decoding) else earlier
    expected = earlier if isinstance(earlier, Decoding) else DEFAULT_DECODING
    assert decoding_of_run(choice, seeded, found) == (expected if choice is DecodingChoice.AUTO else choice)


def test_each_decoding_is_another_model(seeded: Weights) -> None:
    """Features of two kinds of decoding never share a table, and decoding in full has the id of earlier versions."""
    assert len({model_id_of(seeded, decoding) for decoding in Decoding}) == len(Decoding)
    version_2 = "orientation, sRGB (perceptual), on white, Pillow bicubic 224x224, x/127.5-1; version 2"
    assert PREPROCESSING[Decoding.FULL] == version_2


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Return a folder of one large photo and two small ones."""
    (tmp_path / "images/Plum").mkdir(parents=True)
    for number, side in enumerate((1400, 99, 300)):
        _photo(number, side).save(tmp_path / f"images/Plum/{number}.jpg", quality=90)
    return tmp_path / "images"


def _photo(seed: int, side: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((side, side), Image.Resampling.NEAREST)


@pytest.fixture
def output(output: Path, seeded: Weights, exported: ExportedModel) -> Path:
    """Return an output folder that contains the exported model for each decoding."""
    save_model(Storage(output.as_uri()), model_id_of(seeded, OTHER), seeded, exported, OTHER)
    return output


def test_an_output_keeps_its_decoding_until_it_is_reprocessed(
    run_pipeline: Callable[..., Summary],
    images: Path,
    output: Path,
    seeded: Weights,
    exported: ExportedModel,
    session_at: Callable[[Path], SparkSession],
) -> None:
    """Runs continue with the decoding of the tables, even without its last results; `reprocess` takes the default."""
    expected = _features(images / "Plum/0.jpg", exported)
    assert run_pipeline(decoding=DecodingChoice(OTHER)).model_id == model_id_of(seeded, OTHER)
    assert read_card(output / "models" / model_id_of(seeded, OTHER)).preprocessing == PREPROCESSING[OTHER]
    tables = Tables(session_at(output), "fruits")

    def found() -> np.ndarray:
        row = tables.spark.table(tables.features).where("key = 'Plum/0.jpg'").first()
        assert row is not None
        assert (row.width, row.height) == (1400, 1400)
        return np.array(row.features)

    np.testing.assert_allclose(found(), expected[OTHER], atol=1e-4)
    with pytest.raises(ModelMismatchError):
        run_pipeline(decoding=DecodingChoice(DEFAULT_DECODING))

    assert last_model_id(Storage(output.as_uri())) == model_id_of(seeded, OTHER)
    (output / LATEST).unlink()
    (images / "Plum/1.jpg").write_bytes((images / "Plum/2.jpg").read_bytes())
    (images / "Plum/2.jpg").unlink()
    summary = run_pipeline()
    assert (summary.model_id, summary.counts.featurised) == (model_id_of(seeded, OTHER), 1)
    np.testing.assert_allclose(found(), expected[OTHER], atol=1e-4)

    summary = run_pipeline(mode=Mode.REPROCESS)
    assert (summary.model_id, summary.counts.featurised) == (model_id_of(seeded), 2)
    np.testing.assert_allclose(found(), expected[DEFAULT_DECODING], atol=1e-4)


def _features(photo: Path, exported: ExportedModel) -> dict[Decoding, np.ndarray]:
    """Return the features of a photo with each decoding, which differ."""
    prepare_decoders()
    engine = LiteRtEngine(exported.files["model.tflite"])
    body = photo.read_bytes()
    pixels = {kind: decode(body, Limits(), kind).pixels for kind in Decoding}
    found = {kind: engine.features(pixels[kind][np.newaxis])[0] for kind in Decoding}
    assert np.abs(found[Decoding.FULL] - found[Decoding.SCALED]).max() > 1e-3
    return found
