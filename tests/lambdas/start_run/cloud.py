"""The AWS resources of `start_run` in moto, with requests that can be made to fail."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
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

GATHER = timedelta(minutes=15)

DEFINITION = json.dumps({"StartAt": "Run", "States": {"Run": {"Type": "Wait", "Seconds": 3600, "End": True}}})


class Step(StrEnum):
    """The requests of the intake in their order, by service and operation."""

    WRITE = "s3.PutObject"
    LOOK = "dynamodb.GetItem"
    COUNT = "dynamodb.UpdateItem"
    REMEMBER = "dynamodb.PutItem"
    START = "sfn.StartExecution"


class Moment(StrEnum):
    """When a request fails."""

    BEFORE = "before"
    """AWS rejects the request."""
    AFTER = "after"
    """AWS carries the request out, but the answer gets lost."""


@dataclass
class Accident:
    """Whether the planned failure has happened."""

    happened: bool = False


class Cloud:
    """AWS resources of `start_run`, and methods that read their content."""

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
        self.intake = Intake(s3, dynamodb, stepfunctions, name, name, machine["stateMachineArn"], GATHER)

    def another(self) -> "Cloud":
        """Make new resources in which nothing has happened yet."""
        return Cloud(self.intake.s3, self.intake.dynamodb, self.intake.stepfunctions)

    def objects(self) -> dict[str, bytes]:
        """Read all objects of the bucket."""
        s3, bucket = self.intake.s3, self.intake.bucket
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def inbox(self) -> dict[str, list[Notice]]:
        """Read the notice files of the inbox, as a run does."""
        files = {key: body for key, body in self.objects().items() if not key.startswith(REJECTED_NOTICES)}
        assert all(key.startswith(INBOX) for key in files)
        return {key: [Notice.from_json(line) for line in body.splitlines()] for key, body in files.items()}

    def rejected(self) -> dict[str, list[dict[str, Any]]]:
        """Read the rejected lines of images that the pipeline can't use."""
        files = {key: body for key, body in self.objects().items() if key.startswith(REJECTED_NOTICES)}
        return {key: [json.loads(line) for line in body.splitlines()] for key, body in files.items()}

    def items(self) -> dict[str, dict[str, Any]]:
        """Read all items of the table."""
        rows = self.intake.dynamodb.scan(TableName=self.intake.table, ConsistentRead=True)["Items"]
        return {row[KEY]["S"]: row for row in rows}

    def generation(self) -> int:
        """Return the generation."""
        return int(self.items().get(COORDINATION, {GENERATION: {"N": "0"}})[GENERATION]["N"])

    def executions(self) -> list[str]:
        """Return the names of all executions that were started."""
        return sorted(execution["name"] for execution in self._executions())

    def input_of(self, name: str) -> str:
        """Return the input of an execution."""
        (arn,) = (execution["executionArn"] for execution in self._executions() if execution["name"] == name)
        return str(self.intake.stepfunctions.describe_execution(executionArn=arn)["input"])

    def work(self) -> list[Notice]:
        """Do what a run does: read the inbox, delete its files, and end. Return the notices."""
        inbox = self.inbox()
        for key in inbox:
            self.intake.s3.delete_object(Bucket=self.intake.bucket, Key=key)
        for execution in self._executions():
            self.intake.stepfunctions.stop_execution(executionArn=execution["executionArn"])
        return [notice for notices in inbox.values() for notice in notices]

    @contextmanager
    def accident(self, step: Step, moment: Moment = Moment.BEFORE) -> Iterator[Accident]:
        """Make the next request of this step fail."""
        owners = {"s3": self.intake.s3, "dynamodb": self.intake.dynamodb, "sfn": self.intake.stepfunctions}
        events = owners[step.partition(".")[0]].meta.events
        accident = Accident()

        def fail(**_: object) -> Any:  # noqa: ANN401 -- an answer in place of that of AWS, or None
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
