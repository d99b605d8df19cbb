"""Reports for the tests, and a reader of their HTML."""

from dataclasses import dataclass
from html.parser import HTMLParser

from contract.digest import Digest
from contract.findings import FindingsSummary, Kind, Representation
from contract.summary import Counts, MatrixFile, PcaSummary, Snapshots, Summary, WeightsSummary
from spark_app.report.data import (
    ComponentEnds,
    EndImage,
    FoundImage,
    LabelSummary,
    RefusedImages,
    ReportData,
    SampledImage,
)

SUMMARY = Summary(
    run_id="20261120T120000Z-abcdef",
    mode="reconcile",
    started_at="2026-11-20T12:00:00+00:00",
    finished_at="2026-11-20T12:01:00+00:00",
    model_id="mobilenetv2-0123456789ab",
    engine="litert",
    weights=WeightsSummary(kind="seeded", sha256="00"),
    counts=Counts(listed=3, featurised=2, rejected=1, images=2, rejects=1),
    pca=PcaSummary(
        requested=0.95,
        components=1,
        standardize=False,
        captured=0.97,
        of_best=0.9951,
        kept=True,
        reason="it serves",
        fitted_to=1234,
        refit_threshold=0.99,
    ),
    matrix=[MatrixFile(file="results/20261120T121530Z-3fa94c/pca.csv", first_key="", rows=2)],
    pca_version="20261119T080000Z-aaaaaa",
    snapshots=Snapshots(features=1, components=1, rejects=1),
    timings={"start": 2.0, "featurise": 0.0},
    images_per_second=100.0,
    settings={"images": "file:///images"},
    versions={"spark": "4.1.1"},
    notes=["The weights are seeded."],
)
NO_COUNTS = dict.fromkeys(map(str, Kind), 0)
FINDINGS = FindingsSummary(
    counts=NO_COUNTS | {Kind.NEAR_DUPLICATE: 1_234, Kind.DARK: 1},
    images={},
    unmeasured=0,
    unjudged=5,
    has_all_pairs=True,
    has_neighbours=True,
    file=Digest.of(b""),
    components=Representation(images=10, nearest_neighbour=0.9, nearest_centroid=0.8),
)
DATA = ReportData([97, 3], [0.964], 1.0, [], RefusedImages({}, []))


def of_names(names: list[str]) -> ReportData:
    """Return the data of a report in which each name is a key, a label and a text wherever users can write one."""
    first, last = names[0], names[-1]
    return ReportData(
        [97, 3],
        [0.964],
        1.0,
        [SampledImage(name, name, float(number), float(-number)) for number, name in enumerate(names)],
        RefusedImages({"empty": 1}, [(name, "empty", name) for name in names]),
        [
            FoundImage(name, name, Kind.NEAR_DUPLICATE, 1.97, other, name)
            for name, other in zip(names, [*names[1:], first], strict=True)
        ]
        + [FoundImage(last, None, Kind.DARK, 0.5, None, last)],
        [LabelSummary(name, 3, 1.5) for name in names],
        [ComponentEnds([EndImage(name, name, 0.5)], [EndImage(name, None, 0.5)]) for name in names],
    )


@dataclass(frozen=True)
class Text:
    """A text of a page."""

    element: str
    """Name of the innermost element that contains it."""
    text: str


class Page(HTMLParser):
    """Reads a page: its elements, its texts and its attributes. It checks that every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[Text] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def named(self, name: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a name."""
        return [attributes for element, attributes in self.elements if element == name]

    @property
    def words(self) -> str:
        """All texts of the body, with single spaces."""
        return " ".join(" ".join(text.text for text in self.texts if text.element != "style").split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "img"}:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element without content."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Check that the last open element ends."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if data.strip():
            self.texts.append(Text(self._open[-1], data))
