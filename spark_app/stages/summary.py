"""The summary of a run: its counts, its notes, and ``summary.json``."""

from datetime import UTC, datetime

from contract.findings import FindingsSummary
from contract.layout import model_folder
from contract.summary import Counts, PcaSummary, Summary, WeightsSummary
from contract.versions import ICEBERG
from spark_app.engine.provision import Model
from spark_app.engine.weights import WeightsKind
from spark_app.installed import package_versions
from spark_app.numerics.components import ComponentCount
from spark_app.numerics.pca import max_components
from spark_app.run import Run
from spark_app.settings import DEFAULT_DECODING, FEATURE_COUNT, CurationSettings, DecodingChoice, RunSettings
from spark_app.stages.basis import BasisChoice
from spark_app.stages.change_set import ChangeSet
from spark_app.stages.outcomes import Tally
from spark_app.stages.publish import Published
from spark_app.stages.starting_point import StartingPoint
from spark_app.words import counted


def counts_of(change_set: ChangeSet, tally: Tally, published: Published) -> Counts:
    """Count what became of the images."""
    return Counts(
        listed=change_set.examined,
        featurised=tally.featurised,
        unchanged=change_set.settled + tally.unchanged,
        replaced=tally.replaced,
        removed=tally.removed,
        rejected=tally.rejected,
        images=published.matrix.rows,
        rejects=published.report.refusals.count,
    )


def summary_of(
    this: Run, start: StartingPoint, model: Model, choice: BasisChoice | None, published: Published, counts: Counts
) -> Summary:
    """Summarise a run whose results are complete except for the report and the summary."""
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
        pca_version=choice.version if choice else None,
        pca=_pca_summary(this.settings, choice) if choice else None,
        matrix=published.matrix.files,
        snapshots=start.tables.snapshots(),
        timings=this.timings,
        images_per_second=round(computed / this.timings["featurise"], 1) if computed else None,
        settings=this.settings.to_document(),
        versions={"spark": start.tables.spark.version, "iceberg": ICEBERG} | package_versions(),
        notes=[
            *dict.fromkeys(this.notes),
            *notes_on_run(this.settings, model, choice, counts.images),
            *notes_on_findings(this.settings.curation, published.findings, counts.images),
        ],
        rejects=published.rejects,
        findings=published.findings,
        explorer=published.explored.file if published.explored else None,
    )


def notes_on_run(settings: RunSettings, model: Model, choice: BasisChoice | None, count: int) -> list[str]:
    """Return sentences that the reader should know before trusting the numbers.

    Parameters
    ----------
    count
        Number of images with features.
    """
    return [*settings.notices, *_on_model(model, settings), *_on_components(settings, choice, count)]


def notes_on_findings(settings: CurationSettings, findings: FindingsSummary | None, count: int) -> list[str]:
    """Return sentences about images without measurements, and about more findings than the settings expect.

    Parameters
    ----------
    count
        Number of images with features.
    """
    if findings is None or not count:
        return []
    notes = []
    if findings.unmeasured:
        notes.append(
            f"{counted(findings.unmeasured, 'image')} of {count:,} were computed without measurements, so duplicates "
            "and bad pictures among them are not found: --mode reprocess measures them."
        )
    if not findings.has_all_pairs:
        notes.append("So many images are almost equal that not all pairs of near-duplicates were compared.")
    if not findings.has_neighbours:
        notes.append("There are more images than --max-compared-images allows to compare: no label was doubted.")
    for (name, found), (option, most) in zip(findings.images.items(), _expected(settings), strict=True):
        if found > most * count:
            notes.append(f"{found / count:.1%} of the images have findings of {name}, more than {option} {most:g}.")
    return notes


def _expected(settings: CurationSettings) -> list[tuple[str, float]]:
    """Return the options that limit the shares of the groups of findings, and their values."""
    return [
        ("--max-duplicate-share", settings.max_duplicate_share),
        ("--max-outlier-share", settings.max_outlier_share),
        ("--max-label-doubt-share", settings.max_label_doubt_share),
        ("--max-bad-picture-share", settings.max_bad_picture_share),
    ]


def _on_model(model: Model, settings: RunSettings) -> list[str]:
    notes = []
    if model.decoding is not DEFAULT_DECODING and settings.decoding is DecodingChoice.AUTO:
        notes.append(
            f"JPEG photos are decoded as in the earlier runs of this output ({model.decoding}); --mode reprocess "
            f"computes all images with the present default ({DEFAULT_DECODING})."
        )
    if model.was_damaged:
        notes.append(
            f"The exported model in {model_folder(model.model_id)} was damaged, and this run has replaced it. If an "
            "earlier run has used the damaged model, its features are wrong: --mode reprocess computes them again."
        )
    if model.weights.kind is WeightsKind.SEEDED:
        notes.append(
            "The weights are seeded, not trained: the features are reproducible, but mean nothing about fruits."
        )
    return notes


def _on_components(settings: RunSettings, choice: BasisChoice | None, count: int) -> list[str]:
    if choice is None:
        return ["There are no features: there is no matrix."]
    k, requested = len(choice.basis.components), settings.components
    allow = f"{counted(count, 'image')} {'allows' if count == 1 else 'allow'}"
    if isinstance(requested, ComponentCount) and k < requested.count:
        return [f"{requested} components were requested, but {allow} {k} only."]
    if count < FEATURE_COUNT and k == max_components(count, FEATURE_COUNT):
        of_them = counted(k, "component")
        return [f"{allow} no more than {of_them}: with more images, a run will keep others."]
    return []


def _pca_summary(settings: RunSettings, choice: BasisChoice) -> PcaSummary:
    return PcaSummary(
        requested=settings.components.number,
        components=len(choice.basis.components),
        standardize=settings.standardize,
        captured=choice.assessment.captured,
        of_best=choice.assessment.of_best,
        kept=choice.kept,
        reason=choice.reason,
        fitted_to=choice.basis.count,
        refit_threshold=settings.refit_threshold,
    )
