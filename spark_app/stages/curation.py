"""The step that curates: it reads what the curation needs, and stores what it has found."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contract.findings import GROUPS, FindingsSummary
from contract.layout import BasisFile, ResultFile, pca_folder, results_folder
from contract.summary import Summary
from contract.tables import Table
from spark_app.csv_files import write_csv
from spark_app.curation.corpus import HeldCoordinates, Item, Result, TaskRunner, run_here
from spark_app.curation.curate import Curated, curate, near_rule
from spark_app.curation.findings import FINDINGS, counts_of
from spark_app.curation.images import Images
from spark_app.curation.known import Known, known_from_npz, known_to_npz
from spark_app.curation.representation import Sampled, compare_representations
from spark_app.npz import NpzError
from spark_app.numerics.label_statistics import LabelStatistics
from spark_app.report.data import FoundImage
from spark_app.report.sections import kind_in_words
from spark_app.run import Run
from spark_app.stages.basis import BasisChoice
from spark_app.stages.features_sample import read_sample
from spark_app.stages.intact import are_intact
from spark_app.stages.outcomes import AppliedChanges
from spark_app.stages.starting_point import StartingPoint
from spark_app.stages.stored_corpus import StoredCorpus
from spark_app.tables import Tables
from spark_app.words import counted

REPORTED = 5
"""Findings of each kind that the report shows."""


@dataclass(frozen=True)
class Findings:
    """What a run has found, for its summary and its report."""

    summary: FindingsSummary
    worst: list[FoundImage]
    rows: pa.Table | None = None
    """All findings, rows of `FINDINGS`; `None` if they are those of the last run."""
    labels: LabelStatistics | None = None
    """Statistics of the coordinates of each label, in the order of `Images.labels`; `None` as above."""

    def in_words(self) -> str:
        """Return how many findings there are, and the number of each kind, the most frequent first."""
        kinds = Counter(self.summary.counts).most_common()
        some = [f"{count:,} {kind_in_words(kind, count)}" for kind, count in kinds if count]
        total = counted(self.summary.total, "finding")
        return f"{total}: {', '.join(some)}" if some else total


def curate_images(
    this: Run, start: StartingPoint, applied: AppliedChanges, choice: BasisChoice | None, corpus: StoredCorpus | None
) -> Findings | None:
    """Find what is wrong with the images, and write the table `findings` and ``findings.csv``.

    Parameters
    ----------
    corpus
        The images after the run; `None` if there are none.

    Returns
    -------
    Findings or None
        `None` if there are no images, or if the run does not look for findings. The table is then empty.
    """
    settings = this.settings.curation
    if choice is None or corpus is None or not settings.is_on:
        _replace_findings(start.tables, FINDINGS.empty_table())
        _forget(this, choice)
        return None
    if (last := _last_findings(this, start, applied, choice)) is not None:
        return last
    images, coordinates = corpus.images, corpus.coordinates
    run = run_here if isinstance(coordinates, HeldCoordinates) else _on_workers(start.tables)
    curated = curate(images, coordinates, choice.basis, _known(this, choice), settings, run)
    this.check_fence()  # the folder of a kept basis belongs to all runs
    body = known_to_npz(curated.known, near_rule(settings))
    this.root.write(pca_folder(choice.version) + BasisFile.NEIGHBOURS, body)
    _replace_findings(start.tables, curated.findings)
    return _published(this, curated, images, _sampled(this, start, choice, images))


def _last_findings(this: Run, start: StartingPoint, applied: AppliedChanges, choice: BasisChoice) -> Findings | None:
    """Publish the findings of the last run again, if nothing has changed that they depend on."""
    last = start.reusable
    if last is None or last.summary.findings is None or applied.tally.touches_features or not choice.kept:
        return None
    if not _has_same_settings(this, last.summary) or start.contents.findings != last.summary.snapshots.findings:
        return None
    file = results_folder(last.summary.run_id) + ResultFile.FINDINGS
    if not are_intact(this, {file: last.summary.findings.file}):
        return None
    this.root.copy(file, this.results + ResultFile.FINDINGS)
    return Findings(last.summary.findings, last.report.findings)


def _has_same_settings(this: Run, last: Summary) -> bool:
    return bool(last.settings.get("curation") == this.settings.to_document()["curation"])


def _on_workers(tables: Tables) -> TaskRunner:
    def run(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterable[Result]:
        if not items:
            return []
        found: list[Result] = tables.spark.sparkContext.parallelize(items, len(items)).map(function).collect()
        return found

    return run


def _known(this: Run, choice: BasisChoice) -> Known:
    """Return what the last run with this basis knows of pairs of images."""
    file = pca_folder(choice.version) + BasisFile.NEIGHBOURS
    body = this.root.read(file) if choice.kept else None
    if body is None:
        return Known.nothing()
    try:
        return known_from_npz(body, near_rule(this.settings.curation))
    except NpzError as error:
        this.notes.append(f"{file} is damaged ({error}): this run has compared all images again.")
        return Known.nothing()


def _forget(this: Run, choice: BasisChoice | None) -> None:
    """Delete what an earlier run knows of pairs of images, because no run would remove erased images from it."""
    file = pca_folder(choice.version) + BasisFile.NEIGHBOURS if choice else None
    if file and this.root.find(file):
        this.check_fence()
        this.root.delete([file])


def _replace_findings(tables: Tables, rows: pa.Table) -> None:
    """Replace the rows of the table, unless it is empty and stays so."""
    if len(rows) or tables.iceberg[Table.FINDINGS].row_count(tables.branch):
        tables.replace_findings(rows)


def _sampled(this: Run, start: StartingPoint, choice: BasisChoice, images: Images) -> Sampled:
    """Return the quality of the representation of a sample, which changes with the basis only."""
    last = start.reusable.summary if start.reusable and choice.kept else None
    if last is not None and last.findings is not None and _has_same_settings(this, last):
        return Sampled(last.findings.sampled_components, last.findings.sampled_features)
    sample, features = read_sample(this.root, start.tables, images)
    return compare_representations(sample, features, choice.basis, near_rule(this.settings.curation))


def _published(this: Run, curated: Curated, images: Images, sampled: Sampled) -> Findings:
    batches = (batch.columns for batch in curated.findings.to_batches())
    written = write_csv(batches, FINDINGS, this.root, this.results + ResultFile.FINDINGS)
    summary = FindingsSummary(
        counts=counts_of(curated.findings),
        images={name: _images_with(curated.findings, kinds) for name, kinds in GROUPS.items()},
        unmeasured=int(np.count_nonzero(~images.is_measured)),
        unjudged=curated.unjudged,
        has_all_pairs=curated.has_all_pairs,
        has_neighbours=curated.has_neighbours,
        file=written.digest,
        components=curated.representation,
        sampled_components=sampled.components,
        sampled_features=sampled.features,
    )
    return Findings(summary, worst_of(curated.findings, summary.counts), curated.findings, curated.labels)


def _images_with(rows: pa.Table, kinds: Collection[str]) -> int:
    chosen = rows.filter(pc.is_in(rows["kind"], pa.array(list(kinds), pa.string())))
    return int(pc.count_distinct(chosen["key"]).as_py())


def worst_of(rows: pa.Table, counts: dict[str, int]) -> list[FoundImage]:
    """Return the first rows of each kind. Rows of a kind follow each other."""
    starts = np.cumsum([0, *counts.values()])[:-1]
    some = [rows.slice(start, min(count, REPORTED)) for start, count in zip(starts, counts.values(), strict=True)]
    return [FoundImage(**row) for row in pa.concat_tables(some).to_pylist()]
