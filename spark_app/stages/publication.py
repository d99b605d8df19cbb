"""The results of a run, written from what has changed since the last one, or else from all there is."""

from contract.layout import LATEST, ResultFile, results_folder
from contract.summary import Latest, Summary
from spark_app.report.page import render_report
from spark_app.run import Change, Run, Start
from spark_app.stages.basis import Choice
from spark_app.stages.matrix import Matrix, MatrixJob, carry_over, publish_matrix, update_matrix
from spark_app.stages.results import (
    Refusals,
    ReportData,
    publish_explained_variance,
    publish_rejects,
    read_refusals,
)


def publish_tables(
    this: Run, start: Start, change: Change, choice: Choice | None, count: int
) -> tuple[Matrix, ReportData]:
    """Write the matrix of `count` rows, the refused images and the explained variance."""
    matrix = _publish_matrix(this, start, change, choice, count)
    refusals = _publish_rejects(this, start, change)
    assessment = choice.assessment if choice else None
    publish_explained_variance(assessment, this.root, this.results)
    spectrum = assessment.spectrum.tolist() if assessment else []
    ratios = assessment.ratios.tolist() if assessment else []
    return matrix, ReportData(spectrum, ratios, matrix.share, matrix.sample, refusals)


def publish_report(this: Run, summary: Summary, report: ReportData) -> None:
    """Write the report and the summary: the run is complete, and nothing points to it yet."""
    this.root.write(this.results + ResultFile.REPORT_DATA, report.to_json().encode())
    this.root.write(this.results + ResultFile.REPORT, render_report(summary, report).encode())
    this.root.write(this.results + ResultFile.SUMMARY, summary.to_json().encode())


def point_to(this: Run, summary: Summary) -> None:
    """Make this the last complete run: from now on readers find its results."""
    latest = Latest(run_id=this.run_id, results=this.results, finished_at=summary.finished_at)
    this.root.write(LATEST, latest.to_json().encode())


def _publish_matrix(this: Run, start: Start, change: Change, choice: Choice | None, count: int) -> Matrix:
    tables = start.tables
    coordinates = tables.spark.table(tables.components)
    k = len(choice.basis.components) if choice else 0
    job = MatrixJob(this.root, this.run_id, choice.version if choice else None, k)
    if start.last is None or choice is None or not choice.kept:
        return publish_matrix(coordinates, count, job)
    last = Matrix(start.last.summary.matrix, start.last.report.share, start.last.report.sample)
    if change.outcomes is None or not change.touches_features:
        return carry_over(last, job)
    touched = change.outcomes.where("features IS NOT NULL OR had_features")
    shifts = touched.selectExpr("key", "int(features IS NOT NULL) - int(had_features) AS shift")
    return update_matrix(coordinates, shifts, last, job)


def _publish_rejects(this: Run, start: Start, change: Change) -> Refusals:
    tables = start.tables
    if start.last is not None and not change.touches_rejects:
        last = results_folder(start.last.summary.run_id)
        this.root.copy(last + ResultFile.REJECTS, this.results + ResultFile.REJECTS)
        return start.last.report.refusals
    publish_rejects(tables.spark.table(tables.rejects), this.root, this.results)
    return read_refusals(tables)
