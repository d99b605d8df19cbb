"""Tests of the HTML page of the report."""

import re
from dataclasses import replace

import pytest

from contract.digest import Digest
from contract.findings import Kind
from contract.report_cost import COST_PLACE, has_cost, with_cost
from contract.summary import Summary
from spark_app.report.data import FoundImage, LabelSummary, RefusedImages, ReportData, SampledImage
from spark_app.report.marks import COLOURS, MARKS
from spark_app.report.page import render_report
from tests.spark_app.report.reports import DATA, FINDINGS, NO_COUNTS, SUMMARY, Page, of_names

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style></svg></script><b>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&#60;",
    "javascript:alert(1)//",
    "\u202egpj.exe",
    f"<!-- {COST_PLACE}",
]
ISOLATED = {"bdi", "td", "figcaption", "text", "p", "div", "title"}
"""Elements whose text can't reorder text outside of them."""


def _hostile() -> Page:
    summary = replace(SUMMARY, notes=HOSTILE, findings=FINDINGS, explorer=Digest.of(b""))
    return Page(render_report(summary, of_names(HOSTILE), {HOSTILE[0]: b"RIFF"}))


def test_names_of_users_are_text_and_nothing_else() -> None:
    """No name of a folder, a file, a detail or a note becomes an element, an attribute or a link."""
    page, plain = (
        _hostile(),
        Page(
            render_report(
                replace(SUMMARY, notes=["a"] * 9, findings=FINDINGS, explorer=Digest.of(b"")),
                of_names(list("abcdefghi")),
                {"a": b"RIFF"},
            )
        ),
    )
    assert [name for name, _ in page.elements] == [name for name, _ in plain.elements]
    assert [set(attributes) for _, attributes in page.elements] == [set(attributes) for _, attributes in plain.elements]
    assert {image["src"].partition(";")[0] for image in page.named("img")} <= {  # type: ignore[union-attr]
        "data:image/webp",
        "data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22/%3E",
    }
    assert [link["href"] for link in page.named("a")] == ["explore.html"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_users_are_shown_as_they_are(name: str) -> None:
    """Each name is readable wherever it occurs, in texts and in titles of pictures."""
    page = _hostile()
    assert sum(text.text.strip() == name for text in page.texts) >= 6
    assert any(name in str(image["title"]) and image["alt"] == name for image in page.named("img"))


def test_a_name_that_reorders_text_reorders_only_itself() -> None:
    """U+202E occurs only in elements of its own; within a title, invisible characters enclose the name."""
    (override,) = (name for name in HOSTILE if "\u202e" in name)
    page = _hostile()
    texts = [text for text in page.texts if override in text.text]
    assert {text.element for text in texts} <= ISOLATED
    titles = [text.text for text in texts if text.element == "title"]
    titles += [str(image["title"]) for image in page.named("img") if override in str(image["title"])]
    assert titles
    assert all(f"\u2068{override}\u2069" in title for title in titles)


def test_the_page_loads_nothing() -> None:
    """The report is one file without scripts: it refers to nothing but the explorer, and only if there is one."""
    html = render_report(replace(SUMMARY, findings=FINDINGS), of_names(["a", "b"]), {"a": b"RIFF"})
    page = Page(html)
    assert page.named("script") == page.named("a") == page.named("link") == []
    assert all(str(image["src"]).startswith("data:") for image in page.named("img"))
    assert "@import" not in html
    assert "url(" not in html


def test_131_labels_are_named_and_the_page_stays_light() -> None:
    """The most frequent labels have marks, the others appear on hovering, all are in the table, in 130 kB."""
    labels = [f"Variety of fruit {number:03}" for number in range(131)]
    sample = [SampledImage(f"key {n}", labels[n * n % 131], n % 97 / 7, n % 89 / 11) for n in range(2_000)]
    sample += [SampledImage(label, label, 0.0, 0.0) for label in labels]
    data = replace(DATA, sample=sample, labels=[LabelSummary(label, 15, 2.5) for label in labels])
    html = render_report(SUMMARY, data)
    page = Page(html)
    assert len(html) < 130_000
    marks = [str(path["d"]).count("M") for path in page.named("path")]
    assert sum(marks) == len(sample) + len(MARKS)
    assert "And 95 others, in grey" in page.words
    hovered = {text.text.partition("\u2069")[0].strip("\u2068") for text in page.texts if text.element == "title"}
    assert hovered >= set(labels)
    assert {text.text for text in page.texts if text.element == "td"} >= set(labels)
    assert "Show the other 119" in page.words


def test_every_mark_has_a_colour_in_both_themes() -> None:
    """The stylesheet defines the colours that the marks use, for light and for dark pages."""
    html = render_report(SUMMARY, DATA)
    assert {mark.colour for mark in MARKS} == {f"c{number}" for number in range(COLOURS)}
    for number in range(COLOURS):
        assert f".c{number} {{ fill: var(--c{number}); }}" in html
        assert len(re.findall(rf"--c{number}: #[0-9a-f]{{6}};", html)) == 2


def test_the_report_shows_the_worst_findings_and_their_numbers() -> None:
    """Each kind has its number and its worst findings, and kinds without findings share a sentence."""
    some = [FoundImage(f"a{n}", None, Kind.NEAR_DUPLICATE, 1.97, "b", "why") for n in range(5)]
    data = replace(DATA, findings=[*some, FoundImage("c", "label", Kind.DARK, 0.5, None, "dim")])
    words = Page(render_report(replace(SUMMARY, findings=FINDINGS), data)).words
    assert "1,234 near-duplicates near_duplicate The worst 5: a0 resembles b score 1.97: why" in words
    assert "1 dark image dark c score 0.5: dim The run found no duplicates, outliers," in words
    assert "or images of an odd size." in words
    assert "5 images have a label with too few other images" in words
    assert "components (10 images) 90.0% 80.0%" in words


def test_a_run_without_findings_says_so() -> None:
    """One sentence names what was looked for; a run that looks for nothing has no such section."""
    words = Page(render_report(replace(SUMMARY, findings=replace(FINDINGS, counts=NO_COUNTS)), DATA)).words
    assert "The run found no duplicates, near-duplicates," in words
    assert "findings.csv" not in words
    assert "Findings" not in Page(render_report(SUMMARY, DATA)).words


def test_a_finding_of_a_later_version_is_shown() -> None:
    """The report names a kind that it does not know as ``findings.csv`` does."""
    findings = replace(FINDINGS, counts={"too_green": 2})
    data = replace(DATA, findings=[FoundImage("a", None, "too_green", 1.0, None, "why")])
    assert (
        "2 too green too_green The worst 1: a" in Page(render_report(replace(SUMMARY, findings=findings), data)).words
    )


def test_the_report_says_which_basis_and_why() -> None:
    """The report shows the fit of the basis, why it was kept, when a run refits it, and its share of the variance."""
    sample = [SampledImage("a", "label", 0.0, 1.0), SampledImage("b", "label", 1.0, 0.0)]
    page = render_report(SUMMARY, replace(DATA, sample=sample))
    words = Page(page).words
    assert "fitted to 1,234 images" in words
    assert "Kept: it serves. A run fits another basis if this one captures less than 99% of the variance" in words
    assert "PC1 (96.4% of the variance)" in words
    assert "The weights are seeded." in words


def test_each_component_shows_its_ends() -> None:
    """A component has its share of the variance, if that is known, and the images at both ends with their labels."""
    words = Page(render_report(SUMMARY, of_names(["a", "b"]), {"a": b""})).words
    assert "PC1 96.4% of the variance Low end a High end (no folder) PC2 Low end b High end (no folder)" in words


def test_labels_show_their_number_and_spread() -> None:
    """Images without a folder have a row, and an unknown spread is a dash."""
    labels = [LabelSummary("a", 1_200, 2.0), LabelSummary(None, 1, None)]
    words = Page(render_report(SUMMARY, replace(DATA, labels=labels))).words
    assert "leaves out" not in words
    assert "Varieties 1 label Label Images Spread a 1,200 2.00 (no folder) 1 \N{EN DASH}" in words


def test_labels_without_a_row_are_counted() -> None:
    """A report of very many labels says how many its table leaves out, and stays light."""
    labels = [LabelSummary(f"label {number}", 1, None) for number in range(50_000)]
    html = render_report(SUMMARY, replace(DATA, labels=labels))
    words = Page(html).words
    assert "Varieties 50,000 labels" in words
    assert "The table leaves out 49,000 labels with few images." in words
    assert len(html) < 400_000


def test_the_cost_has_a_place() -> None:
    """The place is empty, so that a run on this machine shows none, and takes the cost of a run in the cloud."""
    html = render_report(replace(SUMMARY, notes=[COST_PLACE]), DATA)
    assert html.count(COST_PLACE) == 1
    assert ".tile:empty { display: none; }" in html
    priced = with_cost(html.encode(), 0.1605).decode()
    assert has_cost(priced.encode())
    assert Page(priced).words == Page(html).words.replace(
        "images per second", "images per second 0.161 USD for the job of this run"
    )


def test_a_run_without_an_image_has_a_report() -> None:
    """The report of five broken files lists the refused images, and draws no chart."""
    summary = Summary(**{**vars(SUMMARY), "pca": None, "images_per_second": None, "timings": {}})
    page = Page(
        render_report(summary, ReportData([], [], 1.0, [], RefusedImages({"empty": 5}, [("a", "empty", "0 bytes")])))
    )
    assert page.named("svg") == page.named("img") == []
    assert "a empty 0 bytes" in page.words


def test_a_single_image_without_a_folder_has_a_report() -> None:
    """One image is one mark, and no label is named in the plot."""
    sample = [SampledImage("a", None, 0.0, 0.0)]
    data = replace(DATA, sample=sample, spectrum=[0.0], ratios=[0.0], labels=[LabelSummary(None, 1, 0.0)])
    page = Page(render_report(SUMMARY, data))
    assert len(page.named("path")) == 2
    assert [text.text for text in page.texts if "(no folder)" in text.text] == [
        "\u2068(no folder)\u2069: 1 image",
        "(no folder)",
    ]
    assert "Varieties" not in page.words
