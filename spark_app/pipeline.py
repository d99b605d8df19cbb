"""The order of a run: list → plan → featurise → statistics → PCA → project → publish. The only file that knows it."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from pyspark.sql import SparkSession

from contract.layout import REJECTED_NOTICES, STAGING
from contract.runs import Mode
from contract.summary import Summary
from spark_app.engine.provision import Model, provide_model, resolve_weights
from spark_app.errors import ModelMismatchError, OutputError
from spark_app.progress import Reporter, StepClock
from spark_app.run import Change, Run, Start
from spark_app.session import open_session
from spark_app.settings import RunSettings
from spark_app.stages.basis import (
    Choice,
    Described,
    choose_basis,
    load_statistics,
    publish_basis,
    save_statistics,
)
from spark_app.stages.chunks import featurise
from spark_app.stages.coordinates import bring_up_components
from spark_app.stages.inbox import Inbox, acknowledge, read_inbox
from spark_app.stages.listing import check_folder, check_images, stage_listing
from spark_app.stages.plan import Wanted, make_plan
from spark_app.stages.publication import point_to, publish_report, publish_tables
from spark_app.stages.rebuild import begin_rebuild, end_rebuild, switch
from spark_app.stages.results import load_last_run
from spark_app.stages.statistics import compute_statistics, follow_statistics
from spark_app.stages.summary import Outcome, counts_of, notes_on_run, summary_of
from spark_app.stages.upkeep import compact, drop_abandoned_rebuild, expire, needs_compaction, remove_matrix_files
from spark_app.storage import Storage
from spark_app.tables import Tables


def run(settings: RunSettings, reporter: Reporter, session_conf: Mapping[str, str], log: Path | None = None) -> Summary:
    """Work on the images as the settings ask for, and publish the results.

    Parameters
    ----------
    settings
        What to do; any mode but `maintain`.
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
    this = Run(settings, reporter, StepClock(reporter))
    # Where all images have been removed, notices say so. A listing without any is more likely that of a wrong folder.
    may_be_empty = settings.mode is Mode.UPDATE or settings.is_of_an_environment
    (check_folder if may_be_empty else check_images)(this.images)
    this.root.check_writable()
    with ExitStack() as stack:
        with this.clock.step("start") as outcome:
            weights = resolve_weights(settings.weights, log)
            model_when_ready = stack.enter_context(provide_model(this.root, weights, settings.engine, log))
            spark = stack.enter_context(open_session(settings, session_conf))
            model = model_when_ready()
            outcome += [f"Spark {spark.version}", f"model {model.model_id}"]
        stack.enter_context(_clean_staging(this.root))
        model.save(this.root)
        return _run_steps(this, spark, model)


def maintain(settings: RunSettings, reporter: Reporter, session_conf: Mapping[str, str]) -> None:
    """Compact the tables, and delete what was replaced or removed longer ago than the retention.

    Parameters
    ----------
    settings
        Where the tables are, and what to spare.
    reporter
        Takes what there is to tell meanwhile.
    session_conf
        What the place of the run adds to the Spark session.

    Raises
    ------
    FruitsError
        If it can't be done.
    """
    this = Run(settings, reporter, StepClock(reporter))
    nothing = OutputError(f"There are no tables in {this.root.display}: there is nothing to maintain.")
    if not this.root.exists():
        raise nothing
    this.root.check_writable()
    before = this.started - timedelta(days=settings.retention_days)
    with ExitStack() as stack:
        with this.clock.step("start") as outcome:
            spark = stack.enter_context(open_session(settings, session_conf))
            outcome.append(f"Spark {spark.version}")
        stack.enter_context(_clean_staging(this.root))
        tables = Tables(spark, settings.catalog.database)
        if not tables.exist():
            if not settings.is_of_an_environment:
                raise nothing
            reporter.note("There are no tables yet: there is nothing to maintain.")
            return
        with this.clock.step("compact") as outcome:
            if drop_abandoned_rebuild(tables, before):
                outcome.append("dropped an abandoned rebuilding")
            outcome.append(f"{compact(tables):,} files rewritten")
        with this.clock.step("expire") as outcome:
            outcome.append(f"states older than {settings.retention_days:g} days")
            outcome.append(f"{expire(tables, before):,} leftovers of crashes")
        with this.clock.step("sweep") as outcome:
            outcome.append(f"{remove_matrix_files(this.root, before):,} files of old matrices")


@contextmanager
def _clean_staging(root: Storage) -> Iterator[None]:
    """See that nothing is staged that a killed run has left, and leave nothing staged."""
    root.create()
    root.delete_folder(STAGING)
    try:
        yield
    finally:
        root.delete_folder(STAGING)


def _run_steps(this: Run, spark: SparkSession, model: Model) -> Summary:
    notes: list[str] = []
    with this.clock.step("list") as outcome:
        wanted, inbox = _list(this, spark, outcome, notes)
    with this.clock.step("plan") as outcome:
        start = _begin(this, spark, model.model_id)
        plan = make_plan(start.tables, wanted, model.model_id, this.root.spark_path(f"{this.staging}plan"))
        outcome += [f"{plan.featurise:,} to compute", f"{plan.remove:,} to remove", f"{plan.settled:,} unchanged"]
    with this.clock.step("featurise") as outcome:
        change = featurise(this, start.tables, plan, model)
        outcome += [f"{change.tally.featurised:,} images", f"{change.tally.rejected:,} refused"]
    with this.clock.step("statistics") as outcome:
        described = _bring_up_statistics(this, start, change, outcome)
        count = described.statistics.count
    with this.clock.step("pca") as outcome:
        choice = _choose_basis(this, start, described, outcome)
    with this.clock.step("project") as outcome:
        outcome.append(bring_up_components(start, change, choice, count))
    with this.clock.step("publish") as outcome:
        matrix, report = publish_tables(this, start, change, choice, count)
        outcome += [f"{matrix.rows:,} images", f"{report.refusals.count:,} stand refused"]
    notes += notes_on_run(this, model, choice, matrix.rows)
    for note in notes:
        this.reporter.note(note)
    counts = counts_of(plan, change, matrix, report.refusals.count)
    summary = summary_of(this, start, model, Outcome(choice, matrix, counts, notes))
    publish_report(this, summary, report)
    if this.settings.mode is Mode.REPROCESS:
        switch(start.tables)
    point_to(this, summary)
    _tidy(this, start.tables, inbox)
    return summary


def _list(this: Run, spark: SparkSession, outcome: list[str], notes: list[str]) -> tuple[Wanted, Inbox]:
    """Find out which images to look at: those of the notices, or all.

    What a notice told of before all images were listed, the listing knows: such a run answers the notices, too.
    """
    inbox = read_inbox(this.root, this.staging)
    if inbox.malformed:
        notes.append(f"Malformed notices, moved to {REJECTED_NOTICES} with the reasons: {inbox.malformed:,}.")
    if this.settings.mode is Mode.UPDATE:
        outcome.append(f"{inbox.notices:,} notices")
        return Wanted(inbox.rows(spark), complete=False, keys=inbox.keys), inbox
    listing = stage_listing(this.images, this.root, this.staging)
    outcome.append(f"{listing.count:,} images")
    notes += [f"An object was skipped, its name can't be read: {reason}" for reason in listing.unreadable]
    return Wanted(listing.rows(spark), complete=True), inbox


def _begin(this: Run, spark: SparkSession, model_id: str) -> Start:
    """See what there is: the tables to work on, and what the last complete run left."""
    tables = Tables(spark, this.settings.catalog.database)
    tables.create()
    if this.settings.mode is Mode.REPROCESS:
        beside = begin_rebuild(tables, model_id)
        return Start(beside, beside.snapshots(), None, None, None)
    if (other := tables.model_id()) not in {None, model_id}:
        raise ModelMismatchError(
            f"The tables hold features of {other}, and these weights make {model_id}; "
            "features of two models don't mix. To compute all images anew, run with --mode reprocess."
        )
    last, contents = load_last_run(this.root), tables.snapshots()
    is_intact = last is not None and last.summary.snapshots == contents
    snapshot = tables.iceberg["features"].snapshot_id()
    return Start(tables, contents, snapshot, last.summary if last else None, last if is_intact else None)


def _bring_up_statistics(this: Run, start: Start, change: Change, outcome: list[str]) -> Described:
    """Bring the statistics up to the features: follow what has changed, or compute them anew."""
    tables = start.tables
    version = start.in_force.pca_version if start.in_force else None
    stored = load_statistics(this.root, version, start.contents.features) if version else None
    statistics = follow_statistics(stored, start, change) if stored else None
    if statistics is None:
        statistics, how = compute_statistics(tables.spark.table(tables.features)), "computed from all features"
    else:
        how = "followed" if change.touches_features else "unchanged"
    outcome += [f"of {statistics.count:,} images", how]
    return Described(statistics, tables.snapshots().features, is_stored=how == "unchanged")


def _choose_basis(this: Run, start: Start, described: Described, outcome: list[str]) -> Choice | None:
    """Keep the basis in force, or publish another; None where there are no images."""
    if described.statistics.count == 0:
        outcome.append("no images")
        return None
    choice = choose_basis(this.root, start.in_force, described.statistics, this.settings, this.run_id)
    if not choice.kept:
        publish_basis(this.root, choice.version, choice.basis)
    if not (choice.kept and described.is_stored):
        save_statistics(this.root, choice.version, described)
    verb = "kept" if choice.kept else "fitted"
    outcome.append(f"{len(choice.basis.components)} components keep {choice.assessment.captured:.1%} of the variance")
    outcome.append(f"{verb}: {choice.reason}")
    return choice


def _tidy(this: Run, tables: Tables, inbox: Inbox) -> None:
    """Forget what the published results have made good for."""
    if this.settings.mode is Mode.REPROCESS:
        end_rebuild(tables)
    acknowledge(this.root, inbox)
    crumbled = needs_compaction(tables)
    if crumbled:
        with this.clock.step("compact") as outcome:
            outcome.append(f"{sum(table.merge_small_files() for table in crumbled):,} files rewritten")
