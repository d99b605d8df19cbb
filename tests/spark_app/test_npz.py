"""Tests of NumPy archives as bytes."""

import numpy as np
import pytest

from spark_app.npz import NpzError, from_npz, to_npz

ARRAYS = {"count": np.array(7), "mean": np.arange(5.0), "scatter": np.eye(2)}


def test_arrays_are_read_as_they_were_written() -> None:
    """Names, order, types and values survive; arrays without a name get a number."""
    found = from_npz(to_npz(**ARRAYS))
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
    assert list(from_npz(to_npz([1.0], [2.0]))) == ["arr_0", "arr_1"]


def test_no_flipped_bit_changes_an_array_unnoticed() -> None:
    """Whichever bit of the archive flips: it is refused, or its arrays are the same."""
    body = to_npz(**ARRAYS)
    for position in range(8 * len(body)):
        damaged = bytearray(body)
        damaged[position // 8] ^= 1 << position % 8
        try:
            found = from_npz(bytes(damaged), ARRAYS)
        except NpzError:
            continue
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(found[name], array, strict=True)


@pytest.mark.parametrize("length", [0, 10, 500, -1])
def test_a_cut_archive_is_refused(length: int) -> None:
    """An archive that was not written to its end is refused."""
    with pytest.raises(NpzError):
        from_npz(to_npz(**ARRAYS)[:length])


def test_a_missing_array_is_named() -> None:
    """An archive of something else is refused."""
    with pytest.raises(NpzError, match="it does not contain snapshot"):
        from_npz(to_npz(**ARRAYS), ["count", "snapshot"])
