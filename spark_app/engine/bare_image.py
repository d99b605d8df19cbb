"""Image files without the metadata that keeps decoders from intact pixels."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BareImage:
    """An image file, and the metadata that was taken out of it because it changes how the image is shown."""

    body: bytes
    exif: bytes = b""
    profile: bytes = b""
    """ICC profile."""
    copies: int = 1
    """How many copies of the file are in memory at most while it is decoded."""
