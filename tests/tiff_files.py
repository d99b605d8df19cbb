"""Writing of TIFF files in layouts that Pillow can't write."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

BYTE, SHORT, LONG = 1, 3, 4
CODES = {BYTE: "B", SHORT: "H", LONG: "I"}


@dataclass(frozen=True, kw_only=True)
class TiffLayout:
    """How the samples of a TIFF file are stored."""

    photometric: int = 1
    """0 white is zero, 1 black is zero, 2 RGB, 3 palette, 5 CMYK, 6 YCbCr, 8 CIELab, 32803 sensor of a camera."""
    bits: int = 8
    sample_format: int = 1
    """1 unsigned, 2 signed, 3 floating point."""
    order: str = "<"
    """`<` little-endian, `>` big-endian."""
    planar: bool = False
    """Each channel is stored on its own."""
    tile: int = 0
    """Side of square tiles, a multiple of 16; 0 for strips of 16 rows."""
    fill_order: int = 1
    extra: tuple[int, ...] = ()
    """Meaning of each extra sample: 0 unspecified, 1 associated alpha, 2 alpha."""
    colormap: tuple[int, ...] = ()
    tags: dict[int, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    """Further tags: type and values by number."""


def tiff_file(samples: np.ndarray, layout: TiffLayout) -> bytes:
    """Return a TIFF file of samples of shape (height, width, channels), which must fit the bits of the layout."""
    blocks = [_packed(block, layout) for block in _blocks(samples, layout)]
    offsets = np.cumsum([8, *map(len, blocks)]).tolist()
    tags = _tags(samples.shape, layout) | layout.tags
    place, size = (324, 325) if layout.tile else (273, 279)
    tags |= {place: (LONG, tuple(offsets[:-1])), size: (LONG, tuple(map(len, blocks)))}
    start = offsets[-1] + offsets[-1] % 2
    body = b"".join(blocks).ljust(start - 8, b"\0")
    magic = b"II*\0" if layout.order == "<" else b"MM\0*"
    return magic + struct.pack(f"{layout.order}I", start) + body + _directory(tags, start, layout.order)


def _tags(shape: tuple[int, ...], layout: TiffLayout) -> dict[int, tuple[int, tuple[int, ...]]]:
    height, width, channels = shape
    tags = {
        256: (LONG, (width,)),
        257: (LONG, (height,)),
        258: (SHORT, (layout.bits,) * channels),
        259: (SHORT, (1,)),
        262: (SHORT, (layout.photometric,)),
        266: (SHORT, (layout.fill_order,)),
        277: (SHORT, (channels,)),
        278: (LONG, (16,)),
        284: (SHORT, (1 + layout.planar,)),
        320: (SHORT, layout.colormap),
        322: (LONG, (layout.tile,)),
        323: (LONG, (layout.tile,)),
        338: (SHORT, layout.extra),
        339: (SHORT, (layout.sample_format,) * channels),
    }
    unused = {278} if layout.tile else {322, 323}
    return {tag: value for tag, value in tags.items() if value[1] and tag not in unused}


def _blocks(samples: np.ndarray, layout: TiffLayout) -> Iterator[np.ndarray]:
    planes = np.split(samples, samples.shape[2], axis=2) if layout.planar else [samples]
    for plane in planes:
        height, width, _ = plane.shape
        for row in range(0, height, layout.tile or 16):
            if not layout.tile:
                yield plane[row : row + 16]
                continue
            for column in range(0, width, layout.tile):
                block = plane[row : row + layout.tile, column : column + layout.tile]
                missing = [(0, layout.tile - block.shape[0]), (0, layout.tile - block.shape[1]), (0, 0)]
                yield np.pad(block, missing)


def _packed(block: np.ndarray, layout: TiffLayout) -> bytes:
    if layout.bits >= 8:
        kind = {1: "u", 2: "i", 3: "f"}[layout.sample_format]
        body = block.astype(f"{layout.order}{kind}{layout.bits // 8}").tobytes()
    else:
        rows = block.reshape(len(block), -1, 1).astype(np.uint8)
        bits = np.unpackbits(rows, axis=2)[:, :, -layout.bits :]
        body = np.packbits(bits.reshape(len(block), -1), axis=1).tobytes()
    if layout.fill_order == 1:
        return body
    return np.packbits(np.unpackbits(np.frombuffer(body, np.uint8)), bitorder="little").tobytes()


def _directory(tags: dict[int, tuple[int, tuple[int, ...]]], start: int, order: str) -> bytes:
    entries, outside = b"", b""
    after = start + 2 + 12 * len(tags) + 4
    for tag, (kind, values) in sorted(tags.items()):
        body = struct.pack(f"{order}{len(values)}{CODES[kind]}", *values)
        if len(body) > 4:
            place = struct.pack(f"{order}I", after + len(outside))
            outside += body + b"\0" * (len(body) % 2)
            body = place
        entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + body.ljust(4, b"\0")
    return struct.pack(f"{order}H", len(tags)) + entries + b"\0" * 4 + outside
