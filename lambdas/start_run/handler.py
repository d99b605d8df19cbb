"""Entry point of `start_run`, which turns a batch of messages into notices and an execution.

A message that is not an event of an image fails alone, and ends in the dead-letter queue. If AWS rejects a request,
the whole batch is delivered again.
"""

import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from contract.functions import Function, IntakeEntry, Metric, StartRunVariables
from contract.notices import Notice
from lambdas.start_run.events import EventError, NoImage, Unusable, read_message
from lambdas.start_run.intake import Batch, Intake, batch_id_of, take_in

logger = Logger(service=Function.START_RUN)
metrics = Metrics(service=Function.START_RUN)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:  # noqa: ARG001 -- Lambda passes it
    """Take in a batch of messages, and return the messages that failed."""
    return respond(event, _intake())


def respond(event: dict[str, Any], intake: Intake) -> PartialItemFailureResponse:
    """Take in a batch of messages.

    Parameters
    ----------
    event
        Event with which Lambda passes messages of an SQS queue.

    Returns
    -------
    dict
        Ids of the messages that failed. Lambda does not delete these from the queue.

    Raises
    ------
    ClientError
        If AWS rejects a request. The queue then delivers all messages again.
    """
    metrics.add_metric(Metric.MESSAGES, MetricUnit.Count, len(event["Records"]))
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    with processor(records=event["Records"], handler=lambda record: _read(record, intake.bucket)):
        outcomes = processor.process()
    read: list[ReadMessage] = [message for status, message, _ in outcomes if status == "success"]
    if any(message.found for message in read):
        _take_in(read, intake)
    return processor.response()


@dataclass(frozen=True)
class ReadMessage:
    """A message, and the images that its events are about."""

    message_id: str
    sent: datetime
    found: list[Notice | Unusable | NoImage]


def _read(message: SQSRecord, bucket: str) -> ReadMessage:
    sent = datetime.fromtimestamp(int(message.attributes.sent_timestamp) / 1000, UTC)
    try:
        return ReadMessage(message.message_id, sent, read_message(message.body, bucket))
    except EventError as error:
        logger.warning("The message is not an event of an image", message_id=message.message_id, reason=str(error))
        raise


def _take_in(messages: list[ReadMessage], intake: Intake) -> None:
    found = [notice for message in messages for notice in message.found]
    notices = [notice for notice in found if isinstance(notice, Notice)]
    unusable = [image for image in found if isinstance(image, Unusable)]
    skipped = sum(isinstance(image, NoImage) for image in found)
    batch_id = batch_id_of((message.message_id, message.sent) for message in messages)
    for image in unusable:
        logger.warning("The name of an image can't be used", reason=image.reason)
    take_in(Batch(batch_id, notices, unusable), intake)
    metrics.add_metric(Metric.NOTICES, MetricUnit.Count, len(notices))
    metrics.add_metric(Metric.UNUSABLE_NAMES, MetricUnit.Count, len(unusable))
    entry = IntakeEntry(batch_id=batch_id, messages=len(messages), notices=len(notices))
    logger.info(IntakeEntry.MESSAGE, **asdict(entry), no_images=skipped)


@lru_cache(maxsize=1)
def _intake() -> Intake:
    """Make the clients once, because Lambda calls the handler many times in one process."""
    variables = StartRunVariables.from_environment(os.environ)
    return Intake(
        s3=boto3.client("s3"),
        dynamodb=boto3.client("dynamodb"),
        stepfunctions=boto3.client("stepfunctions"),
        bucket=variables.bucket,
        table=variables.coordination_table,
        state_machine=variables.state_machine,
        gather=timedelta(minutes=variables.gather_minutes),
    )
