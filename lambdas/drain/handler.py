"""Entry point of `drain`, which CloudFormation calls for the custom resource of each application.

EMR Serverless deletes an application only while it is stopped, and CloudFormation does not stop it. The resource is
deleted before its application: when a deployment has replaced the application, and when the stack is deleted.
"""

import os
import threading
import time
from functools import lru_cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import ClientError

from contract.functions import DRAINED_APPLICATION, DrainVariables, Function
from lambdas.drain.answer import Answer, send
from lambdas.drain.application import Drain
from lambdas.drain.rule import JobEventsRule

SECONDS_TO_ANSWER = 30
"""Time that the function keeps for its answer. Without an answer, CloudFormation would wait for an hour."""

PATIENT = Config(retries={"mode": "adaptive", "max_attempts": 10})
"""The function may have to look at hundreds of executions, and AWS limits how fast."""

logger = Logger(service=Function.DRAIN)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Drain the application of a resource that is deleted, and answer CloudFormation in any case."""
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - SECONDS_TO_ANSWER
    answer = respond(event, _drain(), deadline)
    if answer.failure is None and event["RequestType"] == "Delete":
        tidy_up(event["PhysicalResourceId"], _drain(), _rule())
    send(event, answer)


def tidy_up(application_id: str, drain: Drain, rule: JobEventsRule) -> None:
    """Delete the rule of Step Functions with the last stack that uses it. A failure costs nothing but the tidiness."""
    try:
        if drain.is_current(application_id):  # otherwise an update has replaced the application, and the stack stays
            logger.info("The rule for the events of jobs", is_gone=rule.delete_if_unused())
    except ClientError:
        logger.exception("The rule for the events of jobs is left")


def respond(event: dict[str, Any], drain: Drain, deadline: float) -> Answer:
    """Do what CloudFormation requests.

    Parameters
    ----------
    event
        Request of CloudFormation.
    deadline
        Time by `time.monotonic` at which the function gives up.

    Returns
    -------
    Answer
        The id of the resource is that of its application. So CloudFormation deletes the resource of the old application
        after an update that has replaced the application.
    """
    if event["RequestType"] != "Delete":
        return Answer(resource_id=event["ResourceProperties"][DRAINED_APPLICATION])
    application_id = event["PhysicalResourceId"]
    try:
        drain.run(application_id, deadline)
    except Exception as error:  # CloudFormation must get an answer, and shows the reason to the user
        logger.exception("The application could not be drained", application_id=application_id)
        return Answer(resource_id=application_id, failure=f"{type(error).__name__}: {error}")
    logger.info("Drained", application_id=application_id)
    return Answer(resource_id=application_id)


@lru_cache(maxsize=1)
def _rule() -> JobEventsRule:
    events: Any = boto3.client("events", config=PATIENT)
    return JobEventsRule(events, _drain().stepfunctions, _drain().state_machine)


@lru_cache(maxsize=1)
def _drain() -> Drain:
    variables = DrainVariables.from_environment(os.environ)
    return Drain(
        emr=boto3.client("emr-serverless", config=PATIENT),
        stepfunctions=boto3.client("stepfunctions", config=PATIENT),
        state_machine=variables.state_machine,
        wait=threading.Event().wait,
    )
