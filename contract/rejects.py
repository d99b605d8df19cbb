"""The reasons for which an image can be refused: the values of the column `reason` of the `rejects` table."""

from enum import StrEnum


class Reason(StrEnum):
    """Reason why an image has no features."""

    EMPTY = "empty"
    """The file has no bytes."""
    NOT_AN_IMAGE = "not_an_image"
    """The bytes match no known image format, whatever the file is called."""
    UNSUPPORTED_FORMAT = "unsupported_format"
    """The image or document has a format that the pipeline does not read (PDF, SVG, PSD, ...)."""
    TRUNCATED = "truncated"
    """The file ends before the image does."""
    CORRUPT = "corrupt"
    """The format is known, but the content violates it."""
    TOO_MANY_PIXELS = "too_many_pixels"
    """The image has more pixels than the limit; decoding it could exhaust the worker's memory."""
    TOO_LARGE = "too_large"
    """The file has more bytes than the limit; the worker does not fetch it."""
    UNREADABLE = "unreadable"
    """The storage denies access to the object (permissions, archived storage class)."""
    CRASHED_THE_DECODER = "crashed_the_decoder"
    """The image ended the process that decoded it, or took more memory or time than any image within the limits."""
