"""The publication of the results: files that the run updates from the last run, or makes from the tables."""

from dataclasses import dataclass, replace

import pyarrow as pa

from contract.digest import Digest
from contract.findings import FindingsSummary
from contract.layout import LATEST, LATEST_PAGE, ResultFile, results_folder
from contract.summary import Latest, Summary
from spark_app.explorer.ends import ends_of
from spark_app.explorer.tiles import pictures_of
from spark_app.report.data import RefusedImages, ReportData
from spark_app.report.latest_page import latest_page
from spark_app.report.page import render_report
from spark_app.report.pictures import keys_of_pictures
from spark_app.run import Run
from spark_app.stages.basis import BasisChoice
from spark_app.stages.curation import Findings
from spark_app.stages.explained_variance import explained_variance_csv
from spark_app.stages.explorer import Explored
from spark_app.stages.intact import are_intact
from spark_app.stages.matrix import SampledMatrix, carry_over, publish_matrix, update_matrix
from spark_app.stages.matrix_files import MatrixJob
from spark_app.stages.matrix_patch import patch_matrix
from spark_app.stages.outcomes import AppliedChanges
from spark_app.stages.rejects import publish_rejects, read_refused_images
from spark_app.stages.starting_point import StartingPoint


@dataclass(frozen=True)
class Published:
    """The results that a run has written, except for the report and the summary."""

    matrix: SampledMatrix
    report: ReportData
    rejects: Digest
    """Digest of ``rejects.csv``."""
    findings: FindingsSummary | None = None
    """`None` without findings."""
    explored: Explored | None = None
    """`None` without images."""

    def with_findings(self, findings: Findings | None) -> "Published":
        """Return the results, which name the findings."""
        if findings is None:
            return self
        return replace(self, findings=findings.summary, report=replace(self.report, findings=findings.worst))

    def with_explorer(self, explored: Explored | None) -> "Published":
        """Return the results, which contain the explorer."""
        if explored is None:
            return self
        report = replace(self.report, labels=explored.labels, ends=ends_of(explored.explorer.points))
        return replace(self, explored=explored, report=report)


def publish_tables(
    this: Run,
    start: StartingPoint,
    applied: AppliedChanges,
    choice: BasisChoice | None,
    count: int,
    changes: pa.Table | None = None,
) -> Published:
    """Write the matrix of `count` rows, the refused images, and the explained variance.

    Parameters
    ----------
    changes
        The changed rows of `components`, if they are few: `Projection.changes`.
    """
    matrix = _publish_matrix(this, start, applied, choice, count, changes)
    refusals, rejects = _publish_rejects(this, start, applied)
    assessment = choice.assessment if choice else None
    this.root.write(this.results + ResultFile.EXPLAINED_VARIANCE, explained_variance_csv(assessment))
    spectrum = assessment.spectrum.tolist() if assessment else []
    ratios = assessment.ratios.tolist() if assessment else []
    return Published(matrix, ReportData(spectrum, ratios, matrix.share, matrix.sample, refusals), rejects)


def publish_report(this: Run, summary: Summary, published: Published) -> None:
    """Write the report and the summary. Afterwards the results are complete, but nothing refers to them yet."""
    report, explored = published.report, published.explored
    this.root.write(this.results + ResultFile.REPORT_DATA, report.to_json().encode())
    pictures = pictures_of(explored.explorer.points, keys_of_pictures(report)) if explored else {}
    this.root.write(this.results + ResultFile.REPORT, render_report(summary, report, pictures).encode())
    this.root.write(this.results + ResultFile.SUMMARY, summary.to_json().encode())


def point_to(this: Run, summary: Summary) -> None:
    """Make this run the last complete run, whose results readers find."""
    this.check_fence()
    latest = Latest(run_id=this.run_id, results=this.results, finished_at=summary.finished_at)
    this.root.write(LATEST, latest.to_json().encode())
    this.root.write(LATEST_PAGE, latest_page(summary).encode())


def _publish_matrix(
    this: Run,
    start: StartingPoint,
    applied: AppliedChanges,
    choice: BasisChoice | None,
    count: int,
    changes: pa.Table | None,
) -> SampledMatrix:
    tables = start.tables
    coordinates = tables.spark.table(tables.components)
    k = len(choice.basis.components) if choice else 0
    job = MatrixJob(this.root, this.run_id, choice.version if choice else None, k)
    last = _last_matrix(this, start) if choice and choice.kept else None
    if last is None:
        return publish_matrix(coordinates, count, job)
    if applied.outcomes is None or not applied.tally.touches_features:
        return carry_over(last, job) if last.rows == count else publish_matrix(coordinates, count, job)
    if changes is not None and (patched := patch_matrix(changes, count, last, job)) is not None:
        return patched
    touched = applied.outcomes.where("features IS NOT NULL OR had_features")
    shifts = touched.selectExpr("key", "int(features IS NOT NULL) - int(had_features) AS shift")
    updated = update_matrix(coordinates, shifts, last, job)
    return updated if updated.rows == count else publish_matrix(coordinates, count, job)


def _last_matrix(this: Run, start: StartingPoint) -> SampledMatrix | None:
    """Return the matrix of the last run, if this run can update it: the results are intact."""
    if start.reusable is None:
        return None
    summary, report = start.reusable.summary, start.reusable.report
    intact = are_intact(this, {file.file: file.digest for file in summary.matrix})
    return SampledMatrix(summary.matrix, report.share, report.sample) if intact else None


def _publish_rejects(this: Run, start: StartingPoint, applied: AppliedChanges) -> tuple[RefusedImages, Digest]:
    tables, last = start.tables, start.reusable
    if last is not None and last.summary.rejects is not None and not applied.tally.touches_rejects:
        file = results_folder(last.summary.run_id) + ResultFile.REJECTS
        if are_intact(this, {file: last.summary.rejects}):
            this.root.copy(file, this.results + ResultFile.REJECTS)
            return last.report.refusals, last.summary.rejects
    digest = publish_rejects(tables.spark.table(tables.rejects), this.root, this.results)
    return read_refused_images(tables), digest
