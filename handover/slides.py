"""`python -m handover.slides` builds the presentation as HTML, PDF and text (the notes), in English and French.

The text of each language is a template of Markdown for Marp in docs/presentation, which takes its numbers from
docs/figures.json. Figures and diagrams are parts of the text, and fonts parts of the theme, so that the files need no
network.
"""

import base64
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cli.chromium import MISSING, find_browser
from cli.cloud.folder import check_folder, files_below
from cli.written_files import make_folder
from handover.errors import FailedError, HandoverError
from handover.folders import BUILD, DOCS, NODE_MODULES
from handover.mains import run_main
from handover.templates import Language, environment, fill_in
from spark_app.options import Parser, path

if TYPE_CHECKING:
    from PIL.Image import Image

TEXTS = DOCS / "presentation"
FOLDER = BUILD / "presentation"
MARP = NODE_MODULES / ".bin" / "marp"

FONTS = (("Inter", "inter", 400), ("Inter", "inter", 600), ("JetBrains Mono", "jetbrains-mono", 400))
"""Family, package of npm below @fontsource, and weight of each font."""

PICTURES = 9
"""Pictures on the slide of the data."""

TRIED = 10
"""Files of a folder that are tried at most, because some may be broken."""


def main(words: Sequence[str] | None = None) -> int:
    """Build the presentation; something missing is one sentence and exit code 2, a failure of Marp one and 1."""
    parser = Parser(prog="python -m handover.slides", description="Build the presentation.")
    parser.add_argument("--images", type=path, help="folder of real images to show; without it, pictures are drawn")
    parser.add_argument("--folder", type=path, default=FOLDER, help="folder of the files [build/presentation]")
    arguments = parser.parse_args(words)
    return run_main("slides", lambda: _print(build(arguments.folder, arguments.images)))


def _print(files: Sequence[Path]) -> int:
    print("\n".join(map(str, files)))
    return 0


def build(folder: Path, images: Path | None = None) -> list[Path]:
    """Build the presentation in both languages, and return its files: HTML, PDF and notes.

    Raises
    ------
    HandoverError
        If Chromium, Marp or a font is missing.
    FailedError
        If Marp fails.
    """
    required_browser()  # before the first file
    return [file for language in Language for file in _build(language, folder, images)]


def required_browser() -> str:
    """Return the path of an installed Chromium, which prints the slides.

    Raises
    ------
    HandoverError
        If there is none.
    """
    if (program := find_browser()) is None:
        raise HandoverError(f"{MISSING}.")
    return program


def build_html(language: Language, folder: Path, images: Path | None = None) -> Path:
    """Build the HTML of a language, which needs no browser.

    Raises
    ------
    HandoverError
        If Marp or a font is missing.
    FailedError
        If Marp fails.
    """
    return _marp(language, folder, images, "html", [])


def build_pdf(language: Language, folder: Path, images: Path | None = None) -> Path:
    """Build the PDF of a language.

    Raises
    ------
    HandoverError
        If Chromium, Marp or a font is missing.
    FailedError
        If Marp fails.
    """
    return _marp(language, folder, images, "pdf", ["--pdf", "--pdf-outlines", "--browser-path", required_browser()])


def _build(language: Language, folder: Path, images: Path | None) -> Iterator[Path]:
    yield build_html(language, folder, images)
    yield build_pdf(language, folder, images)
    yield _marp(language, folder, images, "txt", ["--notes"])


def _marp(language: Language, folder: Path, images: Path | None, suffix: str, options: Sequence[str]) -> Path:
    """Run Marp on the Markdown of a language."""
    if not MARP.exists():
        raise HandoverError(f"Marp is not in {NODE_MODULES}: run `make handover/node_modules/ready`.")
    make_folder(folder)
    text, style, result = (
        folder / name for name in (f"fruits.{language}.md", "theme.css", f"fruits.{language}.{suffix}")
    )
    text.write_text(markdown(language, images))
    style.write_text(theme())
    command = [str(MARP), str(text), "--theme", str(style), "--html", "--no-stdin", *options, "--output", str(result)]
    with tempfile.TemporaryDirectory(prefix="marp-") as scratch:  # Marp leaves the profiles of its browser
        ended = subprocess.run(command, check=False, capture_output=True, text=True, env=_variables(scratch))
    if ended.returncode or not result.exists():
        raise FailedError(f"Marp could not make {result}: {ended.stderr.strip()[-500:]}")
    return result


def _variables(scratch: str) -> dict[str, str]:
    """Return the environment of Marp: the Node of this project, next to its Python, and a folder for its own files."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return os.environ | {"PATH": path, "TMPDIR": scratch}


def markdown(language: Language, images: Path | None = None) -> str:
    """Fill in the text of a language.

    Parameters
    ----------
    images
        Folder of images, one folder per variety, some of which the presentation shows. `None` for drawn pictures.

    Raises
    ------
    HandoverError
        If the folder contains no image that the pipeline can read.
    """
    from babel.dates import format_date
    from jinja2 import FileSystemLoader

    templates = environment(language)
    templates.loader = FileSystemLoader(TEXTS)
    templates.filters["date"] = lambda day, style="long": format_date(date.fromisoformat(day), style, locale=language)
    templates.globals["figure"] = lambda name: (TEXTS / "figures" / f"{name}.{language}.svg").read_text()
    pictures = drawn_pictures() if images is None else real_pictures(images)
    shown = [f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}" for picture in pictures]
    slides = templates.get_template(f"slides.{language}.md.j2")
    return fill_in(slides, pictures=shown, real_pictures=images is not None)


def drawn_pictures() -> list[bytes]:
    """Return drawn JPEG pictures of several varieties, always the same."""
    import numpy as np

    from cli.sample import VARIETIES, draw

    return [_jpeg(draw(variety, np.random.default_rng(0))) for variety in VARIETIES[:PICTURES]]


def _jpeg(picture: "Image") -> bytes:
    body = io.BytesIO()
    picture.save(body, "JPEG", quality=90)
    return body.getvalue()


def real_pictures(images: Path) -> list[bytes]:
    """Return an image of each of some varieties, spread over all of them, as JPEG and in the size of the network.

    The images are those that the pipeline takes: of all its formats, and in folders of any depth.

    Raises
    ------
    HandoverError
        If the folder contains no image that the pipeline can read.
    ImagesError
        If there is no folder.
    """
    check_folder(images)
    folders = _first_files(images)
    spread = list(folders)[:: max(1, len(folders) // PICTURES)]
    found = (_first_picture(folders[folder]) for folder in dict.fromkeys([*spread, *folders]))
    pictures = list(islice((picture for picture in found if picture is not None), PICTURES))
    if not pictures:
        raise HandoverError(f"There are no images in {images} that can be read: give a folder with one per variety.")
    return pictures


def _first_files(images: Path) -> dict[PurePosixPath, list[Path]]:
    """Return the first files of each folder with files, in the order of the names."""
    folders: dict[PurePosixPath, list[Path]] = {}
    for file in files_below(images):
        first = folders.setdefault(PurePosixPath(file.name).parent, [])
        if not file.problem and len(first) < TRIED:
            first.append(images / file.name)
    return folders


def _first_picture(files: Iterable[Path]) -> bytes | None:
    """Return the first image that the pipeline can read; `None` if there is none."""
    from PIL import Image

    from spark_app.engine.preprocessing import decode, prepare_decoders
    from spark_app.engine.refusals import RefusedImageError
    from spark_app.settings import Limits

    prepare_decoders()
    for file in files:
        with suppress(RefusedImageError, OSError):
            return _jpeg(Image.fromarray(decode(file.read_bytes(), Limits()).pixels))
    return None


def theme() -> str:
    """Return the style of the slides, with its fonts.

    Raises
    ------
    HandoverError
        If a font is missing.
    """
    return "\n".join([*map(_font_face, *zip(*FONTS, strict=True)), (TEXTS / "theme.css").read_text()])


def _font_face(family: str, package: str, weight: int) -> str:
    file = NODE_MODULES / "@fontsource" / package / "files" / f"{package}-latin-{weight}-normal.woff2"
    if not file.exists():
        raise HandoverError(f"The font {family} is not in {NODE_MODULES}: run `make handover/node_modules/ready`.")
    data = base64.b64encode(file.read_bytes()).decode()
    return (
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; '
        f"src: url(data:font/woff2;base64,{data}) format('woff2'); }}"
    )


if __name__ == "__main__":
    sys.exit(main())
