"""The order of the steps: list → plan → featurise → statistics → PCA → project → curate → explore → publish.

No other module knows it.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from pyspark.sql import SparkSession

from contract.documents import DocumentError
from contract.image_names import skipped_in_words
from contract.job import OnNewModel
from contract.layout import REJECTED_NOTICES
from contract.rejects import Reason
from contract.runs import Mode
from contract.summary import Summary
from contract.tables import Table
from spark_app.begin import begun_run
from spark_app.engine.model import decoding_of_run
from spark_app.engine.provision import Model, provide_model, resolve_weights
from spark_app.errors import ModelMismatchError
from spark_app.explorer.page import check_program
from spark_app.output import no_tables
from spark_app.progress import Reporter, Step
from spark_app.report.data import ReportData
from spark_app.run import Run
from spark_app.session import open_session
from spark_app.settings import RunSettings
from spark_app.stages.basis import BasisChoice, choose_basis
from spark_app.stages.change_set import Candidates, ChangeSet, Judge, plan_changes
from spark_app.stages.chunks import featurise
from spark_app.stages.clock import correct_times
from spark_app.stages.curation import Findings, curate_images
from spark_app.stages.explorer import Explored, publish_explorer
from spark_app.stages.inbox import Inbox, acknowledge_notices, read_inbox
from spark_app.stages.labels import changing_labels
from spark_app.stages.leftovers import remove_leftovers
from spark_app.stages.listing import Listing, stage_listing
from spark_app.stages.maintenance import (
    compact,
    drop_abandoned_rebuild,
    expire,
    remove_bases,
    remove_matrix_files,
    remove_pictures,
    remove_staged_files,
    tables_to_compact,
)
from spark_app.stages.outcomes import AppliedChanges
from spark_app.stages.projection import update_components
from spark_app.stages.publish import Published, point_to, publish_report, publish_tables
from spark_app.stages.rebuild import end_rebuild, switch
from spark_app.stages.rejects import check_not_all_refused
from spark_app.stages.repair import check_files, check_place, make_anew
from spark_app.stages.starting_point import StartingPoint, find_starting_point, last_model_id
from spark_app.stages.statistics import bring_up_statistics
from spark_app.stages.stored_corpus import StoredCorpus
from spark_app.stages.summary import counts_of, summary_of
from spark_app.stages.unchanged import record_state
from spark_app.stages.warm_up import start_workers
from spark_app.tables import Tables
from spark_app.words import counted


def run(settings: RunSettings, reporter: Reporter, session_conf: Mapping[str, str], log: Path | None = None) -> Summary:
    """Process the images in any mode except `maintain`, and publish the results.

    Parameters
    ----------
    session_conf
        Additional configuration of the Spark session.
    log
        File for the messages of TensorFlow; `None` to discard them.

    Raises
    ------
    FruitsError
        If the run fails. The last complete results do not change.
    """
    with begun_run(settings, reporter) as this:
        return process(this, session_conf, log)


def process(
    this: Run, session_conf: Mapping[str, str], log: Path | None = None, listing: Listing | None = None
) -> Summary:
    """Do what `run` does, in an output that the caller has checked and locked.

    Parameters
    ----------
    listing
        The images, if the caller has listed them.

    Raises
    ------
    FruitsError
        If the run fails.
    """
    settings = this.settings
    with ExitStack() as stack:
        with this.clock.step("start") as step:
            check_program()
            weights = resolve_weights(settings.weights, log)
            earlier = None if settings.mode is Mode.REPROCESS else last_model_id(this.root)
            decoding = decoding_of_run(settings.decoding, weights, earlier)
            model_when_ready = stack.enter_context(provide_model(this.root, weights, settings.engine, log, decoding))
            spark = stack.enter_context(open_session(settings, session_conf))
            start_workers(spark, settings.engine)
            model = model_when_ready()
            step.tell(f"Spark {spark.version}", f"model {model.model_id}")
        model.save(this.root)
        return _run_steps(this, spark, model, listing)


def maintain(settings: RunSettings, reporter: Reporter, session_conf: Mapping[str, str]) -> None:
    """Compact the tables, and delete what has exceeded the retention.

    Parameters
    ----------
    session_conf
        Additional configuration of the Spark session.

    Raises
    ------
    FruitsError
        If there is nothing to maintain, or if the maintenance fails.
    """
    with ExitStack() as stack:
        this = stack.enter_context(begun_run(settings, reporter))
        with this.clock.step("start") as step:
            spark = stack.enter_context(open_session(settings, session_conf))
            step.tell(f"Spark {spark.version}")
        try:
            _maintain_tables(this, this.tables(spark))
        except Exception as error:  # noqa: BLE001 -- `make_anew` raises what is no damage
            make_anew(this, spark, error)
            _maintain_tables(this, this.tables(spark))


def _maintain_tables(this: Run, tables: Tables) -> None:
    if tables.exist():
        _maintain_steps(this, tables)
    elif this.settings.is_environment:
        this.reporter.note("There are no tables yet: there is nothing to maintain.")
    else:
        raise no_tables(this.root)


def _maintain_steps(this: Run, tables: Tables) -> None:
    check_place(this, tables)
    before = this.started - timedelta(days=this.settings.retention_days)
    for note in correct_times(tables, this.started):
        this.reporter.note(note)
    with this.clock.step("compact") as step:
        if drop_abandoned_rebuild(tables, before):
            step.tell("dropped an abandoned rebuild")
        step.tell(f"{counted(compact(tables), 'file')} rewritten")
    with this.clock.step("expire") as step:
        step.tell(f"snapshots older than {this.settings.retention_days:g} days")
        step.tell(counted(expire(tables, before), "orphan file"))
    with this.clock.step("sweep") as step:
        this.check_fence()
        try:
            step.tell(f"pictures of {counted(remove_pictures(this.root, before), 'earlier run')}")
            step.tell(f"{counted(remove_matrix_files(this.root, before), 'file')} of old matrices")
            this.check_fence()
            step.tell(f"{counted(remove_bases(this.root, before), 'file')} of old bases")
        except DocumentError as error:
            step.tell("nothing that a damaged document may name")
            this.reporter.note(f"{error}. What it may name was not deleted: first, run with --mode reconcile.")
        this.check_fence()
        step.tell(f"{counted(remove_staged_files(this.root, before), 'staged file')} of killed runs")
        step.tell(f"{counted(remove_leftovers(this.root, before), 'other file')} of killed runs")


def _run_steps(this: Run, spark: SparkSession, model: Model, listing: Listing | None) -> Summary:
    """Run the steps, as a `reprocess` if the tables are of another model and the settings want that.

    If a run of this kind dies, the tables are still of the other model, and the next run continues with its branches.
    """
    try:
        return _repairing_steps(this, spark, model, listing)
    except ModelMismatchError as error:
        # The last results may be lost, or older than the tables, which a run that has died had written.
        of_tables = model.decoding_in(decoding_of_run(this.settings.decoding, model.weights, error.found))
        if of_tables.model_id == error.found:
            of_tables.save(this.root)
            return _repairing_steps(this, spark, of_tables, listing)
        if this.settings.on_new_model is OnNewModel.FAIL:
            raise
        this.notes.append(
            f"The tables contained features of {error.found}, but the weights and the decoding of this run make "
            f"{model.model_id}: this run has computed all images again, and all of them have new coordinates."
        )
    this.reporter.note("The model is new: the run continues with --mode reprocess, which computes all images again.")
    return _repairing_steps(this.in_mode(Mode.REPROCESS), spark, model)


def _repairing_steps(this: Run, spark: SparkSession, model: Model, listing: Listing | None = None) -> Summary:
    """Run the steps, and again after each damaged table that this run can make anew."""
    for _ in Table:
        try:
            return _steps(this, spark, model, listing)
        except Exception as error:  # noqa: BLE001 -- `make_anew` raises what is no damage
            make_anew(this, spark, error)
            listing = None  # deleted, with all that was staged
    return _steps(this, spark, model)


def _steps(this: Run, spark: SparkSession, model: Model, listing: Listing | None = None) -> Summary:
    was_listed_before_inbox = listing is not None
    with this.clock.step("list") as step:
        this.check_fence()  # malformed notices are moved
        inbox = read_inbox(this.root, this.staging)
        if this.settings.mode is not Mode.UPDATE and listing is None:
            listing = stage_listing(this.images, this.root, this.staging)
        candidates = _candidates(this, spark, inbox, listing, step)
    with this.clock.step("plan") as step:
        check_place(this, this.tables(spark))
        this.notes.extend(correct_times(this.tables(spark), this.started))
        start = find_starting_point(this, spark, model.model_id)
        if this.settings.mode is Mode.RECONCILE:
            check_files(this, start.tables)
        judge = Judge.of(model.model_id, this.settings.limits)
        if listing and start.is_empty:
            change_set = ChangeSet.of_new_images(listing.path, listing.count, judge)
        else:
            staged = this.root.spark_path(f"{this.staging}plan")
            change_set = plan_changes(start.tables, candidates, judge, staged)
        step.tell(f"{change_set.featurise:,} to compute", f"{change_set.remove:,} to remove")
        step.tell(f"{counted(change_set.settled, 'file')} unchanged")
    with this.clock.step("featurise") as step:
        applied = featurise(this, start.tables, change_set, model)
        step.tell(counted(applied.tally.featurised, "image"), f"{applied.tally.rejected:,} refused")
        if crashes := applied.tally.reasons.get(Reason.CRASHED_THE_DECODER):
            step.tell(f"{crashes:,} of them crashed the decoder")
    with this.clock.step("statistics") as step:
        features = bring_up_statistics(this, start, applied)
        count = features.statistics.count
        check_not_all_refused(start.tables, this.settings, count)
        step.tell(f"of {counted(count, 'image')}", features.origin)
    with this.clock.step("pca") as step:
        choice = choose_basis(this, start.last, features)
        _tell_choice(choice, step)
    with this.clock.step("project") as step:
        projected = update_components(start, applied, choice, features)
        step.tell(counted(projected.count, "image") if choice else "no images")
    findings, explored = _examine(this, start, applied, choice)
    with this.clock.step("publish") as step:
        published = publish_tables(this, start, applied, choice, count, projected.changes)
        published = published.with_findings(findings).with_explorer(explored)
        step.tell(counted(published.matrix.rows, "image"), f"{published.report.refusals.count:,} refused")
    counts = counts_of(change_set, applied.tally, published)
    summary = summary_of(this, start, model, choice, published, counts)
    _complete(this, start.tables, summary, published)
    if was_listed_before_inbox:
        inbox = replace(inbox, files=[])  # the images of these notices may be newer than the listing
    _tidy(this, start.tables, inbox)
    _record_state(this, model, None if applied.tally.changed_meanwhile else listing, published.report)
    return summary


def _examine(
    this: Run, start: StartingPoint, applied: AppliedChanges, choice: BasisChoice | None
) -> tuple[Findings | None, Explored | None]:
    """Curate the images, and make the explorer. Both read the same columns of all images."""
    corpus = StoredCorpus(this.root, start.tables, len(choice.basis.components)) if choice else None
    with this.clock.step("curate") as step:
        findings = curate_images(this, start, applied, choice, corpus)
        step.tell(findings.in_words() if findings else "no findings wanted" if choice else "no images")
    with this.clock.step("explore") as step:
        explored = publish_explorer(this, start, applied, choice, corpus, findings) if choice and corpus else None
        step.tell(explored.in_words() if explored else "no images")
    return findings, explored


def _candidates(this: Run, spark: SparkSession, inbox: Inbox, listing: Listing | None, step: Step) -> Candidates:
    """Return the images to examine, those of the listing or of the notices, and note what was skipped.

    A full listing covers every earlier notice, so a run that lists all images acknowledges the notices, too.
    """
    if inbox.malformed:
        this.notes.append(f"Malformed notices, moved to {REJECTED_NOTICES} with the reasons: {inbox.malformed:,}.")
    if listing is None:
        if inbox.skipped:
            this.notes.append(skipped_in_words(inbox.skipped))
        step.tell(counted(inbox.notices, "notice"))
        return Candidates(inbox.rows(spark), complete=False, keys=inbox.keys)
    step.tell(counted(listing.count, "file"))
    this.notes.extend(listing.omissions.in_words())
    return Candidates(listing.rows(spark), complete=True, unlisted=listing.omissions.folders)


def _tell_choice(choice: BasisChoice | None, step: Step) -> None:
    if choice is None:
        step.tell("no images")
        return
    captured = choice.assessment.captured
    k = len(choice.basis.components)
    step.tell(f"{counted(k, 'component')} {'captures' if k == 1 else 'capture'} {captured:.1%} of the variance")
    step.tell(f"{'kept' if choice.kept else 'fitted'}: {choice.reason}")


def _complete(this: Run, tables: Tables, summary: Summary, published: Published) -> None:
    """Publish the report, the rebuilt tables, and last the pointer to the results."""
    for note in summary.notes:
        this.reporter.note(note)
    publish_report(this, summary, published)
    if this.settings.mode is Mode.REPROCESS:
        with changing_labels(tables, this.settings.label_level):
            switch(tables)
    point_to(this, summary)


def _tidy(this: Run, tables: Tables, inbox: Inbox) -> None:
    """Remove what the published results have made obsolete, and compact tables with many tiny files."""
    if this.settings.mode is Mode.REPROCESS:
        end_rebuild(tables)
    this.check_fence()
    acknowledge_notices(this.root, inbox)
    if to_compact := tables_to_compact(tables):
        with this.clock.step("compact") as step:
            step.tell(f"{counted(sum(table.merge_tiny_files() for table in to_compact), 'file')} rewritten")


def _record_state(this: Run, model: Model, listing: Listing | None, report: ReportData) -> None:
    """Record the state at the end of the run, so that the next run finds out at once if nothing has changed."""
    unexpected = set(this.notes) - set(listing.omissions.in_words() if listing else ())
    if model.was_damaged:
        unexpected.add("the exported model was damaged")
    if Reason.UNREADABLE in report.refusals.reasons:
        listing = None  # the next run tries again to read these images
    record_state(this, model.weights, listing, unexpected)
