"""Where things lie below the root of an environment (a bucket, or a folder). All keys are composed here."""

from enum import StrEnum

IMAGES = "images/"
"""Input: ``images/<label>/.../<file>``."""

TABLES = "tables/"
"""The Iceberg warehouse."""

MODELS = "models/"
"""Exported networks, a folder each."""

INBOX = "inbox/"
"""Notices of uploads and removals that no run has worked through yet: ``inbox/<sortable id>.jsonl``."""

REJECTED_NOTICES = "inbox/rejected/"
"""Lines of the inbox that are no notices, each with the reason."""

RESULTS = "results/"
"""What the runs have published, a folder each."""

BASES = "pca/"
"""Published bases, a folder each."""

MATRICES = "/matrix/"
"""Folder, below that of a basis, of the files of matrices of many rows."""

STAGING = "staging/"
"""What a run has computed and not yet committed. Of use to that run only."""

SUPERSEDED = {"superseded": "true"}
"""Tag, in the cloud, of results that later ones have replaced: they expire after a while. The last ones never do."""

QUERIES = "athena/"
"""What Athena's queries answer. Deleted after a while."""

LATEST = f"{RESULTS}latest.json"
"""Pointer to the last complete run. Written last, so that a reader never sees half a run."""


class ResultFile(StrEnum):
    """Files in the folder of a run's results."""

    MATRIX = "pca.csv"
    """The matrix, if it is one file: see `matrix_file` for several."""
    EXPLAINED_VARIANCE = "explained_variance.csv"
    REJECTS = "rejects.csv"
    REPORT = "report.html"
    REPORT_DATA = "report.json"
    """What the report shows beside the summary."""
    SUMMARY = "summary.json"
    RUN_RECORD = "run.json"
    """What the workflow records of the run: its job, its time and its cost."""


class BasisFile(StrEnum):
    """Files in the folder of a published basis."""

    BASIS = "basis.npz"
    STATISTICS = "statistics.npz"
    CARD = "pca.json"
    """A description of the basis for people."""


def fault_of(image_key: str) -> str | None:
    """Say why no part of the pipeline can handle an object of this name.

    Parameters
    ----------
    image_key
        Key of the image below ``images/``.

    Returns
    -------
    str or None
        The reason; None if there is nothing wrong with the name.
    """
    if any(segment in {"", ".", ".."} for segment in image_key.split("/")):
        return "it has empty folder names, or . or .."
    if any(character < " " or character == "\x7f" for character in image_key):
        return "it has control characters"
    try:
        image_key.encode()
    except UnicodeEncodeError:
        return "it is no text"
    return None


def label_of(image_key: str) -> str | None:
    """Name the variety that an image belongs to.

    Parameters
    ----------
    image_key
        Key of the image below ``images/``, such as ``Apple Braeburn/r_12.jpg``.

    Returns
    -------
    str or None
        The name of the folder that holds the file; None for a file right under ``images/``.
    """
    folders = image_key.split("/")[:-1]
    return folders[-1] if folders else None


def model_folder(model_id: str) -> str:
    """Folder of an exported network."""
    return f"{MODELS}{model_id}/"


def pca_folder(pca_version: str) -> str:
    """Folder of a published basis, of the statistics of the features, and of large matrices."""
    return f"{BASES}{pca_version}/"


def matrix_file(pca_version: str, run_id: str, number: int) -> str:
    """One file of a matrix of many rows: shared by all runs that have not changed a row of it."""
    return f"{BASES}{pca_version}{MATRICES}{run_id}-{number:05}.csv"


def notices_file(sortable_id: str) -> str:
    """File of the notices of one batch of events."""
    return f"{INBOX}{sortable_id}.jsonl"


def results_folder(run_id: str) -> str:
    """Folder of what a run publishes."""
    return f"{RESULTS}{run_id}/"


def run_record(run_id: str) -> str:
    """File in which the workflow records a run."""
    return f"{results_folder(run_id)}{ResultFile.RUN_RECORD}"


def staging_folder(run_id: str) -> str:
    """Folder of what a run has computed and not yet committed."""
    return f"{STAGING}{run_id}/"
