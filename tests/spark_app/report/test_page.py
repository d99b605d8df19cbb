"""Tests of the HTML page of the report."""

from dataclasses import replace
from html.parser import HTMLParser

from contract.digest import Digest
from contract.findings import FindingsSummary, Kind, Representation
from contract.summary import Counts, MatrixFile, PcaSummary, Snapshots, Summary, WeightsSummary
from spark_app.report.data import FoundImage, RefusedImages, ReportData, SampledImage
from spark_app.report.page import render_report

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
HOSTILE = "<script>alert(1)</script>"


class _Elements(HTMLParser):
    """Collects the names of the elements, and checks that each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        assert not any(name.startswith("on") or name in {"src", "href"} for name, _ in attrs)
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.names.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def close(self) -> None:
        super().close()
        assert self._open == []


def _elements(page: str) -> list[str]:
    parser = _Elements()
    parser.feed(page)
    parser.close()
    return parser.names


def test_names_of_users_are_text_and_nothing_else() -> None:
    """A folder or file with the name of a script is shown as text, and the page loads nothing."""
    sample = [SampledImage("a", HOSTILE, 0.0, 1.0), SampledImage("b", None, 1.0, 0.0)]
    data = ReportData([97, 3], [0.964], 1.0, sample, RefusedImages({"empty": 1}, [(HOSTILE, "empty", HOSTILE)]))
    page = render_report(SUMMARY, data)
    names = _elements(page)
    assert "script" not in names
    assert names.count("circle") == 2
    assert "&lt;script&gt;" in page
    assert "The weights are seeded." in page


def test_the_report_shows_the_worst_findings_and_their_numbers() -> None:
    """Keys and details are text, kinds without findings are not named, and a run without findings says so."""
    found = FoundImage(HOSTILE, None, Kind.NEAR_DUPLICATE, 1.97, HOSTILE, HOSTILE)
    counts = dict.fromkeys(map(str, Kind), 0)
    summary = FindingsSummary(
        counts=counts | {Kind.NEAR_DUPLICATE: 1_234},
        images={},
        unmeasured=0,
        unjudged=5,
        has_all_pairs=True,
        has_neighbours=True,
        file=Digest.of(b""),
        components=Representation(images=10, nearest_neighbour=0.9, nearest_centroid=0.8),
    )
    data = ReportData([1.0], [1.0], 1.0, [], RefusedImages({}, []), [found])
    page = render_report(replace(SUMMARY, findings=summary), data)
    assert "script" not in _elements(page)
    assert page.count("&lt;script&gt;") == 3
    assert "<b>1,234</b> near duplicate" in page
    assert "blurry" not in page
    assert "5 images have a label with too few other images" in page
    assert "90.0%" in page
    nothing = render_report(replace(SUMMARY, findings=replace(summary, counts=counts)), replace(data, findings=[]))
    assert nothing.count("<p>None.</p>") == 2  # refused images, findings
    assert "<h2>Findings</h2>" not in render_report(SUMMARY, data)


def test_the_report_says_which_basis_and_why() -> None:
    """The report shows the fit of the basis, why it was kept, when a run refits it, and its share of the variance."""
    sample = [SampledImage("a", "label", 0.0, 1.0), SampledImage("b", "label", 1.0, 0.0)]
    page = render_report(SUMMARY, ReportData([97, 3], [0.964], 1.0, sample, RefusedImages({}, [])))
    assert "fitted to 1,234 images" in page
    assert "Kept: it serves. A run fits another basis if this one captures less than 99% of the variance" in page
    assert "PC1 (96.4% of the variance)" in page


def test_a_run_without_an_image_has_a_report() -> None:
    """The report of five broken files lists the refused images, and draws no chart."""
    summary = Summary(**{**vars(SUMMARY), "pca": None, "images_per_second": None})
    data = ReportData([], [], 1.0, [], RefusedImages({"empty": 5}, [("a", "empty", "0 bytes")]))
    names = _elements(render_report(summary, data))
    assert "svg" not in names
    assert "table" in names
