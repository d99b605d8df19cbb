"""The basis: fitted from the statistics, and published below ``pca/``."""

import io
import json

import numpy as np
import numpy.typing as npt

from contract.layout import pca_folder
from spark_app.numerics.pca import Basis
from spark_app.numerics.statistics import Statistics
from spark_app.storage import Storage


def publish_basis(root: Storage, pca_version: str, basis: Basis, statistics: Statistics, snapshot: int | None) -> None:
    """Write a basis, and the statistics that it comes from, under its version.

    Parameters
    ----------
    root
        Of the environment.
    pca_version
        A new name: published bases never change.
    snapshot
        Of the `features` that the statistics describe.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    folder = pca_folder(pca_version)
    root.write(folder + "basis.npz", basis_to_npz(basis))
    root.write(
        folder + "statistics.npz",
        _npz(
            count=statistics.count,
            mean=statistics.mean,
            scatter=statistics.scatter,
            snapshot=snapshot or 0,
        ),
    )
    card = {
        "pca_version": pca_version,
        "components": len(basis.components),
        "images": basis.count,
        "captured": basis.captured,
        "features_snapshot": snapshot,
    }
    root.write(folder + "pca.json", (json.dumps(card, indent=2) + "\n").encode())


def load_basis(root: Storage, pca_version: str) -> Basis | None:
    """Read a published basis; None if it is gone.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    body = root.read(pca_folder(pca_version) + "basis.npz")
    return _basis_from_npz(body) if body else None


def basis_to_npz(basis: Basis) -> bytes:
    """Write a basis for NumPy alone: ``np.load`` gives its arrays by their scikit-learn names."""
    return _npz(
        mean=basis.mean,
        scale=basis.scale,
        components=basis.components,
        explained_variance=basis.explained_variance,
        explained_variance_ratio=basis.explained_variance_ratio,
        spectrum=basis.spectrum,
        count=basis.count,
    )


def _basis_from_npz(body: bytes) -> Basis:
    with np.load(io.BytesIO(body)) as arrays:
        return Basis(
            mean=arrays["mean"],
            scale=arrays["scale"],
            components=arrays["components"],
            spectrum=arrays["spectrum"],
            count=int(arrays["count"]),
        )


def _npz(**arrays: npt.ArrayLike) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
