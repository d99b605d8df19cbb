"""The inbox: reads the notices of all its files, stages them for Spark, and acknowledges them after the run."""

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from contract.image_names import is_no_image
from contract.layout import INBOX, NOTICES_SUFFIX, REJECTED_NOTICES
from contract.notices import Notice, NoticeError, NoticeType, RejectedLine
from spark_app.keys import MANY_KEYS
from spark_app.stages.change_set import Action
from spark_app.storage import Storage

NOTICES = pa.schema(
    [
        ("key", pa.string()),
        ("etag", pa.string()),
        ("size", pa.int64()),
        ("op", pa.string()),
        ("sequencer", pa.string()),
        ("position", pa.int64()),
    ]
)
"""Staged notices. `sequencer` is padded, so that it sorts as text; `position` in the inbox decides without it."""


@dataclass(frozen=True)
class Inbox:
    """The content of the inbox when the run read it."""

    path: str
    """Path for Spark: a Parquet file of `NOTICES`."""
    files: list[str]
    """Keys of the files, which the run deletes to acknowledge their notices."""
    notices: int
    """Number of notices of images."""
    skipped: int
    """Number of notices of files that are no images by name."""
    malformed: int
    """Number of lines that are not notices. They have been moved to ``inbox/rejected/``."""
    keys: frozenset[str] | None
    """Keys of the notices if they are few (at most `MANY_KEYS`); `None` if they are many."""

    def rows(self, spark: SparkSession) -> DataFrame:
        """Read the key, etag, size and action of the last notice of each key.

        A notice of a removal leads to `Action.CHECK`, because an old notice may arrive late.
        """
        staged = spark.read.schema("key string, etag string, size long, op string, sequencer string, position long")
        staged.parquet(self.path).createOrReplaceTempView("notices")
        return spark.sql(f"""
            SELECT key, last.etag, last.size,
                   if(last.op = '{NoticeType.REMOVED}', '{Action.CHECK}', '{Action.FEATURISE}') AS action
            FROM (
                SELECT key, max_by(struct(etag, size, op), struct(sequencer, position)) AS last
                FROM notices GROUP BY key
            )
        """)


def read_inbox(root: Storage, staging: str) -> Inbox:
    """Read the inbox, and stage its notices.

    Malformed lines are moved to ``inbox/rejected/``, to a file of the same name and with the reason, so that they do
    not delay other notices.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    files = _files(root)
    key = f"{staging}notices.parquet"
    counts: Counter[str] = Counter()
    keys: set[str] = set()
    with root.open_writer(key) as sink, pq.ParquetWriter(sink, NOTICES) as writer:
        for file in files:
            found, malformed = _parse(root.read(file) or b"")
            notices = [notice for notice in found if not is_no_image(notice.key)]
            if malformed:
                _move_aside(root, file, malformed)
            writer.write_table(_to_arrow(notices, counts["notices"]))
            counts.update(notices=len(notices), skipped=len(found) - len(notices), malformed=len(malformed))
            if len(keys) <= MANY_KEYS:
                keys.update(notice.key for notice in notices)
    few = frozenset(keys) if len(keys) <= MANY_KEYS else None
    return Inbox(root.spark_path(key), files, counts["notices"], counts["skipped"], counts["malformed"], few)


def acknowledge_notices(root: Storage, inbox: Inbox) -> None:
    """Delete the files that the run has read. Files that have arrived since then stay.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    if inbox.files:
        root.delete(inbox.files)


def _files(root: Storage) -> list[str]:
    listed = (key for batch in root.list_objects(INBOX) for key in batch["key"].to_pylist())
    return sorted(key for key in listed if key.endswith(NOTICES_SUFFIX) and "/" not in key.removeprefix(INBOX))


def _parse(body: bytes) -> tuple[list[Notice], list[RejectedLine]]:
    notices: list[Notice] = []
    malformed: list[RejectedLine] = []
    for number, line in enumerate(body.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            notices.append(Notice.from_json(line))
        except NoticeError as error:
            text = line.decode(errors="backslashreplace")
            malformed.append(RejectedLine(line=number, reason=str(error), notice=text))
    return notices, malformed


def _move_aside(root: Storage, file: str, malformed: list[RejectedLine]) -> None:
    lines = "".join(line.to_json() + "\n" for line in malformed)
    root.write(REJECTED_NOTICES + file.removeprefix(INBOX), lines.encode(errors="backslashreplace"))


def _to_arrow(notices: list[Notice], before: int) -> pa.Table:
    rows = [
        vars(notice) | {"op": notice.op.value, "sequencer": notice.order, "position": position}
        for position, notice in enumerate(notices, start=before)
    ]
    return pa.Table.from_pylist(rows, schema=NOTICES)
