"""The starting point of a run: the tables that it works on, and the results of the last complete run."""

from dataclasses import dataclass
from typing import TypeVar

from pyspark.sql import SparkSession

from contract.documents import Document, DocumentError
from contract.layout import LATEST, ResultFile, results_folder
from contract.runs import Mode
from contract.summary import Latest, Snapshots, Summary
from contract.tables import Table
from spark_app.errors import ModelMismatchError
from spark_app.report.data import ReportData
from spark_app.run import Run
from spark_app.settings import ThumbnailsChoice
from spark_app.stages.labels import replace_labels, update_labels
from spark_app.stages.rebuild import begin_rebuild
from spark_app.storage import Storage
from spark_app.tables import Tables

AnyDocument = TypeVar("AnyDocument", bound=Document)

NO_LAST_RUN = "has fitted a new basis, and written all results again"


@dataclass(frozen=True)
class LastRun:
    """The documents of the last complete run."""

    summary: Summary
    report: ReportData


@dataclass(frozen=True)
class StartingPoint:
    """The state that a run begins with."""

    tables: Tables
    contents: Snapshots
    """Ids of the rows of the tables before the run changes anything."""
    snapshot: int | None
    """Snapshot of `features`, to read the rows that the run replaces; `None` without rows."""
    last: Summary | None
    """The last complete run, whose basis is in force; `None` if there is none, or if this run ignores it."""
    reusable: LastRun | None
    """The last complete run, if the tables of images contain exactly the rows that it left. This run then updates its
    results; otherwise it makes all results from the tables."""
    is_empty: bool = False
    """Whether the tables have never had a row, and there are no others, which a reprocess would replace."""


def find_starting_point(this: Run, spark: SparkSession, model_id: str) -> StartingPoint:
    """Create missing tables, and find the state that the run begins with.

    Raises
    ------
    ModelMismatchError
        If the tables contain features of another model.
    """
    tables = this.tables(spark)
    is_lost = Table.FEATURES in tables.create() and this.root.find(LATEST) is not None
    if is_lost and this.settings.mode is not Mode.REPROCESS:
        this.notes.append("The table features was missing: the run knows the images only that it has computed again.")
    if this.settings.mode is Mode.REPROCESS:
        rebuilt = begin_rebuild(
            tables,
            model_id,
            needs_measurements=this.settings.curation.is_on,
            needs_thumbnails=this.settings.thumbnails is ThumbnailsChoice.SAMPLE,
        )
        replace_labels(rebuilt, this.settings.label_level)
        return StartingPoint(rebuilt, rebuilt.snapshots(), snapshot=None, last=None, reusable=None)
    last = load_last_summary(this)
    if (other := _model_of(tables, last)) not in {None, model_id}:
        raise ModelMismatchError(other, model_id)
    update_labels(tables, this.settings.label_level)
    contents = tables.snapshots()
    return StartingPoint(
        tables,
        contents,
        snapshot=tables.iceberg[Table.FEATURES].snapshot_id(),
        last=last,
        reusable=_with_report(this, last) if last and last.snapshots.have_images_of(contents) else None,
        is_empty=contents.features is None and contents.rejects is None,
    )


def _model_of(tables: Tables, last: Summary | None) -> str | None:
    """Return the model of the features, without reading rows if they are those that the last run left."""
    if last and last.counts.images and last.snapshots.features == tables.snapshots().features:
        return last.model_id
    return tables.model_id()


def load_last_summary(this: Run) -> Summary | None:
    """Read the summary of the last complete run; return `None` if there is none.

    A damaged document counts as missing: the run makes all results from the tables, with a new basis, and notes it.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    latest = _read(this, LATEST, Latest, NO_LAST_RUN)
    if latest is None:
        return None
    return _read(this, latest.results + ResultFile.SUMMARY, Summary, NO_LAST_RUN)


def last_model_id(root: Storage) -> str | None:
    """Return the id of the model of the last complete results; `None` if there are none that can be read.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    try:
        latest = Latest.from_json(root.read(LATEST) or b"")
        return Summary.from_json(root.read(latest.results + ResultFile.SUMMARY) or b"").model_id
    except DocumentError:
        return None


def _with_report(this: Run, last: Summary) -> LastRun | None:
    key = results_folder(last.run_id) + ResultFile.REPORT_DATA
    report = _read(this, key, ReportData, "has written all results again")
    return LastRun(last, report) if report else None


def _read(this: Run, key: str, kind: type[AnyDocument], remedy: str) -> AnyDocument | None:
    body = this.root.read(key)
    try:
        if body is not None:
            return kind.from_json(body)
        if key == LATEST:
            return None  # no run has published results yet
        fault = "is missing"
    except DocumentError as error:
        fault = f"is damaged, or of another version ({error})"
    this.notes.append(f"{key} {fault}: this run {remedy}.")
    return None
