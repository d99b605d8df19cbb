"""JPEG files: their kinds, files without metadata, and files without an end marker (ITU-T T.81 has the rules)."""

import hashlib
import io
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image

from spark_app.engine.bare_image import BareImage

SIGNATURE = b"\xff\xd8\xff"
END = b"\xff\xd9"
FILL, SCAN, EXIF, ICC = 0xFF, 0xDA, 0xE1, 0xE2
FRAMES = {*range(0xC0, 0xD0), 0xDE, 0xF7} - {0xC4, 0xC8, 0xCC}
"""Markers of frames: C4, C8 and CC mark tables."""
PROGRESSIVE = {0xC2, 0xCA}
"""Markers of progressive frames, with Huffman and arithmetic coding."""
METADATA = {*range(0xE1, 0xEE), 0xEF, 0xFE}
"""Markers of comments and applications, but for JFIF (E0) and Adobe (EE), which tell the colour space."""

VARIANTS = {
    0xC3: "lossless JPEG",
    0xC5: "hierarchical JPEG",
    0xC6: "hierarchical JPEG",
    0xC7: "hierarchical JPEG",
    0xCB: "lossless JPEG",
    0xCD: "hierarchical JPEG",
    0xCE: "hierarchical JPEG",
    0xCF: "hierarchical JPEG",
    0xDE: "hierarchical JPEG",
    0xF7: "JPEG-LS",
}
"""Kinds of JPEG that Pillow does not read, by the marker of their frame."""
BITS = 8
CHANNELS = {1, 3, 4}

FILLINGS = (b"", b"\x55" * 4096, b"\xaa" * 4096)
"""What is put in place of a missing end. Where pixels are missing, each filling decodes to other pixels."""

DIGEST_ROWS = 64
"""Rows that are copied at a time to compare decoded images."""


class Segment(NamedTuple):
    """A segment of the header of a JPEG file."""

    marker: int
    content: bytes
    """Without the marker and the length."""
    start: int
    end: int


def segments(body: bytes) -> Iterator[Segment]:
    """Yield the segments before the first scan."""
    at = 2
    while at + 4 <= len(body) and body[at] == FILL and body[at + 1] != SCAN:
        if body[at + 1] == FILL:
            at += 1
            continue
        end = at + 2 + int.from_bytes(body[at + 2 : at + 4], "big")
        yield Segment(body[at + 1], body[at + 4 : end], at, end)
        at = end


def variant_of(body: bytes) -> str | None:
    """Return the name of a kind of JPEG that Pillow does not read; `None` for the usual kinds."""
    frame = _frame(body)
    if frame is None:
        return None
    if frame.marker in VARIANTS:
        return VARIANTS[frame.marker]
    bits, channels = frame.content[0], frame.content[5]
    if bits != BITS:
        return f"JPEG of {bits} bits"
    return None if channels in CHANNELS else f"JPEG of {channels} channels"


def bare_jpeg(body: bytes) -> BareImage:
    """Return a JPEG file without metadata. What belongs to the pixels remains as it is."""
    kept, exif, profile, end = [body[:2]], b"", [], 2
    for segment in segments(body):
        end = segment.end
        if segment.marker not in METADATA:
            kept.append(body[segment.start : end])
        elif segment.marker == EXIF and segment.content.startswith(b"Exif\0\0"):
            exif = exif or segment.content
        elif segment.marker == ICC and segment.content.startswith(b"ICC_PROFILE\0"):
            profile.append(segment.content[12:])
    return BareImage(b"".join([*kept, body[end:]]), exif, b"".join(part[2:] for part in sorted(profile)))


def is_filled_up(body: bytes) -> bool:
    """Return whether the end is missing and replaced by zeros, as interrupted transfers leave it.

    A decoder takes zeros for pixels, in silence. Files may contain anything behind their end marker.
    """
    if not (body.startswith(SIGNATURE) and body.endswith(bytes(3))):
        return False
    header = max((segment.end for segment in segments(body)), default=0)
    return body.find(END, header) < 0


def bytes_of_coefficients(body: bytes) -> int:
    """Return how much memory libjpeg needs for coefficients: of all pixels, if not one scan has all channels.

    A coefficient has 2 bytes, and there is one for each sample.
    """
    frame = _frame(body)
    if frame is None:
        return 0
    height, width = int.from_bytes(frame.content[1:3], "big"), int.from_bytes(frame.content[3:5], "big")
    factors = [(sampling >> 4, sampling & 15) for sampling in frame.content[7::3]]
    first = next(_scans_of_image(body), b"")
    if frame.marker not in PROGRESSIVE and len(first) == 2 * len(factors) + 3:
        return 0
    largest = max(h for h, _ in factors) * max(v for _, v in factors)
    return 2 * width * height * sum(h * v for h, v in factors) // max(largest, 1)


def scan_count(body: bytes) -> int:
    """Return the number of scans of the first image in a file. A decoder visits all pixels in each of them."""
    return sum(1 for _ in _scans_of_image(body))


def with_end(body: bytes) -> bytes | None:
    """Return a JPEG file without metadata with its end marker; `None` if more than the marker is missing.

    A decoder fills missing pixels with the last colour, in silence. If all pixels are there, it never looks at what
    follows them, so that the pixels do not depend on it.
    """
    whole = body.rstrip(b"\xff")
    if not body.startswith(SIGNATURE) or body.endswith(END) or not _has_all_scans(whole):
        return None
    return whole + END if len({_digest(whole + filling + END) for filling in FILLINGS}) == 1 else None


def _digest(body: bytes) -> bytes:
    digest = hashlib.sha256()
    with Image.open(io.BytesIO(body), formats=["JPEG"]) as image:
        for top in range(0, image.height, DIGEST_ROWS):
            rows = image.crop((0, top, image.width, min(top + DIGEST_ROWS, image.height)))
            digest.update(rows.tobytes())
    return digest.digest()


def _has_all_scans(body: bytes) -> bool:
    """Return whether the scans contain all bits of all coefficients of all channels (B.2.3 and G.1.1.1).

    A progressive file with fewer scans decodes to a blurred picture.
    """
    frame = _frame(body)
    missing = {channel: set(range(64)) for channel in frame.content[6::3]} if frame else {}
    for header in _scans(body):
        first, last, bits = header[-3:]
        is_last_bit = bits % 16 == 0
        for channel in header[:-3:2] if is_last_bit else ():
            missing[channel] = missing.get(channel, set()) - set(range(first, last + 1))
    return bool(missing) and not any(missing.values())


def _scans(body: bytes, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield the header of each complete scan: channels and tables, first and last coefficient, bits."""
    marker = bytes([FILL, SCAN])
    at = body.find(marker, start, end)
    while at >= 0:
        length = int.from_bytes(body[at + 2 : at + 4], "big")
        header = body[at + 5 : at + 2 + length]
        if length >= 8 and len(header) == length - 3:  # noqa: PLR2004 -- length, count, one channel, three bytes
            yield header
        at = body.find(marker, at + 2, end)


def _scans_of_image(body: bytes) -> Iterator[bytes]:
    """Yield the headers of the scans before the first end marker: other images may follow in the file."""
    start = max((segment.end for segment in segments(body)), default=2)
    end = body.find(END, start)
    return _scans(body, start, end if end >= 0 else len(body))


def _frame(body: bytes) -> Segment | None:
    frames = (part for part in segments(body) if part.marker in FRAMES and len(part.content) >= 6)  # noqa: PLR2004
    return next(frames, None)
