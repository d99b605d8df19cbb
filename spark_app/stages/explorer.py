"""The step that makes the explorer: it takes what has not changed from the explorer of the last run."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contract.digest import Digest
from contract.findings import Kind
from contract.layout import ResultFile, results_folder
from spark_app.curation.corpus import HeldCoordinates
from spark_app.curation.findings import FINDINGS
from spark_app.curation.images import MEASURES, Floats, Images, Numbers
from spark_app.engine.thumbnail import SIDE
from spark_app.errors import ExplorerPageError
from spark_app.explorer.data import Coordinates, Explorer, Points, Sheet
from spark_app.explorer.data import Places as PointNumbers
from spark_app.explorer.page import read_explorer, render_explorer, room_for_sheets
from spark_app.explorer.sample import POINTS, Sample, choose_sample
from spark_app.explorer.sheets import Fetch, KnownSheet, content_id, content_of, pack
from spark_app.numerics.label_statistics import LabelStatistics
from spark_app.report.data import LabelSummary
from spark_app.run import Run
from spark_app.settings import ThumbnailsChoice
from spark_app.stages.basis import BasisChoice
from spark_app.stages.curation import Findings
from spark_app.stages.intact import read_intact
from spark_app.stages.outcomes import AppliedChanges
from spark_app.stages.starting_point import LastRun, StartingPoint
from spark_app.stages.stored_corpus import StoredCorpus
from spark_app.words import counted

AXES = 16
"""Components that the explorer contains at most, for its axes and for the distances of its images."""

LIMITS = [POINTS >> times for times in range(12)]
"""Numbers of points that a run tries, until the page is small enough."""


@dataclass(frozen=True, eq=False)
class Explored:
    """The explorer of a run."""

    explorer: Explorer
    file: Digest
    """Digest of ``explore.html``."""
    labels: list[LabelSummary]
    """All labels, for the report."""

    def in_words(self) -> str:
        """Return how many images the explorer shows."""
        shown, images = len(self.explorer.points), self.explorer.images
        size = f"{self.file.size / 1e6:.1f} MB"
        return f"{counted(shown, 'image')}{f' of {images:,}' if shown < images else ''}, {size}"


@dataclass(frozen=True, eq=False)
class _Last:
    """The explorer of the last run."""

    run: LastRun
    explorer: Explorer

    @cached_property
    def sheets(self) -> dict[str, KnownSheet]:
        """Its sheets by their ids."""
        points = self.explorer.points
        return {
            sheet.sheet_id: KnownSheet(sheet, points.pictured[first : first + sheet.count])
            for first, sheet in zip(points.first_points, points.sheets, strict=True)
        }

    @cached_property
    def first_points(self) -> dict[str, int]:
        """Number of the first point of each sheet, by the id of its content."""
        points = self.explorer.points
        return dict(zip((content_of(sheet.sheet_id) for sheet in points.sheets), points.first_points, strict=True))


def publish_explorer(
    this: Run,
    start: StartingPoint,
    applied: AppliedChanges,
    choice: BasisChoice,
    corpus: StoredCorpus,
    findings: Findings | None,
) -> Explored:
    """Write ``explore.html``.

    Raises
    ------
    DamagedTableError
        If a file of the tables is missing or damaged.
    StorageError
        If the storage fails.
    """
    last = _last_explorer(this, start)
    if last and choice.kept and not applied.tally.touches_features and _has_findings_of(last, findings):
        return _carry_over(this, last)
    points = _points(this, corpus, last, _findings_of(start, findings), keeps_basis=choice.kept)
    explorer = Explorer(
        run_id=this.run_id,
        finished_at=_now(),
        images=len(corpus.images),
        ratios=choice.assessment.ratios[:AXES].tolist(),
        points=points,
        notes=_notes(this, points),
    )
    return Explored(explorer, _write(this, explorer), _labels(start, applied, choice, corpus, findings))


def _last_explorer(this: Run, start: StartingPoint) -> _Last | None:
    """Return the explorer of the last run, if this run can take something from it."""
    last = start.reusable
    if last is None or last.summary.explorer is None:
        return None
    if last.summary.settings.get("thumbnails") != this.settings.thumbnails:
        return None
    key = results_folder(last.summary.run_id) + ResultFile.EXPLORER
    if (body := read_intact(this, key, last.summary.explorer)) is None:
        return None
    try:
        return _Last(last, read_explorer(body.decode()))
    except ExplorerPageError as error:
        this.notes.append(f"{key} can't be read ({error}): this run has made the explorer anew.")
        return None


def _has_findings_of(last: _Last, findings: Findings | None) -> bool:
    if findings is None:
        return last.run.summary.findings is None
    return findings.rows is None


def _carry_over(this: Run, last: _Last) -> Explored:
    """Publish the explorer of the last run again, on the page of this version."""
    explorer = replace(last.explorer, run_id=this.run_id, finished_at=_now())
    return Explored(explorer, _write(this, explorer), last.run.report.labels)


def _write(this: Run, explorer: Explorer) -> Digest:
    body = render_explorer(explorer).encode()
    this.root.write(this.results + ResultFile.EXPLORER, body)
    return Digest.of(body)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _points(this: Run, corpus: StoredCorpus, last: _Last | None, findings: pa.Table, *, keeps_basis: bool) -> Points:
    """Return as many points as there is room for: long keys, or pictures that compress badly, leave less of it."""
    keys = corpus.images.keys.to_pylist()
    fetches = this.settings.thumbnails is ThumbnailsChoice.SAMPLE
    for limit in LIMITS:
        sample = choose_sample(keys, limit)
        points = _without_pictures(corpus, sample, findings, last if keeps_basis else None)
        fetch = _fetch_from(corpus, sample) if fetches else _fetch_nothing
        room = room_for_sheets(points)
        ids = corpus.images.row_ids[sample.images]
        if packed := pack(ids, sample.ranges, fetch, last.sheets if last else {}, room):
            return replace(points, pictured=packed.pictured, tile=packed.format.tile, sheets=packed.sheets)
    raise AssertionError("a page has room for few points, whatever their keys are")


def _without_pictures(corpus: StoredCorpus, sample: Sample, findings: pa.Table, last: _Last | None) -> Points:
    images = corpus.images
    keys = images.keys.take(pa.array(sample.images))
    return Points(
        keys=keys.to_pylist(),
        labels=[images.label(image) for image in sample.images.tolist()],
        coordinates=_coordinates(corpus, sample, last),
        numbers=_numbers(images, sample),
        findings=_places_of(findings, keys),
        pictured=np.zeros(len(keys), bool),
        tile=SIDE,
        sheets=[Sheet("", part.stop - part.start, 1, b"") for part in sample.ranges],
    )


def _fetch_from(corpus: StoredCorpus, sample: Sample) -> Fetch:
    return lambda points: corpus.thumbnails(sample.images[points])


def _fetch_nothing(points: Numbers) -> list[bytes | None]:
    return [None] * len(points)


def _coordinates(corpus: StoredCorpus, sample: Sample, last: _Last | None) -> Coordinates:
    """Take the coordinates of points from the last explorer if it has their sheet, and read those of the others.

    Parameters
    ----------
    last
        The last explorer; `None` if its coordinates are those of another basis.
    """
    axes, ids = min(AXES, corpus.k), corpus.images.row_ids[sample.images]
    coordinates = np.empty((len(ids), axes), np.float16)
    unknown = np.ones(len(ids), bool)
    for points in sample.ranges if last else ():
        first = last.first_points.get(content_id(ids[points])) if last else None
        if last and first is not None:
            coordinates[points] = last.explorer.points.coordinates[first : first + points.stop - points.start]
            unknown[points] = False
    if unknown.any():
        coordinates[unknown] = corpus.coordinates.read(sample.images[unknown])[:, :axes]
    return coordinates


def _numbers(images: Images, sample: Sample) -> dict[str, Floats]:
    """Return the measurements of the points, without those that are unknown for all of them."""
    widths, heights = images.sizes[sample.images].astype(np.float32).T
    measured = {name: images.measure(name)[sample.images] for name in (*MEASURES, "residual")}
    known = {name: values for name, values in measured.items() if not np.isnan(values).all()}
    return {"width": widths, "height": heights} | known


def _findings_of(start: StartingPoint, findings: Findings | None) -> pa.Table:
    """Return key and kind of all findings."""
    if findings is None:
        return FINDINGS.empty_table()
    if findings.rows is not None:
        return findings.rows
    return start.tables.spark.table(start.tables.findings).select("key", "kind").toArrow()


def _places_of(findings: pa.Table, keys: pa.ChunkedArray) -> dict[str, PointNumbers]:
    """Return the numbers of the points with a finding, by kind."""
    points = pc.index_in(findings["key"], value_set=keys.combine_chunks())
    kinds = findings["kind"].to_numpy(zero_copy_only=False)
    found = points.to_numpy(zero_copy_only=False)
    by_kind = {str(kind): np.unique(found[(kinds == kind) & ~np.isnan(found)]).astype(np.int32) for kind in Kind}
    return {kind: numbers for kind, numbers in by_kind.items() if len(numbers)}


def _notes(this: Run, points: Points) -> list[str]:
    if this.settings.thumbnails is ThumbnailsChoice.NONE:
        return ["There are no thumbnails, because the run was started with --thumbnails none."]
    if missing := len(points) - int(np.count_nonzero(points.pictured)):
        missing_ones = f"{missing:,} of {counted(len(points), 'image')}"
        return [f"There are no thumbnails of {missing_ones}: a run with --mode reprocess makes them."]
    return []


def _labels(
    start: StartingPoint, applied: AppliedChanges, choice: BasisChoice, corpus: StoredCorpus, findings: Findings | None
) -> list[LabelSummary]:
    """Return all labels, the most frequent first, and the images without a label as the label `None`."""
    last = start.reusable
    if last and choice.kept and not applied.tally.touches_features and last.report.labels:
        return last.report.labels
    images = corpus.images
    statistics = findings.labels if findings else None
    if statistics is None and isinstance(corpus.coordinates, HeldCoordinates):
        statistics = LabelStatistics.of(images.codes, corpus.coordinates.matrix, len(images.labels))
    counts = np.bincount(images.codes + 1, minlength=len(images.labels) + 1)
    spreads = np.sqrt(statistics.scatters / np.maximum(statistics.counts, 1)).tolist() if statistics else None
    found = [
        LabelSummary(label, int(counts[code + 1]), spreads[code] if spreads else None)
        for code, label in enumerate(images.labels)
    ]
    unlabelled = [LabelSummary(None, int(counts[0]), None)] if counts[0] else []
    return sorted(found, key=lambda label: (-label.images, label.label or "")) + unlabelled
