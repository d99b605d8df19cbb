"""The inbox: notices of what happened to images, read once, staged for Spark, and deleted when all is done."""

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from contract.layout import INBOX, NOTICES_SUFFIX, REJECTED_NOTICES
from contract.notices import Notice, NoticeError, NoticeType, RejectedLine
from spark_app.keys import MANY_KEYS
from spark_app.stages.plan import Op
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
"""`sequencer` padded, so that it sorts as text; `position` in the inbox, which decides where there is no sequencer."""


@dataclass(frozen=True)
class Inbox:
    """What the inbox held when it was read.

    Attributes
    ----------
    path
        For Spark: a Parquet file of `NOTICES`.
    files
        Those that were read: to be deleted when their notices are worked through.
    notices
        Lines that are notices.
    malformed
        Lines that are none; they have been moved out of the way.
    keys
        Of the notices, as long as they are few (`MANY_KEYS`); None if they are many.
    """

    path: str
    files: list[str] = field(default_factory=list)
    notices: int = 0
    malformed: int = 0
    keys: frozenset[str] | None = frozenset()

    def rows(self, spark: SparkSession) -> DataFrame:
        """Read the last notice of every key: key, etag, size and op.

        A removal is a reason to look at the object, not a fact: an old notice may come late.
        """
        staged = spark.read.schema("key string, etag string, size long, op string, sequencer string, position long")
        staged.parquet(self.path).createOrReplaceTempView("notices")
        return spark.sql(f"""
            SELECT key, last.etag, last.size,
                   if(last.op = '{NoticeType.REMOVED}', '{Op.CHECK}', '{Op.FEATURISE}') AS op
            FROM (
                SELECT key, max_by(struct(etag, size, op), struct(sequencer, position)) AS last
                FROM notices GROUP BY key
            )
        """)


def read_inbox(root: Storage, staging: str) -> Inbox:
    """Read the inbox, and stage its notices below the output.

    Lines that are no notices go to ``inbox/rejected/``, under the name of their file and with the reason; they don't
    keep the others waiting.

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
            notices, malformed = _parse(root.read(file) or b"")
            if malformed:
                _move_aside(root, file, malformed)
            writer.write_table(_to_arrow(notices, counts["notices"]))
            counts.update(notices=len(notices), malformed=len(malformed))
            if len(keys) <= MANY_KEYS:
                keys.update(notice.key for notice in notices)
    few = frozenset(keys) if len(keys) <= MANY_KEYS else None
    return Inbox(root.spark_path(key), files, counts["notices"], counts["malformed"], few)


def acknowledge(root: Storage, inbox: Inbox) -> None:
    """Delete the files that were read, and no other: more may have come meanwhile.

    Raises
    ------
    StorageError
        If the storage fails.
    """
    if inbox.files:
        root.delete(inbox.files)


def _files(root: Storage) -> list[str]:
    listed = (key for batch in root.list_objects([], INBOX) for key in batch["key"].to_pylist())
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
    lines = "".join(f"{line.to_json()}\n" for line in malformed)
    root.write(REJECTED_NOTICES + file.removeprefix(INBOX), lines.encode(errors="backslashreplace"))


def _to_arrow(notices: list[Notice], before: int) -> pa.Table:
    rows = [
        (notice.key, notice.etag, notice.size, notice.op.value, notice.order, position)
        for position, notice in enumerate(notices, start=before)
    ]
    return pa.Table.from_pylist([dict(zip(NOTICES.names, row, strict=True)) for row in rows], schema=NOTICES)
