"""Tests that a damaged file of an output is noticed and named, and that a run makes anew what can be made anew."""

import io
import re
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from contract.layout import LATEST
from contract.runs import Mode
from contract.summary import Summary
from contract.tables import Table
from spark_app.curation.findings import FINDINGS
from spark_app.engine.model import ExportedModel, model_id_of, save_model
from spark_app.engine.weights import Weights
from spark_app.errors import OutputError
from spark_app.numerics.components import ComponentCount
from spark_app.pipeline import maintain, run
from spark_app.progress import PlainReporter
from spark_app.settings import RunSettings
from spark_app.stages.repair import DamagedTableError, damage_in
from spark_app.storage import Storage
from spark_app.tables import Tables
from tests.published import read_matrix, read_table

Run = Callable[..., Summary]
Damage = Callable[[Path], None]

KEEP_BASIS = {"components": ComponentCount(3), "refit_threshold": 0.0}
IMAGES = 10


def _cut(file: Path) -> None:
    body = file.read_bytes()
    file.write_bytes(body[: len(body) // 2])


def _flip(file: Path) -> None:
    """Change one bit in the middle of the file."""
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 4
    file.write_bytes(body)


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _delete(file: Path) -> None:
    file.unlink()


def _write(text: str) -> Damage:
    return lambda file: file.write_text(text)


def _count_one_less(file: Path) -> None:
    """Change a count, as an editor or a merge of two files would: the document stays a document."""
    text = file.read_text()
    assert f'"images": {IMAGES}' in text
    file.write_text(text.replace(f'"images": {IMAGES}', f'"images": {IMAGES - 1}'))


DAMAGES = {"cut": _cut, "one bit": _flip, "empty": _empty, "deleted": _delete}
"""Unit tests of documents and archives flip every bit. Here, few damages show that a run goes on after each."""

DEEP = _write("[" * 100_000)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the output, which stays the same: Iceberg's metadata names files by their absolute paths."""
    return tmp_path_factory.mktemp("damage")


@pytest.fixture(scope="module")
def saved(
    place: Path, sample: Path, seeded: Weights, exported: ExportedModel, session_at: Callable[[Path], SparkSession]
) -> Summary:
    """Make an output with two runs, so that tables have deletions, statistics are updated, and the basis is kept."""
    images, output = shutil.copytree(sample, place / "images"), place / "output"
    output.mkdir()
    save_model(Storage(output.as_uri()), model_id_of(seeded), seeded, exported)
    settings = RunSettings(images=images.as_uri(), output=output.as_uri(), weights="seeded", **KEEP_BASIS)
    for picture in sorted(images.glob("*/view *"))[IMAGES + 1 :]:
        picture.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spark_app.pipeline.open_session", lambda *_: nullcontext(session_at(output)))
        run(settings, PlainReporter(io.StringIO()), {})
        pictures = sorted(images.glob("*/view *"))
        shutil.copy(pictures[1], pictures[0])
        pictures[2].unlink()
        summary = run(settings, PlainReporter(io.StringIO()), {})
    shutil.copytree(output, place / "saved")
    return summary


@pytest.fixture
def images(place: Path) -> Path:
    """Return the images."""
    return place / "images"


@pytest.fixture
def output(place: Path, saved: Summary) -> Path:
    """Return the output as the two runs left it."""
    del saved
    shutil.rmtree(place / "output")
    return shutil.copytree(place / "saved", place / "output")


def _assert_same_results(place: Path, summary: Summary, saved: Summary) -> None:
    """Check that a run has published the same images and refusals as the run before, and coordinates of its basis."""
    found, expected = place / "output/results" / summary.run_id, place / "saved/results" / saved.run_id
    keys, coordinates = read_matrix(found)
    expected_keys, expected_coordinates = read_matrix(expected)
    assert summary.counts.images == len(keys) == IMAGES
    assert keys == expected_keys
    assert summary.pca_version != saved.pca_version or abs(coordinates - expected_coordinates).max() < 1e-4
    assert read_table(found / "rejects.csv") == read_table(expected / "rejects.csv")
    columns = slice(None) if summary.pca_version == saved.pca_version else slice(3)  # key, label and kind
    rows = [[row[columns] for row in read_table(folder / "findings.csv")] for folder in (found, expected)]
    assert rows[0] == rows[1]


DOCUMENTS = ["results/latest.json", "results/{run_id}/summary.json", "results/{run_id}/report.json"]
ARRAYS = [f"pca/{{pca_version}}/{name}.npz" for name in ("statistics", "basis")]
TABLES_OF_RESULTS = [f"results/{{run_id}}/{name}" for name in ("pca.csv", "rejects.csv", "findings.csv")]


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        *((file, damage) for file in DOCUMENTS for damage in (_cut, _delete, DEEP)),
        ("results/{run_id}/summary.json", _count_one_less),
        *((file, damage) for file in ARRAYS + TABLES_OF_RESULTS for damage in (_flip, _delete)),
    ],
)
def test_a_damaged_file_is_named_and_made_anew(
    file: str, damage: Damage, run_pipeline: Run, output: Path, place: Path, saved: Summary
) -> None:
    """Every file that a run reads again carries a checksum; the next run in any mode makes a damaged one anew."""
    name = file.format(run_id=saved.run_id, pca_version=saved.pca_version)
    damage(output / name)
    summary = run_pipeline(mode=Mode.UPDATE, **KEEP_BASIS)
    is_without_results = damage is _delete and name == LATEST  # nothing tells this from the first run of an output
    assert is_without_results or [note for note in summary.notes if note.startswith(name)]
    _assert_same_results(place, summary, saved)


def _newest(folder: Path, pattern: str) -> Path:
    return max(folder.glob(pattern), key=lambda file: file.stat().st_mtime_ns)


FILES_OF_A_TABLE = {
    "metadata": lambda folder: max(
        folder.glob("metadata/v*.metadata.json"), key=lambda file: int(re.findall(r"\d+", file.name)[0])
    ),
    "version hint": lambda folder: folder / "metadata/version-hint.text",
    "list of manifests": lambda folder: _newest(folder, "metadata/snap-*.avro"),
    "manifest": lambda folder: _newest(folder, "metadata/*-m*.avro"),
    "rows": lambda folder: max(folder.glob("data/*[0-9].parquet"), key=lambda file: file.stat().st_size),
}

CASES = [
    ("metadata", "cut"),
    ("version hint", "too high"),
    ("list of manifests", "one bit"),
    ("manifest", "empty"),
    ("rows", "deleted"),
]


def _count_up(hint: Path) -> None:
    hint.with_name(f".{hint.name}.crc").unlink()
    hint.write_text(str(int(hint.read_text()) + 1))


def _damage_table(output: Path, table: Table, kind: str, damage: str) -> str:
    """Damage a file of a table, and return its name."""
    file: Path = FILES_OF_A_TABLE[kind](output / "tables/fruits" / table)
    (DAMAGES | {"too high": _count_up})[damage](file)
    return file.name


@pytest.mark.parametrize("case", CASES, ids=" ".join)
@pytest.mark.parametrize("table", [Table.COMPONENTS, Table.REJECTS])
def test_reconcile_makes_a_damaged_table_anew(
    table: Table, case: tuple[str, str], run_pipeline: Run, output: Path, place: Path, saved: Summary
) -> None:
    """Coordinates come from the features, and refused images are examined again; no feature is computed."""
    _damage_table(output, table, *case)
    summary = run_pipeline(**KEEP_BASIS)
    assert [note for note in summary.notes if note.startswith(f"The table {table} is damaged: its file ")]
    assert summary.counts.featurised == 0
    _assert_same_results(place, summary, saved)


@pytest.mark.parametrize(("kind", "damage"), CASES)
def test_damaged_features_are_named_and_computed_anew_by_reprocess(
    kind: str, damage: str, run_pipeline: Run, output: Path, place: Path, saved: Summary
) -> None:
    """Other modes fail with a sentence that names the table, the file and the remedy; the last results stay."""
    name = _damage_table(output, Table.FEATURES, kind, damage)
    latest = (output / LATEST).read_bytes()
    with pytest.raises(DamagedTableError, match=r"The table features is damaged: its file .* --mode reprocess") as told:
        run_pipeline(**KEEP_BASIS)
    assert damage == "too high" or name in str(told.value)
    assert (output / LATEST).read_bytes() == latest
    summary = run_pipeline(mode=Mode.REPROCESS, **KEEP_BASIS)
    assert summary.counts.featurised == IMAGES
    _assert_same_results(place, summary, saved)


@pytest.mark.parametrize("damage", ["cut", "empty", "deleted", "too low"])
def test_a_damaged_version_hint_hides_no_rows(
    damage: str, run_pipeline: Run, output: Path, place: Path, saved: Summary
) -> None:
    """Iceberg finds the newest metadata without the hint."""
    hint = output / "tables/fruits/features/metadata/version-hint.text"
    (DAMAGES | {"too low": _write("1")})[damage](hint)
    hint.with_name(f".{hint.name}.crc").unlink()
    summary = run_pipeline(**KEEP_BASIS)
    assert (summary.counts.featurised, summary.counts.removed) == (0, 0)
    _assert_same_results(place, summary, saved)


@pytest.fixture
def with_findings(output: Path, session_at: Callable[[Path], SparkSession]) -> Tables:
    """Return the tables with other findings than those of the images."""
    tables = Tables(session_at(output), "fruits")
    finding = {"key": "a.jpg", "label": "l", "kind": "dark", "score": 1.0, "other_key": "b.jpg", "detail": ""}
    many = [finding | {"other_key": f"{number}.jpg"} for number in range(2_000)]  # the largest file is the current one
    tables.replace_findings(pa.Table.from_pylist(many, FINDINGS))
    return tables


@pytest.mark.parametrize(
    ("mode", "case"),
    [
        (Mode.UPDATE, ("metadata", "empty")),
        (Mode.UPDATE, ("manifest", "empty")),
        (Mode.RECONCILE, ("version hint", "too high")),
        (Mode.RECONCILE, ("rows", "deleted")),
    ],
)
def test_every_run_makes_damaged_findings_anew(
    mode: Mode, case: tuple[str, str], with_findings: Tables, run_pipeline: Run, output: Path, saved: Summary
) -> None:
    """The findings follow from the other tables, so that no image, no coordinate and no basis is computed again."""
    _damage_table(output, Table.FINDINGS, *case)
    summary = run_pipeline(mode=mode, **KEEP_BASIS)
    assert [note for note in summary.notes if note.startswith("The table findings is damaged: its file ")]
    assert summary.snapshots.have_images_of(saved.snapshots)
    assert summary.pca_version == saved.pca_version
    _assert_same_results(output.parent, summary, saved)
    with_findings.spark.catalog.refreshTable(with_findings.findings)
    assert "a.jpg" not in {row.key for row in with_findings.spark.table(with_findings.findings).collect()}


@pytest.mark.usefixtures("with_findings")
def test_other_findings_leave_everything_else_as_it_is(run_pipeline: Run, saved: Summary) -> None:
    """If a run has died after it had committed its findings, the next one still updates the last results."""
    summary = run_pipeline(mode=Mode.UPDATE, **KEEP_BASIS)
    assert summary.snapshots.have_images_of(saved.snapshots)
    assert summary.pca_version == saved.pca_version


def test_maintain_removes_damaged_findings(
    with_findings: Tables, run_pipeline: Run, output: Path, saved: Summary
) -> None:
    """It maintains the other tables, and the next run makes the table anew."""
    _damage_table(output, Table.FINDINGS, "metadata", "cut")
    told = io.StringIO()
    maintain(RunSettings(images="", output=output.as_uri(), mode=Mode.MAINTAIN), PlainReporter(told), {})
    assert "The table findings is damaged: its file " in told.getvalue()
    assert "of old matrices" in told.getvalue()  # the last step
    assert Table.FINDINGS not in with_findings.existing()
    assert run_pipeline(mode=Mode.UPDATE, **KEEP_BASIS).snapshots.have_images_of(saved.snapshots)
    assert Table.FINDINGS in with_findings.existing()


@pytest.mark.parametrize("table", [Table.FEATURES, Table.COMPONENTS, Table.REJECTS])
def test_update_and_maintain_name_a_damaged_table(table: Table, run_pipeline: Run, output: Path) -> None:
    """These modes do not list the images, so they leave the repair to another mode, which they name."""
    _damage_table(output, table, "metadata", "empty")
    with pytest.raises(DamagedTableError, match=rf"The table {table} is damaged.*--mode re"):
        run_pipeline(mode=Mode.UPDATE, **KEEP_BASIS)
    with pytest.raises(DamagedTableError, match=rf"The table {table} is damaged.*--mode re"):
        maintain(RunSettings(images="", output=output.as_uri(), mode=Mode.MAINTAIN), PlainReporter(io.StringIO()), {})


@pytest.mark.parametrize("file", ["results/latest.json", "results/{run_id}/summary.json"])
def test_maintain_deletes_no_matrix_that_it_can_not_rule_out(
    file: str, run_pipeline: Run, output: Path, saved: Summary
) -> None:
    """Without the documents that name the used files, every file of a matrix may be in use."""
    del run_pipeline  # whose fixture makes `maintain` use the session of the tests
    of_a_matrix = output / f"pca/{saved.pca_version}/matrix/20200101T000000Z-a-00000.csv"
    of_a_matrix.parent.mkdir()
    of_a_matrix.write_text("key,label\n")
    settings = RunSettings(images="", output=output.as_uri(), mode=Mode.MAINTAIN, retention_days=0)
    (output / file.format(run_id=saved.run_id)).write_text("{")
    told = io.StringIO()
    maintain(settings, PlainReporter(told), {})
    assert of_a_matrix.exists()
    assert "What it may name was not deleted" in told.getvalue()
    shutil.copytree(output.parent / "saved/results", output / "results", dirs_exist_ok=True)
    maintain(settings, PlainReporter(told), {})
    assert not of_a_matrix.exists()


@pytest.mark.parametrize(
    "told",
    [
        "java.io.FileNotFoundException: /out/tables/fruits/features/data/1.parquet (Permission denied)",
        "java.io.IOException: No space left on device: /out/tables/fruits/features/data/1.parquet",
        "java.io.FileNotFoundException: /out/staging/plan/1.parquet does not exist",
        "java.lang.IllegalStateException: tables/fruits/features/data/1.parquet\n\tat org.apache.avro.EOFException",
    ],
)
def test_other_failures_are_not_taken_for_damage(told: str) -> None:
    """A table is not made anew if a file can't be reached, or if another file is concerned."""
    assert damage_in(RuntimeError(told), "fruits") is None


def _content(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def _belong_to(other: Path, output: Path) -> None:
    """Let the metadata of the tables name the folder of another output, as it does in a copy of that output."""
    for file in output.glob("tables/*/*/metadata/v*.metadata.json"):
        file.with_name(f".{file.name}.crc").unlink(missing_ok=True)
        file.write_text(file.read_text().replace(f"{output}/", f"{other}/"))


def test_a_copied_output_leaves_the_original_alone(run_pipeline: Run, output: Path, place: Path) -> None:
    """Iceberg names files by absolute paths: a copy is refused, until a reprocess has made tables of its own."""
    original = shutil.copytree(output, place / "original")
    _belong_to(original, output)
    before = _content(original)
    for mode in (Mode.RECONCILE, Mode.UPDATE):
        with pytest.raises(OutputError, match=r"have their files in .*/original/tables/fruits, because"):
            run_pipeline(mode=mode, **KEEP_BASIS)
    settings = RunSettings(images="", output=output.as_uri(), mode=Mode.MAINTAIN, retention_days=0)
    with pytest.raises(OutputError, match="move it back, or run with --mode reprocess"):
        maintain(settings, PlainReporter(io.StringIO()), {})
    assert run_pipeline(mode=Mode.REPROCESS, **KEEP_BASIS).counts.images == IMAGES
    assert run_pipeline(**KEEP_BASIS).counts.featurised == 0
    assert _content(original) == before
    shutil.rmtree(original)


def test_a_lost_table_is_noted(run_pipeline: Run, output: Path, place: Path, saved: Summary) -> None:
    """If the table of features was deleted, all images are computed again, and a note says why."""
    shutil.rmtree(output / "tables/fruits/features")
    summary = run_pipeline(**KEEP_BASIS)
    assert summary.counts.featurised == IMAGES
    assert any("The table features was missing" in note for note in summary.notes)
    _assert_same_results(place, summary, saved)


@pytest.mark.parametrize("name", ["results", "pca", "models", "staging", "tables", "inbox"])
def test_a_file_in_the_place_of_a_folder_is_named(run_pipeline: Run, output: Path, name: str) -> None:
    """The user learns what to remove before the run has computed anything."""
    if (output / name).exists():
        shutil.rmtree(output / name)
    (output / name).write_text("")
    with pytest.raises(OutputError, match=rf"{name} is a file, but the pipeline needs a folder there"):
        run_pipeline(**KEEP_BASIS)


@pytest.mark.parametrize("name", [LATEST, "fruits-output.json"])
def test_a_folder_in_the_place_of_a_file_is_named(run_pipeline: Run, output: Path, name: str) -> None:
    """The user learns what to remove before the run has computed anything."""
    (output / name).unlink()
    (output / name).mkdir()
    with pytest.raises(OutputError, match=rf"{name} is a folder, but the pipeline needs a file there"):
        run_pipeline(**KEEP_BASIS)
