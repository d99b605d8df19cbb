"""The first frame of an animation, which may cover a part of the image only."""

from collections.abc import Iterator

from PIL import GifImagePlugin, Image

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; the last two are excluded."""


def first_frame(image: Image.Image, body: bytes) -> Box:
    """Return the part of a GIF or WebP file that its first frame covers; the whole image for other formats.

    Browsers show nothing elsewhere. Decoders paint the rest in the background colour of the file, or black.
    """
    box = None
    if isinstance(image, GifImagePlugin.GifImageFile):
        box = image.dispose_extent
    elif image.format == "WEBP":
        box = next(_webp_frames(body), None)
    return box or (0, 0, *image.size)


def part_of_frame(frame: Box, box: Box) -> Box:
    """Return the part of a frame within a box, in coordinates of the box. It may be empty."""
    left, top = max(frame[0] - box[0], 0), max(frame[1] - box[1], 0)
    right, bottom = min(frame[2], box[2]) - box[0], min(frame[3], box[3]) - box[1]
    return left, top, max(left, right), max(top, bottom)


def _webp_frames(body: bytes) -> Iterator[Box]:
    at = 12
    while at + 8 <= len(body):
        if body[at : at + 4] == b"ANMF":
            left, top, width, height = (
                int.from_bytes(body[place : place + 3], "little") for place in range(at + 8, at + 20, 3)
            )
            yield 2 * left, 2 * top, 2 * left + width + 1, 2 * top + height + 1
        size = int.from_bytes(body[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
