"""Keys of all objects below the root of an environment (a bucket or a folder). All packages compose keys here."""

import re
from enum import StrEnum

from contract.runs import RUN_ID

IMAGES = "images/"
"""Folder of the images: ``images/.../<label>/<file>``."""

TABLES = "tables/"
"""Folder of the Iceberg warehouse."""

MODELS = "models/"
"""Folder of the exported models, each in a subfolder."""

INBOX = "inbox/"
"""Folder of the notices that no run has acknowledged yet: ``inbox/<sortable id>.jsonl``."""

NOTICES_SUFFIX = ".jsonl"

REJECTED_NOTICES = "inbox/rejected/"
"""Folder of the lines that are not notices, and of notices that no run can use, each with the reason."""

RESULTS = "results/"
"""Folder of the published results, each run in a subfolder."""

BASES = "pca/"
"""Folder of the published bases, each in a subfolder."""

MATRICES = "/matrix/"
"""Subfolder of a basis, for the files of a matrix that is too large for one file."""

STAGING = "staging/"
"""Folder of what a run has computed but not committed yet. Only that run reads it."""

OUTPUT_MARK = "fruits-output.json"
"""File that marks a folder on this machine as an output. A run locks it."""

SUPERSEDED = {"superseded": "true"}
"""Tag of superseded results in the cloud. The bucket deletes objects with this tag after some days."""

PICTURED = {"pictures": "true"}
"""Additional tag of superseded pages with thumbnails. The bucket deletes them when it deletes old features."""

QUERIES = "athena/"
"""Folder of the results of Athena queries. The bucket deletes them after some days."""

LATEST = f"{RESULTS}latest.json"
"""Pointer to the last complete run. A run writes it last, so that readers never see incomplete results."""

LATEST_PAGE = f"{RESULTS}latest.html"
"""Page that leads a browser to the report of the last complete run, for bookmarks."""

CONTROL = "control/"
"""Folder of the objects by which runs are coordinated."""

FENCE = f"{CONTROL}fence.json"
"""Object that names the only run that may write: a `contract.job.Fence`."""

LEASE = f"{CONTROL}lease.json"
"""Object that names the run that works on an output outside of AWS, whose runs nothing else coordinates."""

LAST_STATE = f"{CONTROL}state.json"
"""File by which a run on this machine finds out that nothing has changed: a `contract.last_state.LastState`."""


class ResultFile(StrEnum):
    """Files in the results folder of a run."""

    MATRIX = "pca.csv"
    """The matrix, if it is one file; `matrix_file` names the files of a larger one."""
    EXPLAINED_VARIANCE = "explained_variance.csv"
    REJECTS = "rejects.csv"
    FINDINGS = "findings.csv"
    REPORT = "report.html"
    EXPLORER = "explore.html"
    """The images of a sample as points in two or three dimensions, with thumbnails."""
    REPORT_DATA = "report.json"
    """The numbers of the report that the summary does not contain."""
    SUMMARY = "summary.json"
    RUN_RECORD = "run.json"
    """A `contract.workflow.RunRecord`, which `record_run` writes."""
    FAILURE = "failure.json"
    """A `contract.job.JobFailure`, which a failing job writes."""


class BasisFile(StrEnum):
    """Files in the folder of a basis."""

    BASIS = "basis.npz"
    STATISTICS = "statistics.npz"
    NEIGHBOURS = "neighbours.npz"
    """What the curation knows of pairs of images, without their keys."""
    CARD = "pca.json"
    """A description of the basis for readers, which no run reads."""


PAGES = (ResultFile.EXPLORER, ResultFile.REPORT)
"""Files in the results folder of a run that contain thumbnails."""


def fault_of(image_key: str) -> str | None:
    """Return why the pipeline can't handle an object of this name; `None` if it can.

    Parameters
    ----------
    image_key
        Key of the image below ``images/``.
    """
    if any(segment in {"", ".", ".."} for segment in image_key.split("/")):
        return "it contains an empty folder name, or . or .."
    if any(character < " " or character == "\x7f" for character in image_key):
        return "it contains control characters"
    try:
        image_key.encode()
    except UnicodeEncodeError:
        return "it is not valid Unicode (UTF-8)"
    return None


FOLDER_OF_FILE = -1
"""Level of the folder that contains the file."""


def label_of(image_key: str, level: int = FOLDER_OF_FILE) -> str | None:
    """Return the label of an image: the name of one of the folders that it is in.

    Parameters
    ----------
    image_key
        Key of the image below ``images/``, such as ``Apple Braeburn/r_12.jpg``.
    level
        Which folder: 1 for the one directly below ``images/``, 2 for the next; -1 for the one that contains the file,
        -2 for the one above. An image in fewer folders takes the last one in the direction of counting.

    Returns
    -------
    str or None
        `None` for a file directly below ``images/``.
    """
    folders = image_key.split("/")[:-1]
    if not folders:
        return None
    return folders[min(level, len(folders)) - 1] if level > 0 else folders[max(level, -len(folders))]


def model_folder(model_id: str) -> str:
    """Return the folder of an exported model."""
    return f"{MODELS}{model_id}/"


def pca_folder(pca_version: str) -> str:
    """Return the folder of a basis, of the statistics of the features, and of a large matrix."""
    return f"{BASES}{pca_version}/"


def matrix_file(pca_version: str, run_id: str, number: int) -> str:
    """Return the key of one file of a large matrix. Later runs share the file until a row of it changes."""
    return f"{BASES}{pca_version}{MATRICES}{run_id}-{number:05}.csv"


def is_matrix_file(key: str) -> bool:
    """Return whether a key is that of a file of a matrix: the only one in results, or one of several of a basis."""
    alone = f"{RESULTS}{RUN_ID}/{re.escape(ResultFile.MATRIX)}"
    return re.fullmatch(rf"{alone}|{BASES}{RUN_ID}{MATRICES}{RUN_ID}-[0-9]{{5,9}}\.csv", key) is not None


def notices_file(sortable_id: str) -> str:
    """Return the key of the file of notices of one batch."""
    return f"{INBOX}{sortable_id}{NOTICES_SUFFIX}"


def is_notices_file(key: str) -> bool:
    """Return whether a key is that of a file of notices which no run has acknowledged yet."""
    return key.startswith(INBOX) and key.endswith(NOTICES_SUFFIX) and "/" not in key.removeprefix(INBOX)


def rejected_notices_file(sortable_id: str) -> str:
    """Return the key of the file of rejected lines of one batch."""
    return f"{REJECTED_NOTICES}{sortable_id}{NOTICES_SUFFIX}"


def results_folder(run_id: str) -> str:
    """Return the folder of the results of a run."""
    return f"{RESULTS}{run_id}/"


def run_record(run_id: str) -> str:
    """Return the key of the record of a run."""
    return f"{results_folder(run_id)}{ResultFile.RUN_RECORD}"


def report_page(run_id: str) -> str:
    """Return the key of the report of a run."""
    return f"{results_folder(run_id)}{ResultFile.REPORT}"


def job_failure(run_id: str) -> str:
    """Return the key of the report of a failed job."""
    return f"{results_folder(run_id)}{ResultFile.FAILURE}"


def staging_folder(run_id: str) -> str:
    """Return the staging folder of a run."""
    return f"{STAGING}{run_id}/"
