"""The images of a corpus, by the columns that are small enough for the driver to hold those of all images."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
Ids = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

MEASURES = ("brightness_low", "brightness_high", "contrast", "sharpness", "entropy")
"""Columns of `features` that the curation judges images by."""

IMAGE_ROWS = pa.schema(
    [
        ("key", pa.string()),
        ("label", pa.string()),
        ("row_id", pa.int64()),
        ("content_id", pa.int64()),
        ("perceptual_hash", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        *((name, pa.float32()) for name in MEASURES),
        ("residual", pa.float32()),
    ]
)
"""One row per image. `row_id` identifies the version of an image and `content_id` the bytes of its file; the columns
from `content_id` on are null if the image has not been measured."""


@dataclass(frozen=True, eq=False)
class Images:
    """All images in the order of their keys."""

    rows: pa.Table
    """Rows of `IMAGE_ROWS`."""

    def __post_init__(self) -> None:
        if not self.rows.schema.equals(IMAGE_ROWS):
            raise ValueError(f"not rows of images: {self.rows.schema}")

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def keys(self) -> pa.ChunkedArray:
        """The keys."""
        return self.rows["key"]

    def key(self, image: int) -> str:
        """Return the key of one image."""
        return str(self.keys[image].as_py())

    def label(self, image: int) -> str | None:
        """Return the label of one image."""
        code = self.codes[image]
        return self.labels[code] if code >= 0 else None

    @cached_property
    def _dictionary(self) -> pa.DictionaryArray:
        return self.rows["label"].combine_chunks().dictionary_encode()

    @cached_property
    def labels(self) -> list[str]:
        """The names of all labels."""
        names: list[str] = self._dictionary.dictionary.to_pylist()
        return names

    @cached_property
    def codes(self) -> Numbers:
        """The position of the label of each image in `labels`; -1 without a label."""
        return self._integers(self._dictionary.indices, missing=-1)

    @cached_property
    def row_ids(self) -> Ids:
        """Ids of the versions of the images."""
        return self._integers(self.rows["row_id"], missing=0).view(np.uint64)

    @cached_property
    def content_ids(self) -> Ids:
        """Ids of the bytes of the files; 0 for an image that has not been measured."""
        return self._integers(self.rows["content_id"], missing=0).view(np.uint64)

    @property
    def is_measured(self) -> Mask:
        """Whether the image has been measured."""
        mask: Mask = self.content_ids != 0
        return mask

    @cached_property
    def has_hash(self) -> Mask:
        """Whether the image has a perceptual hash."""
        mask: Mask = pc.is_valid(self.rows["perceptual_hash"]).to_numpy()
        return mask

    @cached_property
    def hashes(self) -> Ids:
        """Perceptual hashes; 0 where there is none."""
        return self._integers(self.rows["perceptual_hash"], missing=0).view(np.uint64)

    @cached_property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Widths and heights in pixels, shape (n, 2)."""
        columns = [self._integers(self.rows[name], missing=0) for name in ("width", "height")]
        return np.stack(columns, axis=1)

    def measure(self, name: str) -> Floats:
        """Return a column of `MEASURES`, or the residuals; nan where an image has not been measured."""
        values: Floats = self.rows[name].to_numpy().astype(np.float32)
        return values

    @staticmethod
    def _integers(column: pa.Array | pa.ChunkedArray, missing: int) -> Numbers:
        values: Numbers = column.fill_null(missing).to_numpy().astype(np.int64)
        return values
