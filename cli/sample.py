"""A small set of drawn fruit pictures, so that the pipeline can be tried without photos."""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from spark_app.errors import OutputError

PICTURE_SIZE = 100
SCALE = 2
"""Pictures are drawn at this multiple of their size and then reduced, for smooth edges."""

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Variety:
    """A variety and its looks.

    Attributes
    ----------
    width, height
        Shares of the picture that the fruit takes.
    taper
        How much narrower the top is than the bottom: 0 for a ball, more for a pear.
    """

    name: str
    width: float
    height: float
    skin: Colour
    spots: Colour
    taper: float = 0.0


VARIETIES = (
    Variety("Apple Braeburn", 0.74, 0.70, (178, 34, 40), (235, 180, 90)),
    Variety("Apple Granny Smith", 0.74, 0.70, (126, 178, 48), (214, 226, 140)),
    Variety("Apricot", 0.62, 0.60, (240, 160, 60), (225, 90, 50)),
    Variety("Blueberry", 0.44, 0.42, (62, 74, 130), (150, 165, 210)),
    Variety("Cherry Rainier", 0.46, 0.46, (205, 60, 58), (245, 205, 110)),
    Variety("Lemon Meyer", 0.80, 0.56, (246, 208, 48), (250, 232, 150)),
    Variety("Orange", 0.76, 0.74, (240, 130, 24), (250, 180, 90)),
    Variety("Pear Williams", 0.60, 0.86, (196, 200, 70), (150, 120, 50), 0.45),
    Variety("Plum", 0.50, 0.62, (92, 36, 92), (160, 100, 160)),
    Variety("Strawberry Wedge", 0.58, 0.70, (212, 30, 48), (250, 220, 130), -0.5),
)


def draw_sample(folder: Path, views: int) -> int:
    """Draw `views` pictures of each variety, add the broken files, and return the number of pictures.

    The bytes of the files are always the same.

    Raises
    ------
    OutputError
        If the folder can't be written.
    """
    try:
        return _draw_sample(folder, views)
    except OSError as error:
        raise OutputError(f"Can't write to {folder}: {error.strerror}.") from error


def _draw_sample(folder: Path, views: int) -> int:
    for number, variety in enumerate(VARIETIES):
        (folder / variety.name).mkdir(parents=True, exist_ok=True)
        for view in range(views):
            picture = folder / variety.name / f"view {view:03}.jpg"
            # A run would compute a file again that was written again.
            if not picture.exists():
                drawn = draw(variety, np.random.default_rng([number, view]))
                _write(picture, _encoded(drawn, "JPEG", quality=90))
    (folder / "Broken").mkdir(parents=True, exist_ok=True)
    for name, make in BROKEN.items():
        broken = folder / "Broken" / name
        if not broken.exists():
            _write(broken, make())
    return len(VARIETIES) * views


def _write(path: Path, body: bytes) -> None:
    """Write a file that appears when it is complete. Runs skip its hidden, incomplete copy."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(body)
    partial.replace(path)


def draw(variety: Variety, random: np.random.Generator) -> Image.Image:
    """Draw a variety on white, in random light, rotation and size, as an RGB image of 100x100 pixels."""
    size = PICTURE_SIZE * SCALE
    canvas = Image.new("RGB", (size, size), "white")
    body = _outline(variety, size, random.uniform(0.88, 1.0))
    mask = Image.new("L", (size, size))
    ImageDraw.Draw(mask).polygon(body, fill=255)
    mask = mask.rotate(random.uniform(-40, 40), Image.Resampling.BICUBIC)
    canvas.paste(_skin(variety, size, random), mask=mask)
    return canvas.resize((PICTURE_SIZE, PICTURE_SIZE), Image.Resampling.LANCZOS)


def _outline(variety: Variety, size: int, zoom: float) -> list[tuple[float, float]]:
    points = []
    for step in range(120):
        angle = 2 * math.pi * step / 120
        up = -math.sin(angle)
        width = variety.width * (1 + variety.taper * up * 0.6)
        x = 0.5 + zoom * width * math.cos(angle) / 2
        y = 0.5 + zoom * variety.height * up / 2
        points.append((x * size, y * size))
    return points


def _skin(variety: Variety, size: int, random: np.random.Generator) -> Image.Image:
    """Draw the skin with its spots, lit from one side."""
    skin = Image.new("RGB", (size, size), variety.skin)
    pen = ImageDraw.Draw(skin)
    for _ in range(60):
        x, y = random.uniform(0, size, 2)
        radius = random.uniform(0.004, 0.02) * size
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=variety.spots)
    pixels = np.asarray(skin.filter(ImageFilter.GaussianBlur(SCALE)), dtype=np.float64)
    rows, columns = np.mgrid[0:size, 0:size] / size
    light_x, light_y = random.uniform(0.25, 0.75), random.uniform(0.2, 0.5)
    distance = np.hypot(columns - light_x, rows - light_y)[..., np.newaxis]
    lit = pixels * (1.15 - 0.9 * distance) + 70 * np.exp(-((distance / 0.12) ** 2))
    return Image.fromarray(lit.clip(0, 255).astype(np.uint8))


def _encoded(image: Image.Image, image_format: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def _small(image_format: str) -> bytes:
    return _encoded(draw(VARIETIES[0], np.random.default_rng(0)).resize((64, 64)), image_format)


def _half(image_format: str) -> bytes:
    body = _small(image_format)
    return body[: len(body) // 2]


def _bomb() -> bytes:
    """Return an image of 400 megapixels in a few kilobytes."""
    buffer = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _scrambled() -> bytes:
    body = bytearray(_small("PNG"))
    middle = len(body) // 2
    body[middle : middle + 200] = bytes(200)
    return bytes(body)


BROKEN: dict[str, Callable[[], bytes]] = {
    "bomb.png": _bomb,
    "empty.jpg": bytes,
    "half.jpg": lambda: _half("JPEG"),
    "half.png": lambda: _half("PNG"),
    "manual.pdf": lambda: b"%PDF-1.7\n",
    "scrambled.png": _scrambled,
    "text.jpg": lambda: b"I am no picture.\n",
}
"""Name → content of a file: one for each way in which an image can be unreadable."""
