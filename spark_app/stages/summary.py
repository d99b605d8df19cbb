"""What a run says of itself."""

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from contract.runs import Mode
from contract.summary import Counts, PcaSummary, Summary, WeightsSummary
from contract.versions import ICEBERG
from spark_app.engine.provision import Model
from spark_app.engine.weights import WeightsKind
from spark_app.numerics.pca import max_components
from spark_app.run import Change, Run, Start
from spark_app.settings import FEATURES, RunSettings
from spark_app.stages.basis import Choice
from spark_app.stages.matrix import Matrix
from spark_app.stages.plan import Plan


def counts_of(plan: Plan, change: Change, matrix: Matrix, rejects: int) -> Counts:
    """Count what became of the images."""
    tally = change.tally
    return Counts(
        listed=plan.wanted,
        featurised=tally.featurised,
        unchanged=plan.settled + tally.unchanged,
        replaced=tally.replaced,
        removed=tally.removed,
        rejected=tally.rejected,
        images=matrix.rows,
        rejects=rejects,
    )


@dataclass(frozen=True)
class Outcome:
    """What a run has come to."""

    choice: Choice | None
    matrix: Matrix
    counts: Counts
    notes: list[str]


def summary_of(this: Run, start: Start, model: Model, outcome: Outcome) -> Summary:
    """Describe a run that is complete but for being published."""
    choice, counts = outcome.choice, outcome.counts
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
        matrix=outcome.matrix.files,
        snapshots=start.tables.snapshots(),
        timings=this.clock.timings,
        images_per_second=round(computed / this.clock.timings["featurise"], 1) if computed else None,
        settings=this.settings.to_document(),
        versions=_versions(start.tables.spark.version),
        notes=outcome.notes,
    )


def notes_on_run(this: Run, model: Model, choice: Choice | None, count: int) -> list[str]:
    """Say what the reader should know before trusting the numbers."""
    return [*this.settings.notices, *_on_weights(model), *_on_components(this.settings, choice, count)]


def _on_weights(model: Model) -> list[str]:
    if model.weights.kind is not WeightsKind.SEEDED:
        return []
    return ["The weights are seeded, not trained: the features are reproducible, but mean nothing about fruits."]


def _on_components(settings: RunSettings, choice: Choice | None, count: int) -> list[str]:
    if choice is None:
        empty = "The inbox had no notices, and no image was ever computed." if settings.mode is Mode.UPDATE else ""
        return [empty or "No image could be read: there is no matrix."]
    k, wanted = len(choice.basis.components), settings.components
    if isinstance(wanted, int) and k < wanted:
        return [f"{wanted} components were asked for; {count:,} images allow {k}."]
    if count < FEATURES and k == max_components(count, FEATURES):
        return [f"{count:,} images allow no more than {k} components: with more images there will be others."]
    return []


def _pca_summary(settings: RunSettings, choice: Choice) -> PcaSummary:
    return PcaSummary(
        requested=settings.components,
        components=len(choice.basis.components),
        standardize=settings.standardize,
        captured=choice.assessment.captured,
        of_best=choice.assessment.of_best,
        kept=choice.kept,
        reason=choice.reason,
        fitted_to=choice.basis.count,
        refit_threshold=settings.refit_threshold,
    )


def _versions(spark: str) -> dict[str, str]:
    packages = ("numpy", "pyarrow", "pillow", "pillow-heif", "onnxruntime", "obstore")
    return {"spark": spark, "iceberg": ICEBERG} | {name: version(name) for name in packages}
