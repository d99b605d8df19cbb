"""NumPy's ``.npz`` archives as bytes."""

import io
import zipfile
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


class NpzError(ValueError):
    """An archive is damaged."""


def to_npz(*arrays: npt.ArrayLike, **named_arrays: npt.ArrayLike) -> bytes:
    """Return an archive of arrays; those without a name are called ``arr_0``, ``arr_1`` and so on."""
    buffer = io.BytesIO()
    np.savez(buffer, *arrays, allow_pickle=False, **named_arrays)
    return buffer.getvalue()


def from_npz(body: bytes, names: Collection[str] = ()) -> Mapping[str, npt.NDArray[Any]]:
    """Read all arrays of an archive, in their order.

    Parameters
    ----------
    names
        Names of arrays that the archive must contain.

    Raises
    ------
    NpzError
        If the archive is damaged: the checksum of an array is wrong, an array is missing, or the archive can't be read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            # NumPy does not verify the checksum of an array whose header names fewer values than the file contains.
            damaged = archive.testzip()
        if damaged is None:
            with np.load(io.BytesIO(body)) as arrays:
                found = {name: arrays[name] for name in arrays.files}
    except Exception as error:  # zipfile and NumPy raise any exception for damaged bytes
        raise NpzError(f"it can't be read: {error}") from error
    if damaged is not None:
        raise NpzError(f"the checksum of {damaged} is wrong")
    if missing := set(names) - found.keys():
        raise NpzError(f"it does not contain {min(missing)}")
    return found
