"""Why an image can be refused: the closed set of reason codes of the `rejects` table."""

from enum import StrEnum


class Reason(StrEnum):
    """Why an image has no features."""

    EMPTY = "empty"
    """The file has no bytes."""
    NOT_AN_IMAGE = "not_an_image"
    """The bytes are no image of any format known here, whatever the name says."""
    UNSUPPORTED_FORMAT = "unsupported_format"
    """An image or document of a format that is not read here (PDF, SVG, PSD, ...)."""
    TRUNCATED = "truncated"
    """The file ends before the image does."""
    CORRUPT = "corrupt"
    """The format is known, the content breaks its rules."""
    TOO_MANY_PIXELS = "too_many_pixels"
    """More pixels than the limit: decoding it could exhaust the worker's memory."""
    TOO_LARGE = "too_large"
    """More bytes than the limit: the file is not even fetched."""
    UNREADABLE = "unreadable"
    """The storage refuses to hand out the object (permissions, archived storage class)."""
