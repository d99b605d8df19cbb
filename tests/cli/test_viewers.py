"""Tests that open the files of `fruits matrix` with the programs that they are for."""

import json
import os
import subprocess
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cli.matrix_files import write_atlas, write_parquet
from cli.matrix_rows import MatrixRows
from cli.projector import write_projector
from contract.summary import Summary
from tests.cli.made_results import make_results

VIEWERS = Path(__file__).parents[2] / "build/viewers/bin"

KEYS = ["Plum/1.jpg", "Plum/2.jpg", 'it\'s <b>, "ü" 豆.jpg']

pytestmark = pytest.mark.skipif(
    not VIEWERS.is_dir(), reason="`make build/viewers/ready` has not installed TensorBoard, Embedding Atlas and DuckDB"
)


@dataclass(frozen=True, eq=False)
class Made:
    """A matrix, and its coordinates of shape (3, 3)."""

    matrix: MatrixRows
    coordinates: np.ndarray


@pytest.fixture
def made(tmp_path: Path, summary: Summary) -> Made:
    """Return a matrix of three images, two of which have thumbnails."""
    results, coordinates = make_results(tmp_path, summary, KEYS, ["red", None, "blue"])
    return Made(MatrixRows(results), coordinates)


@pytest.fixture
def viewer(tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs a program of the viewers, and returns what it prints."""

    def run(program: str, *arguments: str | Path) -> str:
        command = [str(VIEWERS / program), *map(str, arguments)]
        cache = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
        return subprocess.run(command, env=cache, capture_output=True, text=True, check=True).stdout

    return run


def test_tensorboard_serves_what_the_folder_contains(made: Made, viewer: Callable[..., str], tmp_path: Path) -> None:
    """TensorBoard finds the folder, and serves the vectors, the names and the sprite with the size of its tiles."""
    (tmp_path / "board").mkdir()
    assert write_projector(made.matrix, tmp_path / "board")
    program = Path(__file__).parent / "viewers/tensorboard_answers.py"
    answers = json.loads(viewer("python", program, tmp_path / "board").splitlines()[-1])
    assert answers["info"]["tensorShape"] == [3, 3]
    assert answers["info"]["sprite"]["singleImageDim"] == [48, 48]
    np.testing.assert_array_equal(np.frombuffer(b64decode(answers["tensor"]), "<f4").reshape(3, 3), made.coordinates)
    labels = ["Plum", "Plum", ""]
    lines = [f"{key}\t{label}" for key, label in zip(KEYS, labels, strict=True)]
    assert b64decode(answers["metadata"]).decode().splitlines() == ["key\tlabel", *lines]
    assert b64decode(answers["sprite_image"]) == (tmp_path / "board/sprite.png").read_bytes()


def test_embedding_atlas_takes_the_columns(made: Made, viewer: Callable[..., str], tmp_path: Path) -> None:
    """With the options that the command prints, it makes an application with the places and the pictures."""
    write_atlas(made.matrix, tmp_path / "all.parquet")
    options = ["--x", "x", "--y", "y", "--image", "image"]
    viewer("embedding-atlas", tmp_path / "all.parquet", *options, "--export-application", tmp_path / "app")
    metadata = json.loads((tmp_path / "app/data/metadata.json").read_text())
    assert metadata["props"]["data"]["projection"] == {"x": "x", "y": "y"}
    assert metadata["props"]["data"]["image"] == "image"
    rows = _query(viewer, f"SELECT key, x, y, image.bytes[:4]::text FROM '{tmp_path}/app/data/dataset.parquet'")
    assert [(row[0], row[3]) for row in rows] == list(zip(KEYS, ["RIFF", None, "RIFF"], strict=True))
    np.testing.assert_array_equal(np.array([row[1:3] for row in rows], np.float32), made.coordinates[:, :2])


def test_duckdb_reads_parquet(made: Made, viewer: Callable[..., str], tmp_path: Path) -> None:
    """SQL on the file sees one column for each component, and the missing label as NULL."""
    write_parquet(made.matrix, tmp_path / "all.parquet")
    rows = _query(viewer, f"SELECT key, label, pc_1, pc_2, pc_3 FROM '{tmp_path}/all.parquet'")
    assert [row[:2] for row in rows] == [[KEYS[0], "Plum"], [KEYS[1], "Plum"], [KEYS[2], None]]
    np.testing.assert_array_equal(np.array([row[2:] for row in rows], np.float32), made.coordinates)


def _query(viewer: Callable[..., str], sql: str) -> list[list[object]]:
    """Return the rows that DuckDB finds."""
    program = "import duckdb, json, sys; print(json.dumps(duckdb.sql(sys.argv[1]).fetchall()))"
    rows: list[list[object]] = json.loads(viewer("python", "-c", program, sql))
    return rows
