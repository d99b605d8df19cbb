"""The explorer's data as text that a page can hold: base64, which cannot contain markup.

The points are one compressed block: a header in JSON, then arrays of fixed types, so that a browser views the arrays
without parsing them. The pictures are one line per sheet, because WebP files are compressed already.
"""

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spark_app.errors import ExplorerPageError
from spark_app.explorer.data import Explorer, Points, Sheet

VERSION = 1
"""Version of the format, which `web/payload.ts` reads too."""

COMPRESSION = 6

ALIGNMENT = 8
"""Each array begins at a multiple of this number of bytes, as the typed arrays of a browser demand."""

UNLABELLED = -1
"""What an image without a label has in place of the number of its label."""


@dataclass(frozen=True)
class Payload:
    """The text of the two blocks of a page."""

    points: str
    """Base64 of everything but the pictures."""
    sheets: str
    """Base64 of the picture of each sheet, one per line; an empty line for a sheet without a picture."""


def to_payload(explorer: Explorer) -> Payload:
    """Write the data as text. The same data always make the same text."""
    points = explorer.points
    header = json.dumps(_header(explorer), separators=(",", ":")).encode()
    parts = [struct.pack("<II", VERSION, len(header)), header]
    body = b"".join(_padded(part) for part in (b"".join(parts), *map(_bytes_of, _arrays(explorer))))
    pictures = (base64.b64encode(sheet.image).decode() for sheet in points.sheets)
    return Payload(base64.b64encode(gzip.compress(body, COMPRESSION, mtime=0)).decode(), "\n".join(pictures))


def from_payload(payload: Payload) -> Explorer:
    """Read what `to_payload` has written.

    Raises
    ------
    ExplorerPageError
        If the text is damaged, or of another version of the format.
    """
    try:
        return _explorer_of(gzip.decompress(_decoded(payload.points)), payload.sheets.split("\n"))
    except (ValueError, OSError, EOFError, KeyError, TypeError, IndexError, struct.error, zlib.error) as error:
        raise ExplorerPageError(f"its data are damaged: {error}") from error


def _header(explorer: Explorer) -> dict[str, Any]:
    points = explorer.points
    return {
        "runId": explorer.run_id,
        "finishedAt": explorer.finished_at,
        "images": explorer.images,
        "notes": explorer.notes,
        "keys": points.keys,
        "labels": _names_of(points),
        "numbers": list(points.numbers),
        "findings": [[kind, len(places)] for kind, places in points.findings.items()],
        "components": points.coordinates.shape[1],
        "ratios": len(explorer.ratios),
        "tile": points.tile,
        "sheets": [{"id": sheet.sheet_id, "count": sheet.count, "columns": sheet.columns} for sheet in points.sheets],
    }


def _names_of(points: Points) -> list[str]:
    return sorted({label for label in points.labels if label is not None})


def _arrays(explorer: Explorer) -> Iterator[npt.NDArray[Any]]:
    """List the arrays in the order of the format."""
    points = explorer.points
    names = {label: number for number, label in enumerate(_names_of(points))}
    places = [UNLABELLED if label is None else names[label] for label in points.labels]
    yield np.array(explorer.ratios, "<f8")
    yield np.array(places, "<i4")
    yield from (numbers.astype("<f4") for numbers in points.numbers.values())
    yield from (numbers.astype("<i4") for numbers in points.findings.values())
    yield points.coordinates.T.astype("<f2")  # by component, which compresses better
    yield points.pictured.astype("<u1")


def _bytes_of(array: npt.NDArray[Any]) -> bytes:
    return array.tobytes("C")


def _padded(part: bytes) -> bytes:
    return part + bytes(-len(part) % ALIGNMENT)


class _Arrays:
    """The arrays of a block, one after the other."""

    def __init__(self, body: bytes, begin: int) -> None:
        self._body, self._next = body, begin

    def take(self, dtype: str, count: int) -> npt.NDArray[Any]:
        """Return the next array, of shape (count,); a copy, which its user may change."""
        array = np.frombuffer(self._body, dtype, count, self._next)
        self._next += len(_padded(array.tobytes()))
        return array.astype(array.dtype.newbyteorder("="))

    def check_end(self) -> None:
        """Raise `ValueError` unless all bytes have been taken."""
        if self._next != len(self._body):
            raise ValueError("it has another length than its header says")


def _explorer_of(body: bytes, pictures: list[str]) -> Explorer:
    version, length = struct.unpack_from("<II", body)
    if version != VERSION:
        raise ValueError(f"the version of their format is {version}, not {VERSION}")
    begin = struct.calcsize("<II")
    header = json.loads(body[begin : begin + length])
    arrays = _Arrays(body, len(_padded(body[: begin + length])))
    ratios = [float(ratio) for ratio in arrays.take("<f8", header["ratios"])]
    points = _points_of(header, arrays, pictures)
    arrays.check_end()
    return Explorer(
        run_id=header["runId"],
        finished_at=header["finishedAt"],
        images=header["images"],
        ratios=ratios,
        points=points,
        notes=header["notes"],
    )


def _points_of(header: dict[str, Any], arrays: _Arrays, pictures: list[str]) -> Points:
    keys, names = header["keys"], header["labels"]
    n, m = len(keys), header["components"]
    labels = [None if place == UNLABELLED else names[place] for place in arrays.take("<i4", n)]
    numbers = {name: arrays.take("<f4", n) for name in header["numbers"]}
    findings = {kind: arrays.take("<i4", count) for kind, count in header["findings"]}
    coordinates = np.ascontiguousarray(arrays.take("<f2", n * m).reshape(m, n).T)
    pictured = arrays.take("<u1", n).astype(np.bool_)
    sheets = _sheets_of(header["sheets"], pictures)
    return Points(keys, labels, coordinates, numbers, findings, pictured, header["tile"], sheets)


def _sheets_of(facts: list[dict[str, Any]], pictures: list[str]) -> list[Sheet]:
    if not facts:
        return []
    return [
        Sheet(sheet["id"], sheet["count"], sheet["columns"], _decoded(picture))
        for sheet, picture in zip(facts, pictures, strict=True)
    ]


def _decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
