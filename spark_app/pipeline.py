"""The order of a run: list → plan → featurise → statistics → PCA → project → publish. The only file that knows it."""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from contract.layout import LATEST, STAGING, results_folder, staging_folder
from contract.runs import Mode, new_run_id
from contract.summary import Counts, Latest, PcaSummary, Snapshots, Summary, WeightsSummary
from spark_app.engine.provision import Model, provide_model, resolve_weights
from spark_app.engine.weights import WeightsKind
from spark_app.errors import ModelMismatchError, SettingsError
from spark_app.numerics.pca import Basis, fit, max_components
from spark_app.progress import Progress, Reporter, StepClock, polling
from spark_app.report.page import render_report, report_data
from spark_app.session import ICEBERG_VERSION, open_session
from spark_app.settings import FEATURES, RunSettings
from spark_app.stages.basis import load_basis, publish_basis
from spark_app.stages.features import Counters, FeatureJob, compute_features, tasks_for
from spark_app.stages.listing import Listing, check_images, stage_listing
from spark_app.stages.matrix import project
from spark_app.stages.outcomes import OUTCOMES, Tally
from spark_app.stages.plan import Plan, make_plan
from spark_app.stages.results import (
    load_latest,
    matrix_name,
    publish_explained_variance,
    publish_matrix,
    publish_rejects,
    republish,
)
from spark_app.stages.statistics import compute_statistics
from spark_app.storage import Storage
from spark_app.tables import Tables


@dataclass(frozen=True)
class Run:
    """One run, as its steps see it."""

    settings: RunSettings
    clock: StepClock
    run_id: str = field(default_factory=new_run_id)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def root(self) -> Storage:
        """The root of the environment."""
        return Storage(self.settings.output)

    @property
    def images(self) -> Storage:
        """The folder of images."""
        return Storage(self.settings.images)

    @property
    def staging(self) -> str:
        """Folder of what is computed and not yet committed."""
        return staging_folder(self.run_id)


@dataclass(frozen=True)
class Matrix:
    """The state of the coordinates after a run.

    Attributes
    ----------
    basis
        What they are coordinates of; None where there is no image.
    version
        Name of the basis.
    same_as
        The last complete run, if the tables and the settings are still what its results were made of.
    """

    basis: Basis | None
    version: str | None = None
    same_as: Summary | None = None


def run(settings: RunSettings, reporter: Reporter, session_conf: Mapping[str, str], log: Path | None = None) -> Summary:
    """Do what the settings ask for, and publish the results.

    Parameters
    ----------
    settings
        What to do.
    reporter
        Takes what there is to tell meanwhile.
    session_conf
        What the place of the run adds to the Spark session.
    log
        Takes the messages of TensorFlow; nothing does by default.

    Raises
    ------
    FruitsError
        If the run can't be done; the last complete results stay as they are.
    """
    this = Run(settings, StepClock(reporter))
    if settings.mode is Mode.UPDATE:
        raise SettingsError("--mode update needs notices of uploads, and nothing writes any yet: use --mode reconcile.")
    check_images(this.images)
    this.root.check_writable()
    with ExitStack() as stack:
        with this.clock.step("start") as outcome:
            weights = resolve_weights(settings.weights, log)
            model_when_ready = stack.enter_context(provide_model(this.root, weights, settings.engine, log))
            spark = stack.enter_context(open_session(settings, session_conf))
            model = model_when_ready()
            outcome += [f"Spark {spark.version}", f"model {model.model_id}"]
        this.root.create()
        this.root.delete_folder(STAGING)
        stack.callback(this.root.delete_folder, STAGING)
        model.save(this.root)
        return _run_steps(this, spark, model, reporter)


def _run_steps(this: Run, spark: SparkSession, model: Model, reporter: Reporter) -> Summary:
    notes = [*this.settings.notices, *_notes_on_weights(model)]
    with this.clock.step("list") as outcome:
        listing = stage_listing(this.images, this.root, this.staging)
        outcome.append(f"{listing.count:,} images")
        notes += [f"An object was skipped, its name can't be read: {reason}" for reason in listing.unreadable]
    with this.clock.step("plan") as outcome:
        tables = Tables(spark, this.settings.catalog.database)
        tables.create()
        plan = _plan(this, tables, listing, model.model_id)
        unchanged = listing.count - plan.featurise
        outcome += [f"{plan.featurise:,} to compute", f"{plan.remove:,} to remove", f"{unchanged:,} unchanged"]
    with this.clock.step("featurise") as outcome:
        tally = _featurise(this, tables, plan, model, reporter)
        outcome += [f"{tally.featurised:,} images", f"{tally.rejected:,} refused"]
    matrix = _update_matrix(this, tables)
    notes += _notes_on_components(this, matrix.basis)
    for note in notes:
        reporter.note(note)
    counts = Counts(
        listed=listing.count,
        featurised=tally.featurised,
        unchanged=unchanged,
        replaced=tally.replaced,
        removed=tally.removed,
        rejected=tally.rejected,
        images=matrix.basis.count if matrix.basis else 0,
        rejects=matrix.same_as.counts.rejects if matrix.same_as else tables.count_rejects(),
    )
    return _publish(this, tables, model, matrix, counts, notes)


def _notes_on_weights(model: Model) -> list[str]:
    if model.weights.kind is not WeightsKind.SEEDED:
        return []
    return ["The weights are seeded, not trained: the features are reproducible, but mean nothing about fruits."]


def _plan(this: Run, tables: Tables, listing: Listing, model_id: str) -> Plan:
    path = this.root.spark_path(f"{this.staging}plan")
    plan = make_plan(tables, listing, this.settings.mode, model_id, path)
    if plan.other_model and this.settings.mode is not Mode.REPROCESS:
        raise ModelMismatchError(
            f"The tables hold features of {plan.other_model}, and these weights make {model_id}; "
            "features of two models don't mix. To compute all images anew, run with --mode reprocess."
        )
    return plan


def _featurise(this: Run, tables: Tables, plan: Plan, model: Model, reporter: Reporter) -> Tally:
    """Work through the change set, a commit per chunk: a crash loses one chunk at most."""
    spark = tables.spark
    context = spark.sparkContext
    counters = Counters(*(context.accumulator(0) for _ in range(3)))
    job = FeatureJob(
        root=this.root,
        images=this.images,
        run_id=this.run_id,
        model_id=model.model_id,
        engine=this.settings.engine,
        payload=context.broadcast(model.payload),
        batch_size=this.settings.batch_size,
        limits=this.settings.limits,
        counters=counters,
    )
    tally = Tally()
    with polling(_progress_of(counters, plan, reporter)):
        for number in range(chunks := math.ceil(plan.changes / this.settings.chunk_size)):
            changes = plan.chunk(spark, number, chunks)
            tasks = tasks_for(math.ceil(plan.changes / chunks), context.defaultParallelism)
            staged = f"{this.staging}outcomes-{number}/"
            chunk = compute_features(changes, job, tasks, staged)
            tally += chunk
            tally.check(this.settings.max_reject_rate)
            _commit(tables, this.root.spark_path(staged), chunk)
            reporter.committed(number + 1, chunks)
    return tally


def _commit(tables: Tables, staged: str, chunk: Tally) -> None:
    """Bring staged outcomes into the tables; what touches no row makes no commit."""

    def outcomes() -> DataFrame:
        return tables.spark.read.schema(from_arrow_schema(OUTCOMES)).parquet(staged)

    if chunk.rejected or chunk.stale_rejects:
        tables.commit_rejects(outcomes(), stale=chunk.stale_rejects)
    if chunk.featurised or chunk.stale_features:
        tables.commit_features(outcomes(), stale=chunk.stale_features)


def _progress_of(counters: Counters, plan: Plan, reporter: Reporter) -> Callable[[], None]:
    start = time.monotonic()

    def report() -> None:
        done = min(counters.done.value, plan.changes)
        reporter.progress(Progress(done, plan.changes, counters.refused.value, time.monotonic() - start))

    return report


def _update_matrix(this: Run, tables: Tables) -> Matrix:
    """Bring basis and coordinates up to the features; nothing is computed where they are."""
    snapshots = tables.snapshots()
    if kept := _kept_matrix(this, snapshots):
        return kept
    with this.clock.step("statistics") as outcome:
        statistics = compute_statistics(tables.spark.table(tables.features))
        outcome.append(f"of {statistics.count:,} images")
    if statistics.count == 0:
        tables.clear_components()
        return Matrix(None)
    with this.clock.step("pca") as outcome:
        basis = fit(statistics, this.settings.components, standardize=this.settings.standardize)
        publish_basis(this.root, this.run_id, basis, statistics, snapshots.features)
        outcome.append(f"{len(basis.components)} components keep {basis.captured:.1%} of the variance")
    with this.clock.step("project") as outcome:
        shared = tables.spark.sparkContext.broadcast(basis)
        tables.replace_components(project(tables.spark.table(tables.features), shared, this.run_id))
        outcome.append(f"{basis.count:,} images")
    return Matrix(basis, this.run_id)


def _kept_matrix(this: Run, snapshots: Snapshots) -> Matrix | None:
    last = load_latest(this.root)
    if last is None or last.pca is None or last.pca_version is None or last.snapshots != snapshots:
        return None
    if (last.pca.requested, last.pca.standardize) != (this.settings.components, this.settings.standardize):
        return None
    basis = load_basis(this.root, last.pca_version)
    return Matrix(basis, last.pca_version, last) if basis else None


def _pca_summary(this: Run, basis: Basis) -> PcaSummary:
    return PcaSummary(
        requested=this.settings.components,
        components=len(basis.components),
        standardize=this.settings.standardize,
        captured=basis.captured,
    )


def _notes_on_components(this: Run, basis: Basis | None) -> list[str]:
    if basis is None:
        return ["No image could be read: there is no matrix."]
    k, wanted = len(basis.components), this.settings.components
    if isinstance(wanted, int) and k < wanted:
        return [f"{wanted} components were asked for; {basis.count} images allow {k}."]
    if basis.count < FEATURES and k == max_components(basis.count, FEATURES):
        return [f"{basis.count} images allow no more than {k} components: with more images there will be others."]
    return []


def _publish(this: Run, tables: Tables, model: Model, matrix: Matrix, counts: Counts, notes: list[str]) -> Summary:
    """Write the results; the pointer to them comes last, so that a reader never sees half a run."""
    folder = results_folder(this.run_id)
    with this.clock.step("publish") as outcome:
        if matrix.same_as:
            republish(this.root, results_folder(matrix.same_as.run_id), folder, counts.images)
            outcome.append("nothing has changed")
        else:
            _write_tables(this, tables, matrix, counts)
            outcome.append(f"{counts.images:,} images, {counts.rejects:,} stand refused")
        report = report_data(tables, matrix.basis)
    summary = _summary(this, tables, model, matrix, counts, notes)
    this.root.write(folder + "report.html", render_report(summary, report).encode())
    this.root.write(folder + "summary.json", summary.to_json().encode())
    latest = Latest(run_id=this.run_id, results=folder, finished_at=summary.finished_at)
    this.root.write(LATEST, latest.to_json().encode())
    return summary


def _write_tables(this: Run, tables: Tables, matrix: Matrix, counts: Counts) -> None:
    folder = results_folder(this.run_id)
    k = len(matrix.basis.components) if matrix.basis else 0
    publish_matrix(tables.spark.table(tables.components), this.root, folder, counts.images, k)
    publish_rejects(tables.spark.table(tables.rejects), this.root, folder, counts.rejects)
    publish_explained_variance(matrix.basis, this.root, folder)


def _summary(this: Run, tables: Tables, model: Model, matrix: Matrix, counts: Counts, notes: list[str]) -> Summary:
    computed = counts.featurised + counts.rejected
    return Summary(
        run_id=this.run_id,
        mode=this.settings.mode,
        started_at=this.started.isoformat(timespec="seconds"),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        model_id=model.model_id,
        engine=this.settings.engine,
        weights=WeightsSummary(kind=model.weights.kind, sha256=model.weights.sha256),
        counts=counts,
        pca_version=matrix.version,
        pca=_pca_summary(this, matrix.basis) if matrix.basis else None,
        matrix=matrix_name(counts.images),
        snapshots=tables.snapshots(),
        timings=this.clock.timings,
        images_per_second=round(computed / this.clock.timings["featurise"], 1) if computed else None,
        settings=this.settings.to_document(),
        versions=_versions(tables.spark),
        notes=notes,
    )


def _versions(spark: SparkSession) -> dict[str, str]:
    packages = ("numpy", "pyarrow", "pillow", "pillow-heif", "onnxruntime", "obstore")
    return {"spark": spark.version, "iceberg": ICEBERG_VERSION} | {name: version(name) for name in packages}
