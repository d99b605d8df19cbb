"""The keys that the last complete results and waiting notices name, read without Spark."""

import io
from collections.abc import Iterator

import pyarrow.csv as pa_csv

from contract.documents import DocumentError
from contract.layout import INBOX, LATEST, ResultFile, is_notices_file
from contract.notices import Notice, NoticeError
from contract.summary import Latest, Summary
from spark_app.csv_files import texts_of
from spark_app.storage import Storage


def known_keys(root: Storage) -> set[str]:
    """Return the keys of the images that the last complete run read or refused, and of the notices that wait.

    A run that was interrupted may know more keys. `fruits run` without `--mode update` finds all deletions.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    if not root.exists():
        return set()
    return {*_keys_of_results(root), *_keys_of_notices(root)}


def _keys_of_results(root: Storage) -> Iterator[str]:
    for file in _files_of_results(root):
        if body := root.read(file):
            options = pa_csv.ConvertOptions(include_columns=["key"], column_types={"key": "string"})
            parsing = pa_csv.ParseOptions(newlines_in_values=True)
            table = pa_csv.read_csv(io.BytesIO(body), parse_options=parsing, convert_options=options)
            for cell in table["key"].to_pylist():
                yield from texts_of(cell)


def _files_of_results(root: Storage) -> list[str]:
    try:
        folder = Latest.from_json(root.read(LATEST) or b"").results
        summary = Summary.from_json(root.read(f"{folder}{ResultFile.SUMMARY}") or b"")
    except DocumentError:
        return []  # no results yet, or damaged ones, which the next run names
    return [*(file.file for file in summary.matrix), f"{folder}{ResultFile.REJECTS}"]


def _keys_of_notices(root: Storage) -> Iterator[str]:
    listed = [key for batch in root.list_objects(INBOX) for key in batch["key"].to_pylist()]
    for file in listed:
        if is_notices_file(file):
            for line in (root.read(file) or b"").splitlines():
                try:
                    yield Notice.from_json(line).key
                except NoticeError:
                    continue  # the run that reads the notices reports the line
