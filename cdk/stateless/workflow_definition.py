"""The state machine, in the Amazon States Language: one run at a time, nothing lost.

An execution acquires the lease, runs, and lets go on the condition that no notices came meanwhile; else it goes round
again. `docs/workflow.md` tells the whole story. JSONPath, no variables: that is what every interpreter understands.
"""

from dataclasses import dataclass
from typing import Any

from contract.coordination import COORDINATION, GENERATION, HOLDER, KEY, PROCESSED, WAITING
from contract.runs import Mode
from contract.workflow import BILL_RETRIES, BillNotReadyError, RecordPaths

States = dict[str, dict[str, Any]]

MAX_ROUNDS = 100
"""Then the execution hands over to another: an execution may have 25,000 events, and a round takes some 60."""

CONDITION_FAILED = "DynamoDB.ConditionalCheckFailedException"


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """What the state machine needs to know of the job.

    Attributes
    ----------
    application_id, role_arn
        Of EMR Serverless, and of the job.
    entry_point
        URL of the application's main file.
    arguments
        Of every run, beside its mode and its id.
    spark_submit_parameters
        As on the command line of spark-submit.
    timeout_minutes
        After which EMR Serverless cancels the job.
    queue_minutes
        How long it may have to wait for a job that is still being cancelled.
    """

    application_id: str
    role_arn: str
    entry_point: str
    arguments: tuple[str, ...]
    spark_submit_parameters: str
    timeout_minutes: int
    queue_minutes: int


@dataclass(frozen=True, kw_only=True)
class WorkflowSettings:
    """What the state machine needs to know of its surroundings.

    Attributes
    ----------
    table_name
        Of the coordination table.
    record_run_arn
        Of the function that records a run.
    attempts
        How often a round is tried.
    turn_seconds
        Between two looks of an execution that waits its turn.
    """

    table_name: str
    record_run_arn: str
    job: JobSettings
    attempts: int
    turn_seconds: int


def workflow_definition(settings: WorkflowSettings) -> dict[str, Any]:
    """Write the state machine.

    Returns
    -------
    dict
        A document of the Amazon States Language.
    """
    table = settings.table_name
    return {
        "Comment": "Runs the pipeline, one run at a time, until no notice is left.",
        "QueryLanguage": "JSONPath",
        "StartAt": "CheckRequest",
        "States": {
            **_request(),
            **_acquisition(table),
            **_turn(table, settings.turn_seconds),
            **_run(settings),
            **_release(table),
            **_hand_over(table),
            **_next_round(table),
            **_failure(table),
            **_ends(),
        },
    }


def _request() -> States:
    """Read what was asked for; an update if nothing was."""
    known = {"Or": [{"Variable": "$.mode", "StringEquals": mode.value} for mode in Mode]}
    return {
        "CheckRequest": {
            "Type": "Choice",
            "Choices": [
                {"Not": {"Variable": "$.mode", "IsPresent": True}, "Next": "UpdateByDefault"},
                {**known, "Next": "Begin"},
            ],
            "Default": "UnknownMode",
        },
        "UpdateByDefault": {
            "Type": "Pass",
            "Parameters": {"mode": Mode.UPDATE.value},
            "Next": "Begin",
        },
        "Begin": {
            "Type": "Pass",
            "Parameters": {"mode.$": "$.mode", "round": 1, "attempt": 1},
            "Next": "Acquire",
        },
    }


def _acquisition(table: str) -> States:
    """Take the lease where it is free, or held by an execution that has ended without letting go."""
    beginnings = (f"{counter} = if_not_exists({counter}, :zero)" for counter in (GENERATION, PROCESSED))
    take = f"SET {HOLDER} = :me, {', '.join(beginnings)}"
    taken = {
        "ResultSelector": {"generation.$": f"$.Attributes.{GENERATION}.N"},
        "ResultPath": "$.lease",
        "Next": "NameRun",
    }
    zero = {":zero": {"N": "0"}}
    return {
        "Acquire": _update_item(
            table,
            take,
            condition=f"attribute_not_exists({HOLDER}) OR {HOLDER} = :me",
            values=_me() | zero,
            otherwise="ReadHolder",
        )
        | taken,
        "ReadHolder": _read_item(table) | {"Next": "IsHeld"},
        "IsHeld": {
            "Type": "Choice",
            "Choices": [{"Variable": f"$.found.Item.{HOLDER}.S", "IsPresent": True, "Next": "DescribeHolder"}],
            "Default": "Acquire",
        },
        "DescribeHolder": _describe(f"$.found.Item.{HOLDER}.S", gone="TakeOver") | {"Next": "HolderRuns"},
        "HolderRuns": {
            "Type": "Choice",
            "Choices": [
                {
                    "And": [_is_running(), {"Variable": "$.mode", "StringEquals": Mode.UPDATE.value}],
                    "Next": "Joined",
                },
                {**_is_running(), "Next": "QueueUp"},
            ],
            "Default": "TakeOver",
        },
        "TakeOver": _update_item(
            table,
            take,
            condition=f"{HOLDER} = :old",
            values=_me() | zero | {":old": {"S.$": f"$.found.Item.{HOLDER}.S"}},
            otherwise="ReadHolder",
        )
        | taken,
    }


def _turn(table: str, seconds: int) -> States:
    """Ask to be given the lease next, and look again; whoever holds it hands it over, so that nobody waits for ever."""
    return {
        "QueueUp": _update_item(
            table,
            f"SET {WAITING} = :me",
            condition=f"attribute_not_exists({WAITING}) OR {WAITING} = :me",
            values=_me(),
            otherwise="WaitForTurn",
        )
        | {"ResultPath": None, "Next": "WaitForTurn"},
        "WaitForTurn": {"Type": "Wait", "Seconds": seconds, "Next": "Acquire"},
    }


def _run(settings: WorkflowSettings) -> States:
    """Run the application, and record what it took."""
    moment = ", ".join(f"States.ArrayGetItem($.moment, {part})" for part in range(6))
    token = "States.ArrayGetItem(States.StringSplit(States.UUID(), '-'), 0)"  # noqa: S105 -- no secret
    kept = {f"{name}.$": f"$.{name}" for name in ("mode", "round", "attempt", "lease")}
    return {
        # A run's id is its time and a random part. It is made once, so that a retried request names the same run.
        "NameRun": {
            "Type": "Pass",
            "Parameters": {
                **kept,
                "moment.$": "States.StringSplit($$.State.EnteredTime, '-:.TZ')",
            },
            "Next": "PlanRound",
        },
        "PlanRound": {
            "Type": "Pass",
            "Parameters": {
                **kept,
                "run_id.$": f"States.Format('{{}}{{}}{{}}T{{}}{{}}{{}}Z-{{}}', {moment}, {token})",
            },
            "Next": "RunJob",
        },
        "RunJob": _job(settings.job),
        "RecordRun": _record(settings.record_run_arn, "$.job", "WhatToNote"),
        "WhatToNote": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.mode", "StringEquals": Mode.MAINTAIN.value, "Next": "Release"}],
            "Default": "NoteProcessed",
        },
        "RecordFailure": _record(settings.record_run_arn, "$.failure", "TryAgain"),
        "TryAgain": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.attempt", "NumericLessThan": settings.attempts, "Next": "NextAttempt"},
            ],
            "Default": "ReleaseAfterFailure",
        },
        "NextAttempt": {
            "Type": "Pass",
            "Parameters": {**kept, "attempt.$": "States.MathAdd($.attempt, 1)"},
            "Next": "NameRun",
        },
    }


def _job(job: JobSettings) -> dict[str, Any]:
    arguments = ", ".join(f"'{argument}'" for argument in job.arguments)
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::emr-serverless:startJobRun.sync",
        "Parameters": {
            "ApplicationId": job.application_id,
            "ExecutionRoleArn": job.role_arn,
            "Name.$": "$.run_id",
            # Of this try of this round of this execution: however often the request is sent, it starts one job.
            "ClientToken.$": "States.Format('{}-{}-{}', States.Hash($$.Execution.Id, 'SHA-1'), $.round, $.attempt)",
            "ExecutionTimeoutMinutes": job.timeout_minutes,
            "JobDriver": {
                "SparkSubmit": {
                    "EntryPoint": job.entry_point,
                    "EntryPointArguments.$": f"States.Array('--mode', $.mode, '--run-id', $.run_id, {arguments})",
                    "SparkSubmitParameters": job.spark_submit_parameters,
                }
            },
        },
        "TimeoutSeconds": (job.timeout_minutes + job.queue_minutes) * 60,
        # Refusals of the request itself, sent again with the same token. A job that failed is tried anew, below.
        "Retry": [
            {
                "ErrorEquals": [
                    f"{prefix}.{error}"
                    for prefix in ("EMRServerless", "EmrServerless")
                    for error in ("InternalServerException", "ThrottlingException", "ConflictException")
                ],
                "IntervalSeconds": 5,
                "BackoffRate": 2,
                "MaxAttempts": 6,
                "JitterStrategy": "FULL",
            }
        ],
        "ResultPath": "$.job",
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "RecordFailure"}],
        "Next": "RecordRun",
    }


def _record(function_arn: str, outcome: str, following: str) -> dict[str, Any]:
    """Call `record_run`. A run whose record can't be written is no less done: the function's own alarm tells."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {
            "FunctionName": function_arn,
            "Payload": RecordPaths(
                run_id="$.run_id",
                mode="$.mode",
                execution="$$.Execution.Id",
                round="$.round",
                attempt="$.attempt",
                outcome=outcome,
                retries="$$.State.RetryCount",
            ).to_payload(),
        },
        "Retry": [
            {
                "ErrorEquals": [BillNotReadyError.__name__],
                "IntervalSeconds": 10,
                "BackoffRate": 1,
                "MaxAttempts": BILL_RETRIES,
            },
            _retry(),
        ],
        "ResultPath": None,
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.unrecorded", "Next": following}],
        "Next": following,
    }


def _release(table: str) -> States:
    """Let go, on the condition that all notices are worked through and nobody waits. One write: nothing is missed."""
    return {
        "NoteProcessed": _update_item(
            table,
            f"SET {PROCESSED} = :generation",
            condition=f"{HOLDER} = :me",
            values=_me() | {":generation": {"N.$": "$.lease.generation"}},
            otherwise="LeaseLost",
        )
        | {"ResultPath": None, "Next": "Release"},
        "Release": _update_item(
            table,
            f"REMOVE {HOLDER}",
            condition=f"{HOLDER} = :me AND {GENERATION} = {PROCESSED} AND attribute_not_exists({WAITING})",
            values=_me(),
            otherwise="ReadItem",
        )
        | {"ResultPath": None, "Next": "Done"},
        "ReadItem": _read_item(table) | {"Next": "WhyHeld"},
        "WhyHeld": {
            "Type": "Choice",
            "Choices": [
                {"Not": {"Variable": f"$.found.Item.{HOLDER}.S", "IsPresent": True}, "Next": "LeaseLost"},
                {
                    "Not": {"Variable": f"$.found.Item.{HOLDER}.S", "StringEqualsPath": "$$.Execution.Id"},
                    "Next": "LeaseLost",
                },
                {
                    "And": [
                        {"Variable": f"$.found.Item.{WAITING}.S", "IsPresent": True},
                        {"Variable": f"$.found.Item.{WAITING}.S", "StringEqualsPath": "$$.Execution.Id"},
                    ],
                    "Next": "ForgetWaiting",
                },
                {"Variable": f"$.found.Item.{WAITING}.S", "IsPresent": True, "Next": "DescribeWaiting"},
                {
                    "Variable": f"$.found.Item.{GENERATION}.N",
                    "StringEqualsPath": f"$.found.Item.{PROCESSED}.N",
                    "Next": "Release",
                },
            ],
            "Default": "MoreRounds",
        },
    }


def _hand_over(table: str) -> States:
    """Give the lease to the execution that waits, if it still does."""
    waiting = {":waiting": {"S.$": f"$.found.Item.{WAITING}.S"}}
    return {
        "DescribeWaiting": _describe(f"$.found.Item.{WAITING}.S", gone="ForgetWaiting") | {"Next": "StillWaits"},
        "StillWaits": {
            "Type": "Choice",
            "Choices": [{**_is_running(), "Next": "HandOver"}],
            "Default": "ForgetWaiting",
        },
        "HandOver": _update_item(
            table,
            f"SET {HOLDER} = :waiting REMOVE {WAITING}",
            condition=f"{HOLDER} = :me AND {WAITING} = :waiting",
            values=_me() | waiting,
            otherwise="ReadItem",
        )
        | {"ResultPath": None, "Next": "Done"},
        "ForgetWaiting": _update_item(
            table,
            f"REMOVE {WAITING}",
            condition=f"{WAITING} = :waiting",
            values=waiting,
            otherwise="ReadItem",
        )
        | {"ResultPath": None, "Next": "Release"},
    }


def _next_round(table: str) -> States:
    """Work through the notices that came meanwhile: here, or after many rounds in an execution of its own."""
    return {
        "MoreRounds": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.round", "NumericLessThan": MAX_ROUNDS, "Next": "NextRound"}],
            "Default": "LetGo",
        },
        "NextRound": {
            "Type": "Pass",
            "Parameters": {
                "mode": Mode.UPDATE.value,
                "round.$": "States.MathAdd($.round, 1)",
                "attempt": 1,
                "lease": {"generation.$": f"$.found.Item.{GENERATION}.N"},
            },
            "Next": "NameRun",
        },
        "LetGo": _update_item(
            table, f"REMOVE {HOLDER}", condition=f"{HOLDER} = :me", values=_me(), otherwise="LeaseLost"
        )
        | {"ResultPath": None, "Next": "StartSuccessor"},
        "StartSuccessor": _successor() | {"Next": "Done"},
    }


def _failure(table: str) -> States:
    """Let go of the lease. The notices stay; if more came meanwhile, their executions have counted on this one."""
    return {
        "ReleaseAfterFailure": _update_item(
            table, f"REMOVE {HOLDER}", condition=f"{HOLDER} = :me", values=_me(), otherwise="LeaseLost"
        )
        | {
            "ResultSelector": {"generation.$": f"$.Attributes.{GENERATION}.N"},
            "ResultPath": "$.left",
            "Next": "NoticesMeanwhile",
        },
        "NoticesMeanwhile": {
            "Type": "Choice",
            "Choices": [
                {
                    "Variable": "$.left.generation",
                    "StringEqualsPath": "$.lease.generation",
                    "Next": "Failed",
                }
            ],
            "Default": "StartSuccessorOfFailed",
        },
        "StartSuccessorOfFailed": _successor()
        | {
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.no_successor", "Next": "Failed"}],
            "Next": "Failed",
        },
    }


def _ends() -> States:
    return {
        "Done": {"Type": "Succeed"},
        "Joined": {"Type": "Succeed", "Comment": "Another execution runs, and will see the notices at its end."},
        "Failed": {"Type": "Fail", "ErrorPath": "$.failure.Error", "CausePath": "$.failure.Cause"},
        "UnknownMode": {
            "Type": "Fail",
            "Error": "UnknownMode",
            "Cause": f"The mode of a run is one of {', '.join(Mode)}.",
        },
        "LeaseLost": {
            "Type": "Fail",
            "Error": "LeaseLost",
            "Cause": "Somebody else has taken the lease from an execution that was running.",
        },
    }


def _successor() -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {
            "StateMachineArn.$": "$$.StateMachine.Id",
            "Name.$": "States.Format('successor-{}', $.run_id)",
            "Input": {
                "mode": Mode.UPDATE.value,
                "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id",
            },
        },
        "Retry": [_retry()],
        "ResultPath": None,
    }


def _update_item(table: str, update: str, *, condition: str, values: dict[str, Any], otherwise: str) -> dict[str, Any]:
    """Write the item on a condition; where it does not hold, go elsewhere."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:updateItem",
        "Parameters": {
            "TableName": table,
            "Key": {KEY: {"S": COORDINATION}},
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ReturnValues": "ALL_NEW",
        },
        "Retry": [{"ErrorEquals": [CONDITION_FAILED], "MaxAttempts": 0}, _retry()],
        "Catch": [{"ErrorEquals": [CONDITION_FAILED], "ResultPath": "$.refused", "Next": otherwise}],
    }


def _read_item(table: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:getItem",
        "Parameters": {"TableName": table, "Key": {KEY: {"S": COORDINATION}}, "ConsistentRead": True},
        "Retry": [_retry()],
        "ResultPath": "$.found",
    }


def _describe(execution: str, *, gone: str) -> dict[str, Any]:
    """Ask how another execution is. AWS forgets those that ended 90 days ago."""
    forgotten = ["Sfn.ExecutionDoesNotExistException", "Sfn.InvalidArnException"]
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:describeExecution",
        "Parameters": {"ExecutionArn.$": execution},
        "Retry": [{"ErrorEquals": forgotten, "MaxAttempts": 0}, _retry()],
        "Catch": [{"ErrorEquals": forgotten, "ResultPath": "$.forgotten", "Next": gone}],
        "ResultSelector": {"status.$": "$.Status"},
        "ResultPath": "$.other",
    }


def _is_running() -> dict[str, Any]:
    return {"Variable": "$.other.status", "StringEquals": "RUNNING"}


def _me() -> dict[str, Any]:
    return {":me": {"S.$": "$$.Execution.Id"}}


def _retry() -> dict[str, Any]:
    """Try again for about ten minutes whatever the reason: the services are there, as a rule."""
    return {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxDelaySeconds": 120,
        "MaxAttempts": 10,
        "JitterStrategy": "FULL",
    }
