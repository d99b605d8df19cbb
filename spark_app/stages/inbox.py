"""The inbox: reads the notices of all its files, stages them for Spark, and acknowledges them after the run."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from contract.image_names import is_no_image
from contract.layout import INBOX, REJECTED_NOTICES, is_notices_file
from contract.notices import Notice, NoticeError, NoticeType, RejectedLine
from spark_app.keys import MANY_KEYS
from spark_app.lookahead import map_ahead
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

READERS = 32
"""Threads that read files. While uploads trickle in, the inbox contains many files of one notice each."""

AHEAD, AHEAD_BYTES = 128, 64_000_000
"""Files, and their bytes, that are read before their turn. A larger file is read alone."""

ROWS_PER_GROUP = 10_000
"""Notices per row group of the staged file, whose description of each group the driver keeps in memory."""


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
        staged = _StagedNotices(writer)
        for file, body in _read_in_order(root, files):
            found, malformed = _parse(body)
            notices = [notice for notice in found if not is_no_image(notice.key)]
            if malformed:
                _move_aside(root, file, malformed)
            staged.add(notices)
            counts.update(skipped=len(found) - len(notices), malformed=len(malformed))
            if len(keys) <= MANY_KEYS:
                keys.update(notice.key for notice in notices)
        staged.flush()
    few = frozenset(keys) if len(keys) <= MANY_KEYS else None
    return Inbox(root.spark_path(key), list(files), staged.count, counts["skipped"], counts["malformed"], few)


@dataclass
class _StagedNotices:
    """The file of staged notices, to which they are written in groups."""

    writer: pq.ParquetWriter
    count: int = 0
    """Number of notices, with those that wait."""
    _waiting: list[Notice] = field(default_factory=list)

    def add(self, notices: list[Notice]) -> None:
        self.count += len(notices)
        self._waiting += notices
        if len(self._waiting) >= ROWS_PER_GROUP:
            self.flush()

    def flush(self) -> None:
        if not self._waiting:
            return
        self.writer.write_table(_to_arrow(self._waiting, self.count - len(self._waiting)))
        self._waiting.clear()


def _read_in_order(root: Storage, files: dict[str, int]) -> Iterator[tuple[str, bytes]]:
    """Read files, several at once, and yield their keys and bytes in order."""
    with ThreadPoolExecutor(READERS) as pool:
        bodies = map_ahead(root.read, files, pool, ahead=AHEAD, weight=files.__getitem__, budget=AHEAD_BYTES)
        for file, body in zip(files, bodies, strict=True):
            yield file, body or b""


def acknowledge_notices(root: Storage, inbox: Inbox) -> None:
    """Delete the files that the run has read. Files that have arrived since then stay.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    if inbox.files:
        root.delete(inbox.files)


def _files(root: Storage) -> dict[str, int]:
    """Return the keys of the files and their sizes in bytes, in the order of the keys."""
    listed = ((row["key"], row["size"]) for batch in root.list_objects(INBOX) for row in batch.to_pylist())
    return {key: size for key, size in sorted(listed) if is_notices_file(key)}


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
