"""Writes the notices of a batch to the inbox, adds 1 to the generation, and starts an execution, in this order.

If a step fails, the queue delivers the batch again. A repeated step overwrites the same file, or starts no second
execution; at worst, the batch is counted twice, which costs one round.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from contract.coordination import COORDINATION, EXPIRES, GENERATION, KEY, PENDING, TAKEN_AT, TERM, batch_key
from contract.layout import notices_file, rejected_notices_file
from contract.notices import Notice, RejectedLine
from contract.runs import run_id_at
from contract.workflow import RunRequest
from lambdas.start_run.events import Unusable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

REMEMBERED = timedelta(days=15)
"""Time for which the table remembers a batch: longer than a queue can keep a message."""


@dataclass(frozen=True)
class Intake:
    """Clients and settings of the function.

    Attributes
    ----------
    bucket, table
        Names of the data bucket and of the coordination table.
    state_machine
        ARN of the state machine.
    gather
        Time in which at most one update by uploads starts.
    """

    s3: "S3Client"
    dynamodb: "DynamoDBClient"
    stepfunctions: "SFNClient"
    bucket: str
    table: str
    state_machine: str
    gather: timedelta


Item = dict[str, Any]
"""The coordination item, as DynamoDB writes it."""


@dataclass(frozen=True)
class Batch:
    """Notices of the messages that one invocation received.

    Attributes
    ----------
    batch_id
        Id that sorts by time. It is the same when the same messages are delivered again.
    """

    batch_id: str
    notices: Sequence[Notice]
    unusable: Sequence[Unusable]


def batch_id_of(messages: Iterable[tuple[str, datetime]]) -> str:
    """Derive the id of a batch from its messages; their order has no influence.

    Parameters
    ----------
    messages
        Id of each message, and the time at which it was sent.
    """
    ids, sent = zip(*sorted(messages), strict=True)
    return f"{run_id_at(max(sent))}-{hashlib.sha256(' '.join(ids).encode()).hexdigest()[:32]}"


def take_in(batch: Batch, intake: Intake) -> None:
    """Write the notices of a batch, count the batch, and start its execution.

    Raises
    ------
    ClientError
        If AWS rejects a request. The batch has to be delivered again.
    """
    if batch.unusable:
        rejected = (
            RejectedLine(line=number, reason=image.reason, notice=image.key)
            for number, image in enumerate(batch.unusable, start=1)
        )
        _write_lines(intake, rejected_notices_file(batch.batch_id), (line.to_json() for line in rejected))
    if not batch.notices:
        return
    if _is_counted(batch.batch_id, intake):
        item = _read(COORDINATION, intake)
    else:
        _write_lines(intake, notices_file(batch.batch_id), (notice.to_json() for notice in batch.notices))
        item = _count(batch, intake)
    _start(batch.batch_id, _request(item, datetime.now(UTC), intake.gather), intake)


def _write_lines(intake: Intake, key: str, lines: Iterable[str]) -> None:
    body = "".join(f"{line}\n" for line in lines)
    # A decoded name may contain a lone surrogate, which UTF-8 can't encode.
    intake.s3.put_object(Bucket=intake.bucket, Key=key, Body=body.encode(errors="backslashreplace"))


def _is_counted(batch_id: str, intake: Intake) -> bool:
    return bool(_read(batch_key(batch_id), intake))


def _read(key: str, intake: Intake) -> Item:
    """Read an item of the table; without it, return an empty one."""
    found = intake.dynamodb.get_item(TableName=intake.table, Key={KEY: {"S": key}}, ConsistentRead=True)
    return found.get("Item", {})


def _count(batch: Batch, intake: Intake) -> Item:
    """Add 1 to the generation, and record the batch as counted, so that a redelivery causes no needless round.

    This is not one transaction, because a transaction fails whenever an execution writes the item at the same time. If
    the second request fails, the batch is counted again, and no notice is lost.

    Returns
    -------
    Item
        The coordination item, of the moment at which the batch was counted.
    """
    counted = intake.dynamodb.update_item(
        TableName=intake.table,
        Key={KEY: {"S": COORDINATION}},
        UpdateExpression=f"ADD {GENERATION} :one, {PENDING} :notices",
        ExpressionAttributeValues={":one": {"N": "1"}, ":notices": {"N": str(len(batch.notices))}},
        ReturnValues="ALL_NEW",
    )
    expires = int((datetime.now(UTC) + REMEMBERED).timestamp())
    intake.dynamodb.put_item(
        TableName=intake.table, Item={KEY: {"S": batch_key(batch.batch_id)}, EXPIRES: {"N": str(expires)}}
    )

    return counted["Attributes"]


def _request(item: Item, now: datetime, gather: timedelta) -> RunRequest:
    """Ask for an update that starts after the last run began and the time for gathering passed, if it is still needed.

    A later look at the item is as good as that at the time of counting: it names a later lease, so that the update is
    needless less often.
    """
    taken_at = item.get(TAKEN_AT)
    due = datetime.fromisoformat(taken_at["S"]) + gather if taken_at else now
    return RunRequest(
        not_before=f"{max(due, now).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        seen=int(item.get(TERM, {"N": "0"})["N"]),
    )


def _start(batch_id: str, request: RunRequest, intake: Intake) -> None:
    """Start the execution of a batch, whose name makes sure that a batch has only one."""
    try:
        intake.stepfunctions.start_execution(
            stateMachineArn=intake.state_machine, name=f"update-{batch_id}", input=request.to_json()
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
