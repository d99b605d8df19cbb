"""The file of a published basis: ``basis.npz``."""

from contract.layout import BasisFile, pca_folder
from spark_app.npz import from_npz, to_npz
from spark_app.numerics.pca import Basis
from spark_app.storage import Storage


def load_basis(root: Storage, pca_version: str) -> Basis:
    """Read a published basis.

    Raises
    ------
    FileNotFoundError
        If there is no such basis.
    ValueError
        If the file is damaged.
    StorageError
        If the storage fails.
    """
    body = root.read(pca_folder(pca_version) + BasisFile.BASIS)
    if body is None:
        raise FileNotFoundError(BasisFile.BASIS)
    arrays = from_npz(body, ("mean", "scale", "components", "spectrum", "count"))
    return Basis(arrays["mean"], arrays["scale"], arrays["components"], arrays["spectrum"], int(arrays["count"]))


def basis_to_npz(basis: Basis) -> bytes:
    """Return a basis as an ``.npz`` archive, whose arrays have the names of scikit-learn's attributes."""
    return to_npz(
        mean=basis.mean,
        scale=basis.scale,
        components=basis.components,
        explained_variance=basis.explained_variance,
        explained_variance_ratio=basis.explained_variance_ratio,
        spectrum=basis.spectrum,
        count=basis.count,
    )
