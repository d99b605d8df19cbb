"""Tests of `fruits matrix`: every format has the rows of the published matrix, in their order."""

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cli.main import main
from cli.table_rows import TableRows
from cli.written_files import complete_folder
from contract.digest import Digest
from contract.summary import Latest, MatrixFile, Summary
from spark_app.errors import OutputError
from tests.cli.conftest import FORMULA, MARKUP
from tests.cli.mistakes import sentence_of_mistake
from tests.published import read_matrix


def _matrix(output: Path, file: Path, *options: str) -> int:
    return main(["matrix", "--output", str(output), str(file), *options])


def _results(output: Path) -> Path:
    return output / Latest.from_json((output / "results/latest.json").read_bytes()).results


@pytest.fixture
def published(corpus: Path) -> tuple[list[str], list[str | None], np.ndarray]:
    """Return the keys, labels and coordinates that the run has published."""
    keys, coordinates = read_matrix(_results(corpus))
    return keys, [Path(key).parent.name or None for key in keys], coordinates.astype(np.float32)


Published = tuple[list[str], list[str | None], np.ndarray]


def test_csv_has_the_bytes_of_the_published_file(corpus: Path, tmp_path: Path) -> None:
    """A matrix of one file is copied."""
    assert _matrix(corpus, tmp_path / "all.csv") == 0
    assert (tmp_path / "all.csv").read_bytes() == (_results(corpus) / "pca.csv").read_bytes()


def test_the_ending_of_a_file_may_be_in_capitals(corpus: Path, tmp_path: Path) -> None:
    """It says what the file contains, as in small letters."""
    assert _matrix(corpus, tmp_path / "ALL.CSV") == 0
    assert _matrix(corpus, tmp_path / "other.Csv", "--format", "csv") == 0
    assert (tmp_path / "ALL.CSV").read_bytes() == (tmp_path / "other.Csv").read_bytes()


def _split(output: Path, sizes: list[int]) -> list[Path]:
    """Divide the published matrix into files, as a run writes a large one, and return their paths."""
    results = _results(output)
    summary = Summary.from_json((results / "summary.json").read_bytes())
    header, *lines = (results / "pca.csv").read_bytes().splitlines(keepends=True)
    files = []
    for number, size in enumerate(sizes):
        name = f"pca/{summary.pca_version}/matrix/{summary.run_id}-{number:05}.csv"
        body = header + b"".join(lines[sum(sizes[:number]) : sum(sizes[:number]) + size])
        (output / name).parent.mkdir(exist_ok=True)
        (output / name).write_bytes(body)
        files.append(MatrixFile(file=name, first_key=str(number), rows=size, digest=Digest.of(body)))
    (results / "summary.json").write_text(replace(summary, matrix=files).to_json())
    return [output / file.file for file in files]


def test_the_files_of_a_large_matrix_become_one(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several files make the same bytes as one; a damaged one is named, and leaves no file."""
    output = shutil.copytree(corpus, tmp_path / "output")
    whole = (_results(output) / "pca.csv").read_bytes()
    _, second, _ = _split(output, [20, 30, len(whole.splitlines()) - 51])
    assert _matrix(output, tmp_path / "all.csv") == 0
    assert (tmp_path / "all.csv").read_bytes() == whole
    second.write_bytes(second.read_bytes().replace(b"Plum", b"Pear").replace(b"Apricot", b"Apricoy"))
    capsys.readouterr()
    assert _matrix(output, tmp_path / "other.csv") == 1
    assert f"{second.relative_to(output)} in {output} is missing or damaged" in capsys.readouterr().err
    assert not (tmp_path / "other.csv").exists()
    assert _matrix(output, tmp_path / "all.parquet") == 0


def test_parquet_has_a_column_for_each_component(corpus: Path, tmp_path: Path, published: Published) -> None:
    """Pandas reads the keys as they are, the missing label as missing, and the coordinates in single precision."""
    assert _matrix(corpus, tmp_path / "all.parquet") == 0
    keys, labels, coordinates = published
    frame = pd.read_parquet(tmp_path / "all.parquet")
    assert frame["key"].tolist() == keys
    assert FORMULA in keys
    assert frame["label"].tolist() == labels
    assert frame.columns[2:].tolist() == [f"pc_{number}" for number in range(1, coordinates.shape[1] + 1)]
    np.testing.assert_array_equal(frame.filter(like="pc_").to_numpy(), coordinates)
    assert set(frame.filter(like="pc_").dtypes) == {np.dtype(np.float32)}


def test_npz_has_the_variances_too(corpus: Path, tmp_path: Path, published: Published) -> None:
    """NumPy reads it without pickle; the variances are those of `explained_variance.csv`."""
    assert _matrix(corpus, tmp_path / "all.npz") == 0
    keys, labels, coordinates = published
    variances = pd.read_csv(_results(corpus) / "explained_variance.csv")
    with np.load(tmp_path / "all.npz", allow_pickle=False) as archive:
        assert archive["keys"].tolist() == keys
        assert archive["labels"].tolist() == [label or "" for label in labels]
        np.testing.assert_array_equal(archive["components"], coordinates)
        np.testing.assert_allclose(archive["explained_variance"], variances["variance"][: coordinates.shape[1]])
        np.testing.assert_allclose(archive["explained_variance_ratio"], variances["ratio"][: coordinates.shape[1]])


def test_atlas_has_two_coordinates_and_a_picture(corpus: Path, tmp_path: Path, published: Published) -> None:
    """The columns are those that Embedding Atlas asks for; an image without a thumbnail has none."""
    assert _matrix(corpus, tmp_path / "all.parquet", "--format", "atlas") == 0
    keys, labels, coordinates = published
    table = pq.read_table(tmp_path / "all.parquet")
    assert table["key"].to_pylist() == keys
    assert table["label"].to_pylist() == labels
    np.testing.assert_array_equal(np.stack([table["x"], table["y"]], axis=1), coordinates[:, :2])
    np.testing.assert_array_equal(np.stack(table["components"].to_numpy()), coordinates)
    for key, image in zip(keys, table["image"].to_pylist(), strict=True):
        assert image is None or (image["path"] == key and Image.open(io.BytesIO(image["bytes"])).format == "WEBP")


def test_the_projector_gets_rows_in_one_order(corpus: Path, tmp_path: Path, published: Published) -> None:
    """Vectors and names have the rows of the matrix; a name can't break the lines of the file."""
    assert _matrix(corpus, tmp_path / "board", "--format", "projector") == 0
    keys, labels, coordinates = published
    vectors = np.fromfile(tmp_path / "board/tensors.bytes", "<f4").reshape(coordinates.shape)
    np.testing.assert_array_equal(vectors, coordinates)
    lines = (tmp_path / "board/metadata.tsv").read_text().splitlines()
    assert lines == ["key\tlabel", *(f"{key}\t{label or ''}" for key, label in zip(keys, labels, strict=True))]
    assert any(line.startswith(MARKUP) for line in lines)


def test_a_file_appears_when_it_is_complete(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of the writing leaves the file, or the folder, of before, and no other file."""
    assert _matrix(corpus, tmp_path / "all.parquet") == 0
    assert _matrix(corpus, tmp_path / "board", "--format", "projector") == 0
    (tmp_path / "board/metadata.tsv").write_text("of before")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    whole = TableRows.pieces

    def interrupted(rows: TableRows, columns: list[str]) -> Iterator[pa.Table]:
        yield from whole(rows, columns)
        if "components" in columns:
            raise KeyboardInterrupt

    monkeypatch.setattr(TableRows, "pieces", interrupted)
    assert _matrix(corpus, tmp_path / "all.parquet", "--force") == 130
    assert _matrix(corpus, tmp_path / "board", "--format", "projector", "--force") == 130
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_is_replaced_with_force_only(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of an earlier call is replaced if the user says so; one with a file of the user never is."""
    board = tmp_path / "board"
    assert _matrix(corpus, board, "--format", "projector") == 0
    (board / "metadata.tsv").write_text("of before")
    assert _matrix(corpus, board, "--format", "projector") == 2
    assert "add --force" in capsys.readouterr().err
    assert _matrix(corpus, board, "--format", "projector", "--force") == 0
    assert (board / "metadata.tsv").read_text() != "of before"
    (board / "thesis.doc").touch()
    assert _matrix(corpus, board, "--format", "projector", "--force") == 2
    assert "board contains other files, such as 'thesis.doc'" in capsys.readouterr().err
    assert (board / "thesis.doc").exists()


def test_a_corpus_that_is_too_large_for_a_sprite_is_said_to_be(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command does not blame the thumbnails, which are there."""
    monkeypatch.setattr("cli.projector.LARGEST_SPRITE", 8)
    monkeypatch.setattr("cli.projector.MOST_PICTURES", 1)
    assert _matrix(corpus, tmp_path / "board", "--format", "projector") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "There are no pictures, because a sprite has room for 1 images at most."
    )
    assert not (tmp_path / "board/sprite.png").exists()


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()])
def test_a_folder_that_can_not_be_replaced_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """The folder of before has its place again if the new one can't take it."""
    (tmp_path / "board").mkdir()
    (tmp_path / "board/tensors.bytes").write_text("of before")
    rename = Path.rename

    def fail_for_the_new_one(path: Path, target: Path) -> Path:
        if path.name == "new":
            raise error
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new_one)
    with pytest.raises((OutputError, KeyboardInterrupt)), complete_folder(tmp_path / "board") as folder:
        (folder / "tensors.bytes").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["board"]
    assert (tmp_path / "board/tensors.bytes").read_text() == "of before"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["all.txt"], "must end in .csv, .parquet or .npz, or --format says what it is"),
        (["all"], "or --format says what it is"),
        (["all.csv", "--format", "xlsx"], "must be csv, parquet, npz, projector or atlas, not 'xlsx'"),
        (["all.npz", "--format", "atlas"], "must end in .parquet, not 'all.npz'"),
        (["all.csv", "--format", "parquet"], "With --format parquet, the name of the file must end in .parquet"),
        (["x" * 300], "File name too long"),
        (["~nosuchuser/all.csv"], "is no path that this machine can use"),
        (["all.npz", "--endpoint-url", "http://127.0.0.1:5000"], "--endpoint-url is for an environment"),
        (["nowhere/all.npz"], "There is no folder nowhere for all.npz"),
        (["there.npz"], "there.npz exists: choose another name, or add --force"),
        (["there.npz", "--format", "projector"], "there.npz exists and is no folder"),
        (["all.npz"], "There are no complete results in"),
        (["all.npz", "--output", "s3://bucket"], "For the cloud, use --env."),
        (["all.npz", "--env", "dev"], "leave one of them out"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A mistake of the user prints one sentence, exits with code 2, and changes nothing."""
    monkeypatch.chdir(tmp_path)
    Path("there.npz").write_text("of the user")
    assert problem in sentence_of_mistake(capsys, "matrix", "--output", ".", *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["there.npz"]
    assert Path("there.npz").read_text() == "of the user"


def test_the_answer_names_the_basis_and_how_to_open_the_file(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says what it has written, and what to type to look at it."""
    summary = json.loads((_results(corpus) / "summary.json").read_text())
    assert _matrix(corpus, tmp_path / "a.parquet", "--format", "atlas") == 0
    images, k = summary["counts"]["images"], summary["pca"]["components"]
    assert capsys.readouterr().out.splitlines()[:3] == [
        f"{images} images x {k} components of basis {summary['pca_version']}",
        f"  matrix   {tmp_path}/a.parquet",
        f"  open     embedding-atlas {tmp_path}/a.parquet --x x --y y --image image",
    ]
