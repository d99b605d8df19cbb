"""Conversion of decoded images to sRGB on white, as browsers show them."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageCms

from spark_app.engine.frames import Box
from spark_app.engine.refusals import unsupported

MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""Pillow's mode for the colour space of a profile."""
GREY_MODES = {"1", "L", "LA"}
SIXTEEN_BITS = {"I;16", "I;16B", "I;16L", "I"}

BITS = 8

TOLERANCE = 2
"""Largest difference, in levels of 255, of a profile that is taken for sRGB: programs round differently."""


def to_srgb(image: Image.Image, profile: object, frame: Box, *, is_white_zero: bool = False) -> Image.Image:
    """Convert an image, or a part of one, to RGB: 8 bits, colours of sRGB, transparent pixels white.

    Parameters
    ----------
    profile
        ICC profile of the image, if any. A broken one, and one of another colour space than the image's, is ignored.
    frame
        Part of the image that is shown; the rest becomes white.
    is_white_zero
        Whether grey of 16 bits is stored inversely.

    Raises
    ------
    RefusedImageError
        If the meaning of the pixels is not defined.
    """
    if image.mode == "F":
        raise unsupported("floating-point pixels")
    eight_bits, mask = _eight_bits(image, is_white_zero=is_white_zero) if image.mode in SIXTEEN_BITS else (image, None)
    mask = mask or _opacity(eight_bits, frame)
    colours = _converted(eight_bits, profile) if isinstance(profile, bytes) else _rgb(eight_bits)
    if mask is not None:
        # The colour of transparent pixels is arbitrary, often black. Fruit sites show such images on white.
        colours.paste("white", mask=ImageChops.invert(mask))
    return colours


def scale_transparency(image: Image.Image, bits: int) -> None:
    """Scale the transparent level of a loaded PNG file as Pillow scales its pixels, which it forgets.

    Parameters
    ----------
    bits
        Bits per sample of the file.

    Raises
    ------
    RefusedImageError
        If the file has 16 bits per colour, of which Pillow keeps 8: these do not tell which pixels are transparent.
    """
    if image.mode == "RGB" and bits > BITS:
        raise unsupported("PNG of 16 bits per colour with a transparent colour")
    if image.mode == "L":
        image.info["transparency"] = (image.info["transparency"] & (2**bits - 1)) * (255 // (2**bits - 1))


def drop_empty_alpha(image: Image.Image) -> None:
    """Make a loaded image opaque if all of its pixels are transparent.

    Programs that write BMP files of 32 bits often leave the alpha at 0, and viewers then show the colours.
    """
    if image.getchannel("A").getextrema() == (0, 0):
        image.putalpha(255)


def _eight_bits(image: Image.Image, *, is_white_zero: bool) -> tuple[Image.Image, Image.Image | None]:
    """Return grey of 16 bits as grey of 8 bits, which Pillow would clip at 255, and its opacity."""
    grey = np.asarray(image)
    levels = grey.clip(0, 65535).astype(np.uint16) if image.mode == "I" else grey
    table = (np.arange(65536) // 257).astype(np.uint8)
    eight_bits = Image.fromarray((table[::-1] if is_white_zero else table)[levels])
    transparent = image.info.get("transparency")
    return eight_bits, None if transparent is None else Image.fromarray((levels != transparent).astype(np.uint8) * 255)


def _rgb(image: Image.Image) -> Image.Image:
    """Convert an image to RGB, without the copy that Pillow would make of an RGB image."""
    return image if image.mode == "RGB" and "transparency" not in image.info else image.convert("RGB")


def _opacity(image: Image.Image, frame: Box) -> Image.Image | None:
    """Return the alpha channel, or `None` for an opaque image."""
    if image.mode in {"LA", "RGBA"}:
        return image.getchannel("A")
    if image.has_transparency_data:
        return image.convert("RGBA").getchannel("A")
    if frame == (0, 0, *image.size):
        return None
    mask = Image.new("L", image.size, 0)
    mask.paste(255, frame)
    return mask


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    found = _transform(profile)
    if found is None:
        return _rgb(image)
    mode, transform = found
    if (mode == "CMYK") != (image.mode == "CMYK") or (mode == "L" and image.mode not in GREY_MODES):
        return _rgb(image)
    source = image if image.mode == mode else image.convert(mode)
    return ImageCms.applyTransform(source, transform) or source


@lru_cache(maxsize=16)
def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform] | None:
    """Return the mode and the transformation of a profile; `None` for a broken one, and for sRGB."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = MODES[source.profile.xcolor_space.strip()]
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.PERCEPTUAL,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return None if _changes_nothing(transform, mode) else (mode, transform)
    except (ImageCms.PyCMSError, KeyError, OSError, ValueError):
        return None


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    if mode == "CMYK":
        return False
    levels = np.linspace(0, 255, 16).astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=3).reshape(16, 256, 3)
    probe = Image.fromarray(colours).convert(mode)
    converted = ImageCms.applyTransform(probe, transform)
    if converted is None:
        return True
    difference = np.asarray(converted).astype(int) - np.asarray(probe.convert("RGB")).astype(int)
    return bool(np.abs(difference).max() <= TOLERANCE)
