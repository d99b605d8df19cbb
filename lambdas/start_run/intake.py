"""A batch of notices → a file in the inbox → the generation + 1 → an execution. In this order, and once.

Whatever fails in the middle, the queue delivers the batch again: the same file is written again, and what was done
already is not done twice.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from contract.coordination import COORDINATION, EXPIRES, GENERATION, KEY, batch_key
from contract.layout import REJECTED_NOTICES, notices_file
from contract.notices import Notice
from contract.runs import run_id_at
from contract.workflow import RunRequest
from lambdas.start_run.events import Unusable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

REMEMBERED = timedelta(days=15)
"""How long a batch is remembered: longer than a queue can keep a message."""


@dataclass(frozen=True)
class Intake:
    """Where notices go.

    Attributes
    ----------
    s3, dynamodb, stepfunctions
        Clients.
    bucket, table, state_machine
        Names, and an ARN.
    """

    s3: "S3Client"
    dynamodb: "DynamoDBClient"
    stepfunctions: "SFNClient"
    bucket: str
    table: str
    state_machine: str


@dataclass(frozen=True)
class Batch:
    """Notices of messages that came together.

    Attributes
    ----------
    batch_id
        Of the messages: the same when they are delivered again. It sorts by time.
    """

    batch_id: str
    notices: Sequence[Notice]
    unusable: Sequence[Unusable]


def batch_id_of(messages: Iterable[tuple[str, datetime]]) -> str:
    """Name a batch after its messages, whatever their order.

    Parameters
    ----------
    messages
        Id of each, and when it was sent.
    """
    ids, sent = zip(*sorted(messages), strict=True)
    return f"{run_id_at(max(sent))}-{hashlib.sha256(' '.join(ids).encode()).hexdigest()[:32]}"


def take_in(batch: Batch, intake: Intake) -> None:
    """Note a batch, and see that an execution works on it.

    Raises
    ------
    ClientError
        If AWS refuses: the batch is to be delivered again.
    """
    if batch.unusable:
        _write_lines(intake, f"{REJECTED_NOTICES}{batch.batch_id}.jsonl", _explanations(batch.unusable))
    if not batch.notices:
        return
    if not _is_counted(batch.batch_id, intake):
        _write_lines(intake, notices_file(batch.batch_id), (notice.to_json() for notice in batch.notices))
        _count(batch.batch_id, intake)
    _start(batch.batch_id, intake)


def _explanations(unusable: Iterable[Unusable]) -> Iterable[str]:
    """Lines as the pipeline writes them for notices that it can't read."""
    for number, image in enumerate(unusable, start=1):
        yield json.dumps({"line": number, "reason": image.reason, "notice": image.key}, ensure_ascii=False)


def _write_lines(intake: Intake, key: str, lines: Iterable[str]) -> None:
    body = "".join(f"{line}\n" for line in lines)
    # A name may have been decoded to halves of characters; they can be told, not written.
    intake.s3.put_object(Bucket=intake.bucket, Key=key, Body=body.encode(errors="backslashreplace"))


def _is_counted(batch_id: str, intake: Intake) -> bool:
    found = intake.dynamodb.get_item(TableName=intake.table, Key={KEY: {"S": batch_key(batch_id)}}, ConsistentRead=True)
    return "Item" in found


def _count(batch_id: str, intake: Intake) -> None:
    """Add 1 to the generation, and remember that this batch has: another would make a run go round for nothing.

    Not in one transaction: that would fail whenever an execution writes the item. Between the two nothing is lost.
    """
    intake.dynamodb.update_item(
        TableName=intake.table,
        Key={KEY: {"S": COORDINATION}},
        UpdateExpression=f"ADD {GENERATION} :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    expires = int((datetime.now(UTC) + REMEMBERED).timestamp())
    intake.dynamodb.put_item(
        TableName=intake.table, Item={KEY: {"S": batch_key(batch_id)}, EXPIRES: {"N": str(expires)}}
    )


def _start(batch_id: str, intake: Intake) -> None:
    """Start the execution of this batch. Its name makes it one, however often it is asked for."""
    try:
        intake.stepfunctions.start_execution(
            stateMachineArn=intake.state_machine, name=f"update-{batch_id}", input=RunRequest().to_json()
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
