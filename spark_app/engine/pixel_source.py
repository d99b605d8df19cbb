"""Decoded pixels, with as few copies of the whole image as its decoder allows."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import AvifImagePlugin, Image, WebPImagePlugin
from pillow_heif import HeifImageFile

from spark_app.engine.frames import Box


class PixelSource(Protocol):
    """A decoded image."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as they are stored."""

    def crop(self, box: Box) -> Image.Image:
        """Return a part of the image."""


@dataclass(frozen=True)
class Buffer:
    """The pixels that a decoder returned as bytes."""

    size: tuple[int, int]
    mode: str
    raw_mode: str
    """How Pillow calls the bytes of a pixel."""
    data: bytes
    stride: int
    """Bytes of a row."""

    def __post_init__(self) -> None:
        if len(self.data) < self.size[1] * self.stride:
            raise OSError("truncated: the decoder returned fewer pixels than the image has")

    def crop(self, box: Box) -> Image.Image:
        """Return a part of the image."""
        left, top, right, bottom = box
        bytes_of_pixel = 2 if self.raw_mode == "I;16" else len(self.raw_mode)
        rows = np.frombuffer(self.data, np.uint8, self.size[1] * self.stride).reshape(self.size[1], self.stride)
        part = rows[top:bottom, left * bytes_of_pixel : right * bytes_of_pixel]
        return Image.frombytes(self.mode, (right - left, bottom - top), part.tobytes(), "raw", self.raw_mode)


def load(image: Image.Image) -> PixelSource:
    """Decode an opened image.

    The decoders of WebP, AVIF and HEIC return all pixels as bytes. Pillow would copy them while the decoder keeps its
    own copies. This function frees the decoder instead.
    """
    if isinstance(image, WebPImagePlugin.WebPImageFile):
        return _first_webp_frame(image)
    if isinstance(image, AvifImagePlugin.AvifImageFile):
        return _first_avif_frame(image)
    if isinstance(image, HeifImageFile):
        return _primary_heif_image(image)
    image.load()
    return image


# Pillow offers no other access to a decoder before the copy is made.


def _first_webp_frame(image: WebPImagePlugin.WebPImageFile) -> Buffer:
    data, _, _ = image._get_next()  # noqa: SLF001
    image._decoder = None  # noqa: SLF001
    return Buffer(image.size, image.mode, image.rawmode, data, 4 * image.width)


def _first_avif_frame(image: AvifImagePlugin.AvifImageFile) -> Buffer:
    data = image._decoder.get_frame(0)[0]  # noqa: SLF001
    image._decoder = None  # noqa: SLF001
    return Buffer(image.size, image.mode, image.mode, data, len(image.mode) * image.width)


def _primary_heif_image(image: HeifImageFile) -> Buffer:
    opened, image._heif_file = image._heif_file, None  # noqa: SLF001
    if opened is None:
        raise ValueError("the image was decoded before")
    primary = opened[opened.primary_index]
    data = primary.data  # changes size and stride
    return Buffer(primary.size, primary.mode, primary.mode, data, primary.stride)
