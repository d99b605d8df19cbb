"""The folder in which the notebook writes. It replaces only what it has written there itself."""

import shutil
from pathlib import Path

from spark_app.errors import OutputError
from spark_app.local_files import user_path

MARK = ".fruits-notebook"
"""Name of the file by which the notebook recognises its own folder."""


def prepare_output(place: str | Path, *replaced: str) -> Path:
    """Make or recognise the folder of the notebook, and delete what the notebook is going to write anew.

    Parameters
    ----------
    place
        Value of the notebook's parameter ``OUTPUT``, in which ``~`` is the home folder.
    replaced
        Names of the subfolders that the notebook writes anew.

    Returns
    -------
    Path
        Absolute path of the folder, which exists.

    Raises
    ------
    OutputError
        If the folder contains files that the notebook has not written, or if it can't be written.
    """
    folder = user_path(str(place)).resolve()
    try:
        _claim(folder)
        for name in replaced:
            if (folder / name).exists():
                shutil.rmtree(folder / name)
    except OSError as error:
        raise OutputError(f"Can't write {folder}: {error.strerror}. Set OUTPUT to a new folder.") from error
    return folder


def _claim(folder: Path) -> None:
    """Mark a new or an empty folder as that of the notebook."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / MARK).exists() and any(folder.iterdir()):
        raise OutputError(f"{folder} contains files that this notebook has not written: set OUTPUT to a new folder.")
    (folder / MARK).touch()
