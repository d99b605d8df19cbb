"""Columns of vectors as matrices, and back."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spark_app.settings import FEATURES

FloatMatrix = npt.NDArray[np.float32]


def features_matrix(column: pa.ListArray) -> FloatMatrix:
    """Turn a column of features into a matrix, without copying.

    Returns
    -------
    ndarray
        Shape (n, 1280), float32.
    """
    return to_matrix(column, FEATURES)


def to_matrix(column: pa.ListArray, width: int) -> FloatMatrix:
    """Turn a column of lists of equal length into a matrix of shape (n, width), without copying."""
    matrix: FloatMatrix = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), width)
    return matrix


def to_lists(matrix: FloatMatrix) -> pa.ListArray:
    """Turn the rows of a matrix into a column of lists."""
    n, k = matrix.shape
    offsets = np.arange(n + 1, dtype=np.int32) * k
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(matrix.ravel()))
