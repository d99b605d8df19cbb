"""Tests of the contact sheet."""

from base64 import b64decode, b64encode
from html.parser import HTMLParser

import numpy as np

from cli.compared_image import ComparedImage
from cli.contact_sheet import render_sheet
from cli.nearest import Neighbour

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


class _Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_text_of_a_user_is_never_markup() -> None:
    """Keys and labels of any characters are shown as they are, and make no element."""
    image = ComparedImage(EVIL, np.zeros(2, np.float32), EVIL)
    page = _Page(render_sheet(image, None, [Neighbour(0.5, f"key {EVIL}", f"label {EVIL}")], {}, "kind", "heading"))
    assert not {"script", "img"} & {tag for tag, _ in page.elements}
    assert all(text in page.text for text in (EVIL, f"key {EVIL}", f"label {EVIL}"))


def test_the_page_contains_its_pictures_and_refers_to_nothing() -> None:
    """Each picture is in the page, an image without one has a placeholder, and the page may load nothing."""
    image = ComparedImage("a", np.zeros(2, np.float32))
    neighbours = [Neighbour(0.25, "b", "Plum"), Neighbour(1.5, "c")]
    page = _Page(render_sheet(image, b"webp of a", neighbours, {"c": b"webp of c"}, "kind", "heading"))
    sources = [attributes["src"] for tag, attributes in page.elements if tag == "img"]
    assert sources == [f"data:image/webp;base64,{b64encode(f'webp of {key}'.encode()).decode()}" for key in "ac"]
    assert page.text.count("no picture") == 1
    assert "1. 0.2500" in page.text
    assert "2. 1.5000" in page.text
    assert any("default-src 'none'" in str(attributes.get("content")) for _, attributes in page.elements)
    assert not any({"href", "srcset"} & attributes.keys() for _, attributes in page.elements)


def test_a_file_with_the_name_of_an_image_has_its_own_picture() -> None:
    """The picture of the file does not replace that of the image, nor the other way round."""
    image = ComparedImage("Plum/a.jpg", np.zeros(2, np.float32), pixels=np.zeros((224, 224, 3), np.uint8))
    page = _Page(
        render_sheet(image, b"file", [Neighbour(0.25, "Plum/a.jpg")], {"Plum/a.jpg": b"image"}, "kind", "heading")
    )
    sources = [str(attributes["src"]) for tag, attributes in page.elements if tag == "img"]
    assert [b64decode(source.partition(",")[2]) for source in sources] == [b"file", b"image"]
