"""Tests of files whose end was replaced by zeros."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from contract.rejects import Reason
from spark_app.engine.filled_up import is_filled_up
from spark_app.engine.preprocessing import decode, prepare_decoders
from spark_app.engine.refusals import RefusedImageError
from spark_app.settings import Limits

ENCODINGS = {
    "jpeg": ("JPEG", {}),
    "lossless webp": ("WEBP", {"lossless": True}),
    "lossy webp": ("WEBP", {"quality": 80}),
    "avif": ("AVIF", {"quality": 90}),
    "heic": ("HEIF", {"quality": 90}),
    "png": ("PNG", {}),
    "gif": ("GIF", {}),
}


def _encoded(image: Image.Image, encoding: str) -> bytes:
    prepare_decoders()
    image_format, options = ENCODINGS[encoding]
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def _noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_zeros_are_not_taken_for_pixels(encoding: str, share: float) -> None:
    """A file whose first part alone arrived is refused, whatever the format, with a reason that says so."""
    body = _encoded(_noise(), encoding)
    kept = round(len(body) * share)
    with pytest.raises(RefusedImageError) as refused:
        decode(body[:kept] + bytes(len(body) - kept), Limits())
    assert refused.value.reason in {Reason.TRUNCATED, Reason.CORRUPT}


@pytest.mark.parametrize("encoding", ["lossless webp", "lossy webp", "avif", "heic"])
@pytest.mark.parametrize("colour", ["black", "white", (10, 200, 30)])
def test_a_flat_image_is_not_taken_for_zeros(encoding: str, colour: str | tuple[int, int, int]) -> None:
    """Zeros at the end of the largest flat images are the work of the encoder."""
    assert not is_filled_up(_encoded(Image.new("RGB", (4000, 3000), colour), encoding))


def test_free_space_at_the_end_is_not_taken_for_zeros() -> None:
    """A box of free space, which editors of AVIF and HEIC leave, does not belong to the image."""
    free = (4096).to_bytes(4, "big") + b"free" + bytes(4088)
    body = _encoded(_noise(), "avif") + free
    assert not is_filled_up(body)
    assert decode(body, Limits()).width == 320


@pytest.mark.parametrize(("alpha", "shown"), [(0, (200, 30, 10)), (255, (200, 30, 10))])
def test_a_bmp_file_whose_alpha_is_empty_is_opaque(alpha: int, shown: tuple[int, int, int]) -> None:
    """Programs that write BMP files of 32 bits often leave the alpha at 0, and viewers then show the colours."""
    masks = b"".join(mask.to_bytes(4, "little") for mask in (0xFF0000, 0xFF00, 0xFF, 0xFF000000))
    header = struct.pack("<IiiHHIIiiII", 124, 8, 8, 1, 32, 3, 256, 2835, 2835, 0, 0) + masks + b"sRGB"[::-1] + bytes(64)
    pixels = bytes([10, 30, 200, alpha]) * 64
    body = b"BM" + struct.pack("<IHHI", 138 + len(pixels), 0, 0, 138) + header.ljust(124, b"\0") + pixels
    assert tuple(decode(body, Limits()).pixels[100, 100]) == shown
