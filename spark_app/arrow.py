"""Conversion between Arrow columns of vectors and NumPy matrices."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spark_app.settings import FEATURE_COUNT

FloatMatrix = npt.NDArray[np.float32]


def features_matrix(column: pa.ListArray) -> FloatMatrix:
    """Convert a column of features to a matrix of shape (n, 1280), without copying."""
    return to_matrix(column, FEATURE_COUNT)


def to_matrix(column: pa.ListArray, width: int) -> FloatMatrix:
    """Convert a column of lists of equal length to a matrix of shape (n, width), without copying."""
    matrix: FloatMatrix = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), width)
    return matrix


def to_lists(matrix: FloatMatrix) -> pa.ListArray:
    """Convert the rows of a matrix to a column of lists."""
    n, k = matrix.shape
    offsets = np.arange(n + 1, dtype=np.int32) * k
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(matrix.ravel()))


def matrix_schema(k: int) -> pa.Schema:
    """Return the columns of a file of the matrix with k components."""
    return pa.schema(
        [("key", pa.string()), ("label", pa.string()), *((f"pc_{i}", pa.float32()) for i in range(1, k + 1))]
    )
