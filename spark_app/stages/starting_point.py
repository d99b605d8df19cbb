"""The starting point of a run: the tables that it works on, and the results of the last complete run."""

from dataclasses import dataclass

from pyspark.sql import SparkSession

from contract.layout import LATEST, ResultFile
from contract.runs import Mode
from contract.summary import Latest, Snapshots, Summary
from contract.tables import Table
from spark_app.errors import ModelMismatchError
from spark_app.report.data import ReportData
from spark_app.run import Run
from spark_app.stages.labels import replace_labels, update_labels
from spark_app.stages.rebuild import begin_rebuild
from spark_app.storage import Storage
from spark_app.tables import Tables


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
    """The last complete run, if the tables contain exactly the rows that it left. This run then updates its results;
    otherwise it makes all results from the tables."""


def find_starting_point(this: Run, spark: SparkSession, model_id: str) -> StartingPoint:
    """Create missing tables, and find the state that the run begins with.

    Raises
    ------
    ModelMismatchError
        If the tables contain features of another model.
    """
    tables = Tables(spark, this.settings.catalog.database)
    tables.create()
    if this.settings.mode is Mode.REPROCESS:
        rebuilt = begin_rebuild(tables, model_id)
        replace_labels(rebuilt, this.settings.label_level)
        return StartingPoint(rebuilt, rebuilt.snapshots(), snapshot=None, last=None, reusable=None)
    if (other := tables.model_id()) not in {None, model_id}:
        raise ModelMismatchError(
            f"The tables contain features of {other}, but these weights make {model_id}, and features of two models "
            "can't be mixed. To compute all images again, run with --mode reprocess."
        )
    update_labels(tables, this.settings.label_level)
    last, contents = load_last_run(this.root), tables.snapshots()
    return StartingPoint(
        tables,
        contents,
        snapshot=tables.iceberg[Table.FEATURES].snapshot_id(),
        last=last.summary if last else None,
        reusable=last if last and last.summary.snapshots == contents else None,
    )


def load_last_run(root: Storage) -> LastRun | None:
    """Read the documents of the last complete run; return `None` if there is none, or if another version wrote them.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    pointer = root.read(LATEST)
    try:
        folder = Latest.from_json(pointer).results if pointer else None
        summary = root.read(folder + ResultFile.SUMMARY) if folder else None
        report = root.read(folder + ResultFile.REPORT_DATA) if folder else None
        return LastRun(Summary.from_json(summary), ReportData.from_json(report)) if summary and report else None
    except (ValueError, KeyError, TypeError):
        # Another version of the pipeline wrote them. Without them, the run only does more work.
        return None
