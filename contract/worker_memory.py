"""The memory of the Python workers of a run: what the application keeps to, and the size of executors allows for."""

MAX_MEGAPIXELS, MAX_MEGABYTES = "--max-megapixels", "--max-megabytes"
"""Options that limit the images."""
DEFAULT_MEGAPIXELS, DEFAULT_MEGABYTES = 100.0, 100.0

IDLE_WORKER = 424_000_000
"""Bytes that a worker may take without a large image. With LiteRT, it was measured to take 226 million, so that almost
half is a reserve."""

BYTES_PER_PIXEL = 5
"""Memory for each pixel of the limit. Most decoders need 4 bytes."""
LEAST = 128_000_000
"""Memory that any image may take, at any limit."""


def memory_of_image(megapixels: float = DEFAULT_MEGAPIXELS, megabytes: float = DEFAULT_MEGABYTES) -> int:
    """Return how many bytes an image and its file may take while a worker decodes the image, at these limits.

    The limits raise the memory, so that users who allow larger images need no third option.
    """
    return max(LEAST, round((BYTES_PER_PIXEL * megapixels + megabytes) * 1e6))
