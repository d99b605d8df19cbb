"""The basis of a run: kept while it serves, otherwise refitted from the statistics, and published below ``pca/``."""

import json
from dataclasses import dataclass

from contract.layout import BasisFile, pca_folder
from contract.runs import Mode
from contract.summary import PcaSummary, Summary
from spark_app.basis_file import basis_to_npz, load_basis
from spark_app.numerics.components import ComponentCount
from spark_app.numerics.pca import Assessment, Basis, assess, assess_own, fit, max_components
from spark_app.numerics.statistics import Statistics
from spark_app.run import Run
from spark_app.settings import FEATURE_COUNT, RunSettings
from spark_app.stages.statistics import FeatureStatistics, save_statistics
from spark_app.storage import Storage
from spark_app.words import counted


@dataclass(frozen=True)
class BasisChoice:
    """The basis of a matrix, and the reason for it."""

    basis: Basis
    version: str
    kept: bool
    """Whether an earlier run has fitted the basis."""
    reason: str
    """Why the run kept or refitted the basis: the end of a sentence."""
    assessment: Assessment
    """How well the basis represents all present images."""


def choose_basis(this: Run, last: Summary | None, features: FeatureStatistics) -> BasisChoice | None:
    """Keep the basis in force or publish a new one, and save the statistics with it; `None` without features.

    Parameters
    ----------
    last
        The last complete run, whose basis is in force; `None` to fit a new basis.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    if features.statistics.count == 0:
        return None
    choice = _keep_or_refit(this, last, features.statistics)
    this.check_fence()  # the folder of a kept basis belongs to all runs
    if not choice.kept:
        publish_basis(this.root, choice.version, choice.basis)
    if not (choice.kept and features.is_stored):
        save_statistics(this.root, choice.version, features)
    return choice


def _keep_or_refit(this: Run, last: Summary | None, statistics: Statistics) -> BasisChoice:
    """Keep the basis in force if it still serves, so that coordinates stay comparable; else fit a new one."""
    settings = this.settings
    if last is None or last.pca is None or last.pca_version is None:
        reason = "reprocess always fits a new basis" if settings.mode is Mode.REPROCESS else "it is the first basis"
    elif isinstance(basis := _last_basis(this, last.pca_version), str):
        reason = basis
    elif _is_request_different(last.pca, settings):
        reason = "--components or --standardize differ from the last run"
    else:
        assessment = assess(basis, statistics, standardize=settings.standardize)
        loss = why_refit(basis, assessment, statistics.count, settings)
        if loss is None:
            kept_because = (
                f"it captures {assessment.of_best:.2%} of the variance that the best basis of its size captures"
            )
            return BasisChoice(basis, last.pca_version, kept=True, reason=kept_because, assessment=assessment)
        reason = loss
    basis = fit(statistics, settings.components, standardize=settings.standardize)
    return BasisChoice(basis, this.run_id, kept=False, reason=reason, assessment=assess_own(basis))


def _last_basis(this: Run, pca_version: str) -> Basis | str:
    """Return the basis in force, or why it can't be used."""
    file = pca_folder(pca_version) + BasisFile.BASIS
    try:
        return load_basis(this.root, pca_version)
    except FileNotFoundError:
        fault = f"{file} is missing"
    except ValueError as error:
        fault = f"{file} is damaged ({error})"
    this.notes.append(f"{fault}: this run has fitted a new basis.")
    return fault


def _is_request_different(last: PcaSummary, settings: RunSettings) -> bool:
    return (last.requested, last.standardize) != (settings.components.number, settings.standardize)


def why_refit(basis: Basis, assessment: Assessment, count: int, settings: RunSettings) -> str | None:
    """Return why a basis no longer serves; `None` if it does.

    Parameters
    ----------
    assessment
        How well the basis represents all present images.
    count
        Number of these images.
    """
    k, requested = len(basis.components), settings.components
    threshold = settings.refit_threshold
    if assessment.of_best < threshold:
        best = f"the best basis of {counted(k, 'component')} captures"
        return f"the last basis captures only {assessment.of_best:.2%} of what {best}"
    if isinstance(requested, ComponentCount):
        possible = min(requested.count, max_components(count, FEATURE_COUNT))
        allow = f"{counted(count, 'image')} {'allows' if count == 1 else 'allow'}"
        return f"{allow} {counted(possible, 'component')}, the last basis has {k}" if k < possible else None
    if assessment.captured < threshold * requested.share:
        captured = f"the last basis captures only {assessment.captured:.1%} of the variance"
        return f"{captured}, {requested.share:.1%} is requested"
    return None


def publish_basis(root: Storage, pca_version: str, basis: Basis) -> None:
    """Write a basis under a new version. A published basis never changes.

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
