"""Tests of `fruits export`: a run needs nothing else of a network."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.runs import Mode
from contract.summary import Summary
from spark_app.engine.model import ExportedModel, model_id_of, write_model
from spark_app.engine.weights import Weights
from spark_app.storage import Storage


def _export(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "export", *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_run_with_the_exported_model_is_a_run_with_its_weights(
    tmp_path: Path,
    run_pipeline: Callable[..., Summary],
    output: Path,
    results: Callable[[], Path],
    seeded: Weights,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without TensorFlow, a run with the exported model has the same model id, and gives the same features."""
    answer = _export(tmp_path, "--weights", "seeded", "folder/model")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f"model {model_id_of(seeded)} in {tmp_path}/folder/model" in answer.stdout
    assert sorted(file.name for file in (tmp_path / "folder/model").iterdir()) == [
        *("model.json", "model.tflite", "weights.npz")
    ]

    direct = run_pipeline(weights="seeded")
    matrix = (results() / "pca.csv").read_bytes()
    saved = output / "models" / model_id_of(seeded)
    for file in saved.iterdir():
        file.unlink()
    monkeypatch.setattr("spark_app.engine.provision.started_process", None)
    exported = str(tmp_path / "folder/model")
    again = run_pipeline(weights=exported)
    assert (again.model_id, again.weights) == (direct.model_id, direct.weights)
    assert (again.counts.featurised, again.counts.rejected) == (0, 0)
    assert (saved / "model.json").read_bytes() == (tmp_path / "folder/model/model.json").read_bytes()

    anew = run_pipeline(weights=exported, mode=Mode.REPROCESS)
    assert anew.counts.featurised == direct.counts.featurised
    assert (results() / "pca.csv").read_bytes() == matrix
    assert anew.notes == direct.notes


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--weights", "missing.h5", "new"], "There are no weights at missing.h5"),
        (["--weights", "empty", "new"], "There is no complete model in"),
        (["--weights", "model", "new"], "is exported already"),
        (["--weights", "seeded", "a file/new"], "Can't write to"),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(
    tmp_path: Path, seeded: Weights, arguments: list[str], sentence: str
) -> None:
    """A mistake gives one sentence without a traceback and exit code 2, and the command writes nothing."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "a file").touch()
    write_model(Storage(tmp_path.as_uri()), "model/", seeded, ExportedModel({"model.tflite": b"network"}, {}))
    assert json.loads((tmp_path / "model/model.json").read_bytes())["model_id"] == model_id_of(seeded)
    before = sorted(tmp_path.rglob("*"))
    answer = _export(tmp_path, *arguments)
    assert answer.returncode == 2
    assert sentence in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before
