"""The basis: kept while it serves, fitted from the statistics, and published below ``pca/``."""

import io
import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.layout import BasisFile, pca_folder
from contract.runs import Mode
from contract.summary import Summary
from spark_app.numerics.pca import Assessment, Basis, assess, assess_own, fit, max_components
from spark_app.numerics.statistics import Statistics
from spark_app.settings import FEATURES, RunSettings
from spark_app.storage import Storage


@dataclass(frozen=True)
class Described:
    """Statistics, and what they are of.

    Attributes
    ----------
    statistics
        Of all features.
    content
        Name of the rows of `features` that they describe (`IcebergTable.content`); None if there are none.
    is_stored
        Whether they lie beside the basis in force already.
    """

    statistics: Statistics
    content: int | None
    is_stored: bool


@dataclass(frozen=True)
class Choice:
    """The basis of a matrix, and why it is this one.

    Attributes
    ----------
    basis
        What the rows are coordinates of.
    version
        Its name.
    kept
        Whether it was in force before.
    reason
        Why it was kept, or fitted: the end of a sentence.
    assessment
        How well it serves all the images that there are now.
    """

    basis: Basis
    version: str
    kept: bool
    reason: str
    assessment: Assessment


def choose_basis(
    root: Storage, last: Summary | None, statistics: Statistics, settings: RunSettings, version: str
) -> Choice:
    """Keep the basis in force if it still serves, so that coordinates stay comparable; else fit another.

    Parameters
    ----------
    root
        Of the environment.
    last
        The last complete run, whose basis is in force; None to fit one in any case.
    statistics
        Of all features.
    settings
        What is asked for, and what loss is allowed.
    version
        The name of a new basis.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    in_force = load_basis(root, last.pca_version) if last and last.pca_version else None
    if last is None or last.pca is None or last.pca_version is None:
        reason = "all is computed anew" if settings.mode is Mode.REPROCESS else "it is the first"
    elif in_force is None:
        reason = f"{BasisFile.BASIS} of {last.pca_version} is gone"
    elif (last.pca.requested, last.pca.standardize) != (settings.components, settings.standardize):
        reason = "another one is asked for than the last time"
    else:
        assessment = assess(in_force, statistics, standardize=settings.standardize)
        loss = why_refit(in_force, assessment, statistics.count, settings)
        if loss is None:
            return Choice(in_force, last.pca_version, kept=True, reason=_serves(assessment), assessment=assessment)
        reason = loss
    basis = fit(statistics, settings.components, standardize=settings.standardize)
    return Choice(basis, version, kept=False, reason=reason, assessment=assess_own(basis))


def why_refit(basis: Basis, assessment: Assessment, count: int, settings: RunSettings) -> str | None:
    """Say why a basis serves no more; None if it does.

    Parameters
    ----------
    basis
        The one in force.
    assessment
        How well it serves the images that there are now.
    count
        How many these are.
    settings
        What is asked for, and what loss is allowed.
    """
    k, wanted = len(basis.components), settings.components
    threshold = settings.refit_threshold
    if assessment.of_best < threshold:
        return f"the last one captured only {assessment.of_best:.2%} of what the best {k} components can"
    if isinstance(wanted, int):
        possible = min(wanted, max_components(count, FEATURES))
        return f"{count:,} images allow {possible} components, the last one had {k}" if k < possible else None
    if assessment.captured < threshold * wanted:
        return f"the last one kept only {assessment.captured:.1%} of the variance, {wanted:.1%} are asked for"
    return None


def _serves(assessment: Assessment) -> str:
    return f"it captures {assessment.of_best:.2%} of what the best of its size would"


def publish_basis(root: Storage, pca_version: str, basis: Basis) -> None:
    """Write a basis under its version.

    Parameters
    ----------
    root
        Of the environment.
    pca_version
        A new name: published bases never change.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    folder = pca_folder(pca_version)
    root.write(folder + BasisFile.BASIS, basis_to_npz(basis))
    card = {
        "pca_version": pca_version,
        "components": len(basis.components),
        "images": basis.count,
        "captured": basis.captured,
    }
    root.write(folder + BasisFile.CARD, (json.dumps(card, indent=2) + "\n").encode())


def load_basis(root: Storage, pca_version: str) -> Basis | None:
    """Read a published basis; None if it is gone.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    body = root.read(pca_folder(pca_version) + BasisFile.BASIS)
    return _basis_from_npz(body) if body else None


def save_statistics(root: Storage, pca_version: str, described: Described) -> None:
    """Keep the statistics of the features beside the basis in force, for the next run to follow.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    statistics = described.statistics
    body = _npz(
        count=statistics.count,
        mean=statistics.mean,
        scatter=statistics.scatter,
        rounding=statistics.rounding,
        snapshot=described.content or 0,
    )
    root.write(pca_folder(pca_version) + BasisFile.STATISTICS, body)


def load_statistics(root: Storage, pca_version: str, content: int | None) -> Statistics | None:
    """Read the statistics beside a basis; None if they are gone, or describe other rows of `features`.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    body = root.read(pca_folder(pca_version) + BasisFile.STATISTICS)
    if body is None:
        return None
    with np.load(io.BytesIO(body)) as arrays:
        if int(arrays["snapshot"]) != (content or 0):
            return None
        return Statistics(int(arrays["count"]), arrays["mean"], arrays["scatter"], float(arrays["rounding"]))


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
