"""PNG files without their metadata."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import replace

from spark_app.engine.bare_image import BareImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
"""Chunks that determine the pixels."""
IPHONE = b"CgBI"
"""First chunk of the files that Xcode changes for iPhones: other programs can't read them."""
EXIF_TEXT = "Raw profile type exif"
"""Name of the text in which ImageMagick stores EXIF."""

MAX_PROFILE = 16 * 1024 * 1024
"""Size in bytes above which a colour profile is ignored. Those of printing presses reach a few megabytes."""

_NEXT_PIXELS = re.compile(rb"PLTE|tRNS|IDAT")


def bare_png(body: bytes) -> BareImage:
    """Return a PNG file without metadata. Chunks of pixels remain as they are, so damage there is still noticed."""
    bare, kept = BareImage(b""), [SIGNATURE]
    for kind, chunk in _chunks(body):
        if kind in PIXELS:
            kept.append(chunk)
        elif zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big"):
            bare = _with_metadata(bare, kind, chunk[8:-4])
    return replace(bare, body=b"".join(kept))


def is_for_iphone(body: bytes) -> bool:
    """Return whether a file is a PNG file for iPhone applications."""
    return body.startswith(SIGNATURE) and body.startswith(IPHONE, 12)


def exif_of_text(text: str) -> bytes:
    """Return the EXIF in a text of ImageMagick: a name, a length, and hexadecimal digits. Empty if it is broken."""
    try:
        return bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return b""


def _chunks(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and the bytes of each chunk, and continue with the pixels after a chunk of a wrong length."""
    at = len(SIGNATURE)
    while at < len(body):
        length, kind = int.from_bytes(body[at : at + 4], "big"), body[at + 4 : at + 8]
        after = at + 12 + length
        if kind not in PIXELS and not body[after + 4 : after + 8].isalpha():
            pixels = _NEXT_PIXELS.search(body, at + 8)
            after = pixels.start() - 4 if pixels else len(body)
        yield kind, body[at:after]
        at = after


def _with_metadata(bare: BareImage, kind: bytes, content: bytes) -> BareImage:
    name, _, compressed = content.partition(b"\0")
    if kind == b"eXIf":
        return replace(bare, exif=content)
    if kind == b"iCCP":
        return replace(bare, profile=_inflated(compressed[1:]))
    if kind == b"zTXt" and name == EXIF_TEXT.encode():
        return replace(bare, exif=exif_of_text(_inflated(compressed[1:]).decode("latin-1")))
    return bare


def _inflated(compressed: bytes) -> bytes:
    try:
        inflater = zlib.decompressobj()
        content = inflater.decompress(compressed, MAX_PROFILE)
    except zlib.error:
        return b""
    return b"" if inflater.unconsumed_tail else content
