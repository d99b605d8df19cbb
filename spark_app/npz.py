"""NumPy's ``.npz`` archives as bytes."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


def to_npz(*arrays: npt.ArrayLike, **named_arrays: npt.ArrayLike) -> bytes:
    """Return an archive of arrays; those without a name are called ``arr_0``, ``arr_1`` and so on."""
    buffer = io.BytesIO()
    np.savez(buffer, *arrays, allow_pickle=False, **named_arrays)
    return buffer.getvalue()


def from_npz(body: bytes) -> Mapping[str, npt.NDArray[Any]]:
    """Read all arrays of an archive, in their order."""
    with np.load(io.BytesIO(body)) as archive:
        return {name: archive[name] for name in archive.files}
