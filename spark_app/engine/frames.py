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


def gif_size(body: bytes) -> tuple[int, int]:
    """Return the width and height of a GIF file: of its screen, or of its first frame if that is larger.

    Pillow fills a frame when it opens the file, before the worker knows its size.
    """
    width, height = (int.from_bytes(body[at : at + 2], "little") for at in (6, 8))
    at = 13 + _bytes_of_palette(body[10:11])
    while at < len(body) and body[at : at + 1] not in {b",", b";"}:
        at = _after_extension(body, at) if body[at : at + 1] == b"!" else at + 1
    left, top, across, down = (int.from_bytes(body[place : place + 2], "little") for place in range(at + 1, at + 9, 2))
    is_frame = body[at : at + 1] == b","
    return (max(width, left + across), max(height, top + down)) if is_frame else (width, height)


def part_of_frame(frame: Box, box: Box) -> Box:
    """Return the part of a frame within a box, in coordinates of the box. It may be empty."""
    left, top = max(frame[0] - box[0], 0), max(frame[1] - box[1], 0)
    right, bottom = min(frame[2], box[2]) - box[0], min(frame[3], box[3]) - box[1]
    return left, top, max(left, right), max(top, bottom)


def _bytes_of_palette(flags: bytes) -> int:
    has_palette = bool(flags and flags[0] & 0x80)
    return 3 * 2 ** ((flags[0] & 7) + 1) if has_palette else 0


def _after_extension(body: bytes, at: int) -> int:
    at += 2
    while at < len(body) and body[at]:
        at += 1 + body[at]
    return at + 1


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
