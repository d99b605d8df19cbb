"""Tests of handover/slides.py and of the texts of docs/presentation."""

import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cli.chromium import find_browser
from handover import slides
from handover.errors import HandoverError
from handover.templates import FIGURES, Language

MARP = pytest.mark.skipif(not slides.MARP.exists(), reason="`make handover/node_modules/ready` installs Marp")
CHROMIUM = pytest.mark.skipif(find_browser() is None, reason="Chromium is not installed")

EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
NOTE = re.compile(r"<!--\s+(\d):(\d\d) — (.*?)-->", re.DOTALL)

NAMES = re.compile(
    r"EC2|S3|MobileNetV2|[Ff]ruits-360|\u22121 … 1|^\d\. "  # names, the range that the network expects, numbered steps
    r"|\b100[,\u202f]000|\b255\b|\b\d:\d\d\b"  # in notes: a size of corpus, the wrong divisor, times of the talk
    r"|\b100 (?:more )?images|\b(?:pour|per) 100\b(?![,\u202f])",  # the update whose price is a figure
    re.MULTILINE,
)
"""Digits that are no figures."""

SECTIONS = {"": 3, "Environment": 6, "The chain": 6, "Demonstration": 2, "Conclusion": 3}
"""Footer of a part of the talk → its minutes. The title has no footer, and belongs to the problem."""


def source(language: Language) -> str:
    """Return the template of a language without its front matter."""
    text = (slides.TEXTS / f"slides.{language}.md.j2").read_text()
    return text.split("\n---\n", 2)[2]


def pages(language: Language) -> list[str]:
    """Return the template of each slide."""
    return source(language).split("\n---\n")


@pytest.mark.parametrize("language", Language)
def test_every_number_is_a_figure(language: Language) -> None:
    """No slide and no note contains a digit outside of an expression, except in names."""
    for page in pages(language):
        words = NAMES.sub("", re.sub(r"<[a-z/][^>]*>", "", EXPRESSION.sub("", page)))
        assert not re.search(r"\d", words), re.findall(r".*\d.*", words)


def test_a_number_written_by_hand_is_found() -> None:
    """The pattern of names lets no amount, share or count through."""
    for text in ("for $307", "95 %", "600 images", "1000 images", "in 45 s"):
        assert re.search(r"\d", NAMES.sub("", text)), text


@pytest.mark.parametrize("language", Language)
def test_the_talk_takes_twenty_minutes(language: Language) -> None:
    """Every slide has a note with its duration and what to say, and the parts take 3, 6, 6, 2 and 3 minutes."""
    seconds: list[int] = []
    for number, page in enumerate(pages(language)):
        ((minutes, rest, words),) = NOTE.findall(page)
        assert len(words) > 200, f"slide {number + 1} has too short a note"
        if not seconds or ("<!-- footer:" in page and number > 1):
            seconds.append(0)
        seconds[-1] += 60 * int(minutes) + int(rest)
    assert seconds == [60 * minutes for minutes in SECTIONS.values()]


@pytest.mark.parametrize("language", Language)
def test_what_is_said_fits_into_its_time(language: Language) -> None:
    """Notes are spoken at no more than 170 words a minute; the demonstration also names what is done."""
    for page in pages(language):
        ((minutes, rest, words),) = NOTE.findall(page)
        assert len(EXPRESSION.sub("x", words).split()) / (int(minutes) + int(rest) / 60) <= 170, page[:80]


def test_both_languages_have_the_same_slides() -> None:
    """Slide by slide, both languages quote the same figures, and have the same figures and diagrams."""
    english, french = pages(Language.ENGLISH), pages(Language.FRENCH)
    assert len(english) == len(french)
    assert 16 <= len(english) <= 20
    for one, other in zip(english, french, strict=True):
        assert _quoted(one) == _quoted(other), one[:80]


def _quoted(page: str) -> list[str]:
    """Return the names of the figures that a slide quotes, with its note."""
    return sorted(
        set(re.findall(r"\b(?:run|costs|settings|rehearsal|benchmark)\.\w+(?:\.\w+)?|figure\(\"\w+\"\)", page))
    )


def test_french_has_french_typography() -> None:
    """A no-break space precedes : ; ! ? » and follows «, and apostrophes are curved."""
    text = re.sub(r"```.*?```|`[^`]*`|\{\{.*?\}\}|\{%.*?%\}|<[^>!]*>", "x", source(Language.FRENCH), flags=re.DOTALL)
    text = re.sub(r"<!-- \w+: ", "", text)
    assert not re.findall(r".{0,20} [:;!?»].{0,10}", text)
    assert not re.findall(r".{0,20}[^\s\u00a0\u202f\d][;!?»](?!-).{0,10}", text)
    assert not re.findall(r".{0,20}« .{0,10}|.{0,20}\w'\w.{0,10}", text)


def test_only_given_images_are_shown_as_real(tmp_path: Path) -> None:
    """Without a folder, the pictures are drawn, and the slide says so; with one, they are its images."""
    drawn = slides.markdown(Language.ENGLISH)
    assert "Drawn stand-ins" in drawn
    assert drawn.count("data:image/jpeg") == slides.PICTURES
    for number, picture in enumerate(slides.drawn_pictures()[:2]):
        folder = tmp_path / f"Plum {number}"
        folder.mkdir()
        (folder / "x.jpg").write_bytes(picture)
    real = slides.markdown(Language.ENGLISH, tmp_path)
    assert "Drawn stand-ins" not in real
    assert real.count("data:image/jpeg") == 2


def test_the_slides_take_what_the_pipeline_takes(tmp_path: Path) -> None:
    """Images of any format and ending, in folders of any depth, are shown; files that it refuses are passed over."""
    pictures = [Image.new("RGB", (40, 30), colour) for colour in ("red", "lime", "blue")]
    for name, picture in zip(("Plum/ripe/a.png", "Pear/B.JPG", "Fig/c.webp"), pictures, strict=True):
        (tmp_path / name).parent.mkdir(parents=True)
        picture.save(tmp_path / name)
    for name in ("Fig/a broken one.jpg", "Fig/README.md", "Notes/of the farm.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"no image")
    shown = [Image.open(io.BytesIO(picture)) for picture in slides.real_pictures(tmp_path)]
    assert [picture.format for picture in shown] == ["JPEG"] * 3
    assert [_name_of(picture.getpixel((9, 9))) for picture in shown] == ["blue", "lime", "red"]


def _name_of(colour: Any) -> str:  # noqa: ANN401 -- Pillow returns a number or a tuple
    return ("red", "lime", "blue")[max(range(3), key=colour.__getitem__)]


def test_many_varieties_are_spread(tmp_path: Path) -> None:
    """With more varieties than pictures, the pictures are of varieties from the whole alphabet."""
    for number in range(30):
        (tmp_path / f"Variety {number:02}").mkdir()
        Image.new("L", (8, 8), 8 * number).save(tmp_path / f"Variety {number:02}" / "x.png")
    shown = [Image.open(io.BytesIO(picture)).getpixel((0, 0)) for picture in slides.real_pictures(tmp_path)]
    assert len(shown) == slides.PICTURES
    assert shown[0] == (0, 0, 0)
    assert shown[-1][0] > 180


def test_a_folder_of_images_may_be_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path with ~ that no shell has expanded is understood, and a folder that does not exist is one sentence."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(slides, "required_browser", lambda: "chromium")
    monkeypatch.setattr(slides, "MARP", Path("/bin/true"))
    assert slides.main(["--images", "~/absent", "--folder", "~/made"]) == 2
    assert capsys.readouterr().err == f"slides: There is no folder {tmp_path / 'absent'}.\n"


def test_an_empty_folder_of_images_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without images ends with exit code 2 and a sentence."""
    with pytest.raises(HandoverError, match="one per variety"):
        slides.markdown(Language.ENGLISH, tmp_path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("missing", ["chromium", "marp"])
def test_what_is_missing_is_said_in_a_sentence(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Chromium or Marp, the command ends with exit code 2 and one line that says how to get it."""
    monkeypatch.setattr(shutil, "which", lambda _: None if missing == "chromium" else "/bin/true")
    monkeypatch.setattr(slides, "MARP", tmp_path / "absent")
    assert slides.main(["--folder", str(tmp_path / "presentation")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert {"chromium": "apt-get install chromium", "marp": "make handover/node_modules/ready"}[missing] in line


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the presentation of the committed texts and figures."""
    folder = tmp_path_factory.mktemp("presentation")
    assert len(slides.build(folder)) == 3 * len(Language)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start Chromium."""
    from benchmarks.browser import started_browser

    program = find_browser()
    assert program
    with started_browser(program) as started:
        yield started


OVERFLOWS = """() => [...document.querySelectorAll('section')].flatMap((section, index) => {
  const page = section.getBoundingClientRect(), scale = page.width / 1280, found = [];
  const limit = page.bottom - 60 * scale;  // above the footer
  if (section.scrollHeight > section.clientHeight || section.scrollWidth > section.clientWidth)
    found.push(`slide ${index + 1} is larger than its page`);
  for (const element of section.querySelectorAll('*:not(footer):not(defs):not(defs *)')) {
    const box = element.getBoundingClientRect();
    if (box.width && (box.right > page.right || box.left < page.left || box.top < page.top || box.bottom > limit))
      found.push(`slide ${index + 1}: ${element.tagName} ${element.textContent.trim().slice(0, 40)}`);
  }
  return found;
})"""

COLLISIONS = """() => [...document.querySelectorAll('section')].flatMap((section, index) => {
  const found = [], texts = [...section.querySelectorAll('h1, p, li, td, th, footer, svg text, .number, .step b')]
    .filter(text => text.textContent.trim());
  const boxes = texts.map(text => {
    const range = document.createRange(); range.selectNodeContents(text); return range.getBoundingClientRect(); });
  texts.forEach((one, i) => texts.slice(i + 1).forEach((other, j) => {
    if (one.contains(other) || other.contains(one)) return;
    const a = boxes[i], b = boxes[i + 1 + j], slack = 3;
    if (a.left + slack < b.right && b.left + slack < a.right && a.top + slack < b.bottom && b.top + slack < a.bottom)
      found.push(`slide ${index + 1}: ${one.textContent.slice(0, 30)} / ${other.textContent.slice(0, 30)}`);
  }));
  return found;
})"""


@pytest.mark.slow
@MARP
@CHROMIUM
@pytest.mark.parametrize("language", Language)
def test_everything_fits_its_slide(language: Language, built: Path, browser: Any) -> None:  # noqa: ANN401
    """In Chromium, no part of a slide leaves its page or reaches the footer, and no two texts cover each other."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto((built / f"fruits.{language}.html").as_uri())
    page.emulate_media(media="print")  # shows all slides at once
    page.evaluate("document.fonts.ready")
    assert page.locator("section").count() == len(pages(language))
    assert page.evaluate(OVERFLOWS) == []
    assert page.evaluate(COLLISIONS) == []
    page.close()


@pytest.mark.slow
@MARP
@CHROMIUM
@pytest.mark.parametrize("language", Language)
def test_no_letter_of_the_pdf_is_smaller_than_18_points(language: Language, built: Path) -> None:
    """The PDF has a page per slide, its letters have 18 pt at least, and its fonts are those of the theme."""
    import pdfplumber

    with pdfplumber.open(built / f"fruits.{language}.pdf") as pdf:
        assert len(pdf.pages) == len(pages(language))
        for page in pdf.pages:
            assert (float(page.width), float(page.height)) == (960, 540)
            letters = [letter for letter in page.chars if letter["text"].strip()]
            small = "".join(letter["text"] for letter in letters if letter["size"] < 17.99)
            assert small == "", f"page {page.page_number}"
            fonts = {letter["fontname"].partition("+")[2].partition("-")[0] for letter in letters}
            assert fonts <= {"Inter", "JetBrainsMono"}, f"page {page.page_number}"


@pytest.mark.slow
@MARP
@CHROMIUM
@pytest.mark.parametrize("language", Language)
def test_the_files_need_no_network(language: Language, built: Path) -> None:
    """The HTML loads nothing from elsewhere, and the notes of every slide are in the text file."""
    html = (built / f"fruits.{language}.html").read_text()
    loaded = re.findall(r"""(?:src|href)=["']([^"'#][^"']*)|url\(["']?([^)"']+)""", html)
    elsewhere = [place for pair in loaded for place in pair if place and not place.startswith(("data:", "#"))]
    assert elsewhere == []
    notes = (built / f"fruits.{language}.txt").read_text()
    assert len(re.findall(r"^\d:\d\d — ", notes, re.MULTILINE)) == len(pages(language))
    assert "{{" not in html + notes


def test_the_texts_take_their_figures_from_the_file() -> None:
    """Both texts can be filled in with the committed figures alone, which names the file to look at if they can't."""
    assert FIGURES.name == "figures.json"
    for language in Language:
        assert "{{" not in slides.markdown(language)
