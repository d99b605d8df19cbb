"""What `start_run` works with, on a local AWS: a bucket, a table and a state machine, and accidents to happen."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ReadTimeoutError

from contract.coordination import COORDINATION, GENERATION, KEY
from contract.layout import INBOX, REJECTED_NOTICES
from contract.notices import Notice
from lambdas.start_run.intake import Intake

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

DEFINITION = json.dumps({"StartAt": "Run", "States": {"Run": {"Type": "Wait", "Seconds": 3600, "End": True}}})


class Step(StrEnum):
    """What the intake asks of AWS, in its order: service and operation."""

    WRITE = "s3.PutObject"
    LOOK = "dynamodb.GetItem"
    COUNT = "dynamodb.UpdateItem"
    REMEMBER = "dynamodb.PutItem"
    START = "sfn.StartExecution"


class Moment(StrEnum):
    """When a request fails."""

    BEFORE = "before"
    """AWS refuses it."""
    AFTER = "after"
    """It is done, and the answer gets lost."""


@dataclass
class Accident:
    """Whether what was to fail has failed."""

    happened: bool = False


class Cloud:
    """Surroundings of `start_run`, and what is in them.

    Attributes
    ----------
    intake
        What the function is handed.
    """

    def __init__(self, s3: "S3Client", dynamodb: "DynamoDBClient", stepfunctions: "SFNClient") -> None:
        name = f"fruits-{secrets.token_hex(6)}"
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        role = "arn:aws:iam::123456789012:role/workflow"
        machine = stepfunctions.create_state_machine(name=name, definition=DEFINITION, roleArn=role)
        self.intake = Intake(s3, dynamodb, stepfunctions, name, name, machine["stateMachineArn"])

    def another(self) -> "Cloud":
        """Make surroundings where nothing has happened yet."""
        return Cloud(self.intake.s3, self.intake.dynamodb, self.intake.stepfunctions)

    def objects(self) -> dict[str, bytes]:
        """Read all that is in the bucket."""
        s3, bucket = self.intake.s3, self.intake.bucket
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def inbox(self) -> dict[str, list[Notice]]:
        """Read the files of the inbox, as a run does."""
        files = {key: body for key, body in self.objects().items() if not key.startswith(REJECTED_NOTICES)}
        assert all(key.startswith(INBOX) for key in files)
        return {key: [Notice.from_json(line) for line in body.splitlines()] for key, body in files.items()}

    def rejected(self) -> dict[str, list[dict[str, Any]]]:
        """Read what is told of images that can't be handled."""
        files = {key: body for key, body in self.objects().items() if key.startswith(REJECTED_NOTICES)}
        return {key: [json.loads(line) for line in body.splitlines()] for key, body in files.items()}

    def items(self) -> dict[str, dict[str, Any]]:
        """Read the table."""
        rows = self.intake.dynamodb.scan(TableName=self.intake.table, ConsistentRead=True)["Items"]
        return {row[KEY]["S"]: row for row in rows}

    def generation(self) -> int:
        """Return how many batches were counted."""
        return int(self.items().get(COORDINATION, {GENERATION: {"N": "0"}})[GENERATION]["N"])

    def executions(self) -> list[str]:
        """List the names of the executions that were ever started."""
        return sorted(execution["name"] for execution in self._executions())

    def work(self) -> list[Notice]:
        """Do what a run does: work through the inbox, delete it, and end. Return the notices."""
        inbox = self.inbox()
        for key in inbox:
            self.intake.s3.delete_object(Bucket=self.intake.bucket, Key=key)
        for execution in self._executions():
            self.intake.stepfunctions.stop_execution(executionArn=execution["executionArn"])
        return [notice for notices in inbox.values() for notice in notices]

    @contextmanager
    def accident(self, step: Step, moment: Moment = Moment.BEFORE) -> Iterator[Accident]:
        """Let the next request of this kind fail."""
        owners = {"s3": self.intake.s3, "dynamodb": self.intake.dynamodb, "sfn": self.intake.stepfunctions}
        events = owners[step.partition(".")[0]].meta.events
        accident = Accident()

        def fail(**_: object) -> Any:  # noqa: ANN401 -- an answer instead of that of AWS, or none
            if accident.happened:
                return None
            accident.happened = True
            if moment is Moment.AFTER:
                raise ReadTimeoutError(endpoint_url="https://aws")
            return SimpleNamespace(status_code=400), {"Error": {"Code": "ThrottlingException", "Message": "Slower!"}}

        events.register(f"{moment}-call.{step}", fail)
        try:
            yield accident
        finally:
            events.unregister(f"{moment}-call.{step}", fail)

    def _executions(self) -> list[Any]:
        pages = self.intake.stepfunctions.get_paginator("list_executions")
        return [
            execution
            for page in pages.paginate(stateMachineArn=self.intake.state_machine)
            for execution in page["executions"]
        ]
