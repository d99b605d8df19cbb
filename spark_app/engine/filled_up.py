"""Files whose end is missing and replaced by zeros, as interrupted transfers leave them.

A decoder takes zeros for pixels, in silence.
"""

from spark_app.engine import jpeg

HEADER = 8
"""Bytes of the header of a box."""

MANY_ZEROS = 512
"""Zeros at the end that no encoder of HEIC, AVIF or lossless WebP writes: flat images of any size end in 16 at most."""

LOSSY_SHARE = 0.08
"""Share of a file of lossy WebP that may be zeros at its end. In a flat image, it is 0.06."""

BOXES = b"ftyp"
LOSSLESS = b"VP8L"
PNG = b"\x89PNG"
PNG_END = b"IEND\xaeB`\x82"


def is_filled_up(body: bytes) -> bool:
    """Return whether zeros stand for the end of a JPEG, PNG, WebP, AVIF or HEIC file."""
    if body.startswith(jpeg.SIGNATURE):
        return jpeg.is_filled_up(body)
    zeros = len(body) - len(body.rstrip(b"\0"))
    if body.startswith(PNG):
        return zeros > 0 and PNG_END not in body
    if zeros < MANY_ZEROS:
        return False
    if body[4:8] == BOXES:
        return not _ends_in_free_space(body)
    is_webp = body[:4] == b"RIFF" and body[8:12] == b"WEBP"
    return is_webp and (LOSSLESS in body[:64] or zeros > LOSSY_SHARE * len(body))


def _ends_in_free_space(body: bytes) -> bool:
    """Return whether the last box of an AVIF or HEIC file is free space, which may consist of zeros."""
    at, kind = 0, b""
    while at + HEADER <= len(body):
        size, kind = int.from_bytes(body[at : at + 4], "big"), body[at + 4 : at + 8]
        if size == 1:  # the size follows in 64 bits
            size = int.from_bytes(body[at + 8 : at + 16], "big")
        if size < HEADER:  # 0: the box extends to the end of the file
            break
        at += size
    return kind in {b"free", b"skip"} and at == len(body)
