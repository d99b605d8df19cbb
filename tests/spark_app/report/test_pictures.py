"""Tests of the thumbnails in the report."""

from base64 import b64decode
from dataclasses import replace

import pytest

from contract.findings import Kind
from contract.report_cost import with_cost
from spark_app.report.data import ComponentEnds, EndImage, FoundImage
from spark_app.report.page import render_report
from spark_app.report.pictures import PLACEHOLDER, keys_of_pictures, without_pictures
from tests.spark_app.report.reports import DATA, FINDINGS, SUMMARY, Page, of_names

EMBEDDED = "data:image/webp;base64,"
HOSTILE = ["a/1.jpg", f"{EMBEDDED}UklGRg==", f'<img src="{EMBEDDED}UklGRg==" title="', f'" src="{EMBEDDED}UklGRg=="']
SUMMARY_WITH_FINDINGS = replace(SUMMARY, findings=FINDINGS)


def _shown(html: str) -> set[bytes]:
    """Return the files of all embedded thumbnails, decoded."""
    sources = [str(image["src"]) for image in Page(html).named("img")]
    return {b64decode(source.removeprefix(EMBEDDED)) for source in sources if source.startswith(EMBEDDED)}


def test_the_report_shows_the_thumbnails_that_it_asks_for() -> None:
    """`keys_of_pictures` names exactly the images that have a place: of findings, and of the ends of components."""
    low, high = ([EndImage(f"{side} {number}", None, 0.0) for number in range(6)] for side in ("low", "high"))
    found = FoundImage("found", "label", Kind.NEAR_DUPLICATE, 1.0, "other", "why")
    data = replace(DATA, findings=[found], ends=[ComponentEnds(low, high)])
    keys = keys_of_pictures(data)
    assert keys == {"found", "other"} | {image.key for image in low + high}
    pictures = {key: f"RIFF {key}".encode() for key in keys | {"another"}}
    assert _shown(render_report(SUMMARY_WITH_FINDINGS, data, pictures)) == {pictures[key] for key in keys}


def test_an_image_without_a_thumbnail_has_a_placeholder_that_says_so() -> None:
    """The placeholder has the size of a thumbnail, and its title names the image."""
    (image, *_) = Page(render_report(SUMMARY_WITH_FINDINGS, of_names(["a/1.jpg"]))).named("img")
    assert image["src"] == PLACEHOLDER
    assert str(image["title"]).startswith("No thumbnail: ")
    assert "a/1.jpg" in str(image["title"])
    assert (image["alt"], image["width"], image["height"]) == ("a/1.jpg", "48", "48")


def test_a_run_without_thumbnails_shows_no_ends_of_components() -> None:
    """Placeholders alone would not show what a component sees."""
    data = of_names(["a/1.jpg"])
    assert "What the components see" in render_report(SUMMARY, data, {"a/1.jpg": b""})
    assert "What the components see" not in render_report(SUMMARY, data)


def test_the_thumbnails_are_removed_and_nothing_else() -> None:
    """Without its thumbnails, the report is that of images that have none; names that look like one stay."""
    data = of_names(HOSTILE)
    pictures = {key: bytes(range(256)) for key in keys_of_pictures(data)}
    html = render_report(SUMMARY_WITH_FINDINGS, data, pictures)
    bare = without_pictures(html)
    assert _shown(html)
    assert bare == render_report(SUMMARY_WITH_FINDINGS, data, {"another": b""})
    assert without_pictures(bare) == bare
    assert without_pictures(with_cost(html.encode(), 0.16).decode()) == with_cost(bare.encode(), 0.16).decode()


@pytest.mark.parametrize("rest", ['>"', ' alt="x">', "/>"])
def test_thumbnails_of_other_versions_are_removed(rest: str) -> None:
    """The title of a thumbnail is not needed to find it."""
    assert without_pictures(f'<p><img src="{EMBEDDED}UklGRg=="{rest}') == f'<p><img src="{PLACEHOLDER}"{rest}'
