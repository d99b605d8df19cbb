"""Where things lie below the root of an environment (a bucket, or a folder). All keys are composed here."""

IMAGES = "images/"
"""Input: ``images/<label>/.../<file>``."""

TABLES = "tables/"
"""The Iceberg warehouse."""

STAGING = "staging/"
"""What a run has computed and not yet committed. Of use to that run only."""

LATEST = "results/latest.json"
"""Pointer to the last complete run. Written last, so that a reader never sees half a run."""


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
    return f"models/{model_id}/"


def pca_folder(pca_version: str) -> str:
    """Folder of a published basis and of the statistics it comes from."""
    return f"pca/{pca_version}/"


def results_folder(run_id: str) -> str:
    """Folder of what a run publishes."""
    return f"results/{run_id}/"


def staging_folder(run_id: str) -> str:
    """Folder of what a run has computed and not yet committed."""
    return f"{STAGING}{run_id}/"
