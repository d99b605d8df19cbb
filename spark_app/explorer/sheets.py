"""The sheets of the explorer: the thumbnails of consecutive points, packed in one WebP image."""

import io
import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from spark_app.engine.thumbnail import METHOD, to_webp
from spark_app.explorer.data import Sheet

TRIAL = 512
"""Number of points by which a run judges whether a format makes all sheets small enough."""

Ids = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
Fetch = Callable[[Numbers], Sequence[bytes | None]]
"""Returns the thumbnails of points by their numbers; `None` for points that have none."""


@dataclass(frozen=True)
class Format:
    """How thumbnails are packed."""

    tile: int
    """Width and height of a tile in pixels."""
    quality: int
    """Quality of WebP, 0 to 100."""


FORMATS = (Format(48, 75), Format(48, 60), Format(48, 45), Format(40, 45), Format(32, 45), Format(32, 25))
"""From the best to the smallest. A run takes the first one that makes all sheets small enough."""


@dataclass(frozen=True, eq=False)
class Packed:
    """All sheets of an explorer."""

    format: Format
    sheets: list[Sheet]
    pictured: npt.NDArray[np.bool_]
    """Whether each point has a picture, shape (n,)."""


@dataclass(frozen=True, eq=False)
class KnownSheet:
    """A sheet of an earlier explorer."""

    sheet: Sheet
    pictured: npt.NDArray[np.bool_]
    """Whether each of its points has a picture."""


def pack(
    ids: Ids, ranges: Sequence[slice], fetch: Fetch, known: Mapping[str, KnownSheet], room: float
) -> Packed | None:
    """Pack the thumbnails of all points, in the first of `FORMATS` that makes the sheets small enough.

    The result depends on the points and their thumbnails only. What an earlier explorer knows saves work.

    Parameters
    ----------
    ids
        Ids of the versions of the images, shape (n,).
    ranges
        The points of each sheet.
    fetch
        Called for the points of the sheets that are not known.
    known
        Sheets of an earlier explorer by their ids.
    room
        Maximum number of bytes of all sheets.

    Returns
    -------
    Packed or None
        `None` if the sheets of no format are small enough.
    """
    thumbnails = _Thumbnails(fetch)
    trial = sum(points.start < TRIAL for points in ranges)
    for format_ in FORMATS:
        work = _Work(ids, format_, thumbnails, known)
        sheets = work.sheets(ranges[:trial])
        tried = sum(sheet.sheet.count for sheet in sheets)
        if _size(sheets) * len(ids) > room * tried:
            continue
        sheets += work.sheets(ranges[trial:])
        if _size(sheets) <= room:
            pictured = np.concatenate([np.zeros(0, bool), *(sheet.pictured for sheet in sheets)])
            return Packed(format_, [sheet.sheet for sheet in sheets], pictured)
    return None


def _size(sheets: Sequence[KnownSheet]) -> int:
    return sum(len(sheet.sheet.image) for sheet in sheets)


@dataclass(frozen=True, eq=False)
class _Thumbnails:
    """Thumbnails that have been fetched."""

    fetch: Fetch
    by_point: dict[int, bytes | None] = field(default_factory=dict)

    def provide(self, points: Numbers) -> None:
        """Fetch the thumbnails of points, unless they have been fetched."""
        missing = np.array([point for point in points.tolist() if point not in self.by_point], np.int64)
        if len(missing):
            self.by_point.update(zip(missing.tolist(), self.fetch(missing), strict=True))

    def of(self, points: slice) -> list[bytes | None]:
        """Return thumbnails that have been fetched."""
        return [self.by_point[point] for point in range(points.start, points.stop)]


@dataclass(frozen=True, eq=False)
class _Work:
    """The work on sheets in one format."""

    ids: Ids
    format: Format
    thumbnails: _Thumbnails
    known: Mapping[str, KnownSheet]

    def sheets(self, ranges: Sequence[slice]) -> list[KnownSheet]:
        """Return the sheets of some ranges, in their order."""
        names = [sheet_id(content_id(self.ids[points]), self.format) for points in ranges]
        unknown = [points for points, name in zip(ranges, names, strict=True) if name not in self.known]
        self.thumbnails.provide(np.concatenate([np.zeros(0, np.int64), *map(_numbers, unknown)]))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(self._sheet, ranges, names))

    def _sheet(self, points: slice, name: str) -> KnownSheet:
        return self.known.get(name) or _make(name, self.thumbnails.of(points), self.format)


def _numbers(points: slice) -> Numbers:
    return np.arange(points.start, points.stop)


def content_id(ids: Ids) -> str:
    """Return the id of the content of a sheet: a hash of the versions of its images."""
    return blake2b(ids.astype("<u8").tobytes(), digest_size=12).hexdigest()


def sheet_id(content: str, format_: Format) -> str:
    """Return the id of a sheet, which begins with that of its content."""
    return f"{content}-{format_.tile}-{format_.quality}-{METHOD}"


def content_of(name: str) -> str:
    """Return the id of the content of a sheet from that of the sheet."""
    return name.partition("-")[0]


def _make(name: str, thumbnails: Sequence[bytes | None], format_: Format) -> KnownSheet:
    """Draw a sheet: the smallest square grid that has room for the thumbnails."""
    columns = math.ceil(math.sqrt(len(thumbnails)))
    pictured = np.array([thumbnail is not None for thumbnail in thumbnails])
    image = b""
    if pictured.any():
        side = format_.tile
        drawn = Image.new("RGB", (columns * side, math.ceil(len(thumbnails) / columns) * side), "white")
        for tile, thumbnail in enumerate(thumbnails):
            if thumbnail is not None:
                drawn.paste(_decoded(thumbnail, side), (tile % columns * side, tile // columns * side))
        image = to_webp(drawn, format_.quality)
    return KnownSheet(Sheet(name, len(thumbnails), columns, image), pictured)


def _decoded(thumbnail: bytes, side: int) -> Image.Image:
    # The class of the format, because `Image.open` tries the other formats first, which takes longer than decoding.
    image = WebPImageFile(io.BytesIO(thumbnail))
    return image if image.width == side else image.resize((side, side), Image.Resampling.BOX)
