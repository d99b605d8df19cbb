"""The rule that tells from a name alone that a file is no image of the user's. All packages apply it here."""

import re

FOLDERS_OF_SYSTEMS = frozenset(
    {
        "__macosx",  # a ZIP file that macOS made
        "__pycache__",
        "@eadir",  # Synology
        "@recycle",  # QNAP
        "@tmp",  # Synology
        "#recycle",
        "$recycle.bin",
        "system volume information",
        "lost+found",
    }
)
"""Names of folders in which systems keep files of their own, in lower case."""

FILES_OF_SYSTEMS = frozenset(
    {
        "thumbs.db",
        "thumbs.db:encryptable",
        "ehthumbs.db",
        "ehthumbs_vista.db",
        "zbthumbnail.info",
        "desktop.ini",
        "picasa.ini",
        "autorun.inf",
        "icon\r",
    }
)
"""Names of files that systems add to folders of images, in lower case."""

SIDECARS = (".aae", ".xmp")
"""Endings of files in which cameras and programs keep their edits of an image beside it."""

UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp", "~")
"""Endings of files that a program has not finished, or has kept from before a change."""

DOCUMENT = re.compile(
    r"(readme|licen[cs]e|copying|notice|changelog|contributing|citation|authors)([-_][^.]*|\.[a-z]{2}(?=\.))?"
    r"(\.(txt|text|md|markdown|rst|adoc|html?|pdf|rtf|docx?|odt|cff|bib))?"
)
"""Names of documents that accompany a collection of images, in lower case."""


def is_no_image(key: str) -> bool:
    """Return whether a name shows that a file is no image of the user's. Nothing reads or refuses such files.

    These are hidden files and folders, what systems add to folders of images, sidecar files, and documents such as
    ``README.md`` and ``LICENSE``. Upper and lower case make no difference. All other files are images, or are refused
    with a reason.

    Parameters
    ----------
    key
        Path of the file below the folder of images; that of a folder ends in a slash.
    """
    *folders, name = key.rstrip("/").casefold().split("/")
    if key.endswith("/"):
        return any(map(_is_folder_of_a_system, [*folders, name]))
    return any(map(_is_folder_of_a_system, folders)) or _is_file_of_a_system(name)


def skipped_in_words(count: int) -> str:
    """Return the sentence that tells how many files the rule has skipped."""
    if count == 1:
        return "1 file was skipped, because its name is not that of an image."
    return f"{count:,} files were skipped, because their names are not those of images."


def _is_folder_of_a_system(name: str) -> bool:
    return _is_hidden(name) or name in FOLDERS_OF_SYSTEMS


def _is_file_of_a_system(name: str) -> bool:
    return (
        _is_hidden(name)
        or name in FILES_OF_SYSTEMS
        or name.startswith("~$")  # a document that an office program has open
        or name.endswith(SIDECARS + UNFINISHED)
        or DOCUMENT.fullmatch(name) is not None
    )


def _is_hidden(name: str) -> bool:
    return name.startswith(".") and name not in {".", ".."}
