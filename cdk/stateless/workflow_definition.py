"""The state machine in the Amazon States Language, which makes sure that one run takes place at a time.

An execution acquires the lease, runs, and releases the lease on the condition that no notices came during the run.
Otherwise it does another round. docs/workflow.md explains the coordination. The definition uses JSONPath and no
variables, because every interpreter of the language supports these.
"""

from dataclasses import dataclass
from typing import Any

from contract.coordination import COORDINATION, GENERATION, HOLDER, KEY, PROCESSED, WAITING
from contract.job import JobOption
from contract.runs import Mode
from contract.states import State
from contract.workflow import BILL_RETRIES, BillNotReadyError, Field, RecordPaths, RunRequest

States = dict[State, dict[str, Any]]

MAX_ROUNDS = 100
"""Rounds after which an execution starts a successor: it may have 25,000 events, and a round has about 60."""

CONDITION_FAILED = "DynamoDB.ConditionalCheckFailedException"

HELD_BY, WAITED_FOR_BY = (f"$.found.Item.{attribute}.S" for attribute in (HOLDER, WAITING))
"""JSONPaths of the ARNs of the holder and of the waiting execution, after the item was read."""

OWN_ARN = "$$.Execution.Id"


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """Settings of the job runs that the state machine starts.

    Attributes
    ----------
    application_id, role_arn
        Id of the EMR Serverless application; ARN of the role that its jobs assume.
    entry_point
        URL of the application's main file.
    arguments
        Command-line arguments of every run, in addition to its mode and its id.
    spark_submit_parameters
        Options of spark-submit.
    timeout_minutes
        Time after which EMR Serverless cancels a job run.
    queue_minutes
        Time for which a job run may wait until EMR Serverless has cancelled an earlier one.
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
    """Settings of the state machine.

    Attributes
    ----------
    table_name
        Name of the coordination table.
    record_run_arn
        ARN of the function `record_run`.
    attempts
        Maximum number of attempts in a round.
    turn_seconds
        Time after which a waiting execution tries again to acquire the lease.
    """

    table_name: str
    record_run_arn: str
    job: JobSettings
    attempts: int
    turn_seconds: int


def workflow_definition(settings: WorkflowSettings) -> dict[str, Any]:
    """Return the state machine as a document of the Amazon States Language."""
    table = settings.table_name
    return {
        "Comment": "Runs the pipeline, one run at a time, until no notice is left.",
        "QueryLanguage": "JSONPath",
        "StartAt": State.CHECK_REQUEST,
        "States": {
            **_request(),
            **_acquisition(table),
            **_turn(table, settings.turn_seconds),
            **_plan(),
            **_run(settings),
            **_release(table),
            **_hand_over(table),
            **_next_round(table),
            **_failure(table),
            **_ends(),
        },
    }


def _request() -> States:
    """Check the requested mode; without one, the run is an update."""
    is_known = {"Or": [{"Variable": Field.MODE.path, "StringEquals": mode.value} for mode in Mode]}
    return {
        State.CHECK_REQUEST: _choice(
            {"Not": {"Variable": Field.MODE.path, "IsPresent": True}, "Next": State.UPDATE_BY_DEFAULT},
            {**is_known, "Next": State.BEGIN},
            otherwise=State.UNKNOWN_MODE,
        ),
        State.UPDATE_BY_DEFAULT: _pass(RunRequest().to_document(), State.BEGIN),
        State.BEGIN: _pass(_kept(Field.MODE) | {Field.ROUND: 1, Field.ATTEMPT: 1}, State.ACQUIRE),
    }


def _acquisition(table: str) -> States:
    """Take the lease if it is free, or if its holder has ended without releasing it."""
    initial = (f"{counter} = if_not_exists({counter}, :zero)" for counter in (GENERATION, PROCESSED))
    take = f"SET {HOLDER} = :me, {', '.join(initial)}"
    taken = {
        "ResultSelector": {"generation.$": f"$.Attributes.{GENERATION}.N"},
        "ResultPath": "$.lease",
        "Next": State.NAME_RUN,
    }
    values = _me() | {":zero": {"N": "0"}}
    return {
        State.ACQUIRE: _update_item(
            table,
            take,
            condition=f"attribute_not_exists({HOLDER}) OR {HOLDER} = :me",
            values=values,
            otherwise=State.READ_HOLDER,
        )
        | taken,
        State.READ_HOLDER: _read_item(table) | {"Next": State.IS_HELD},
        State.IS_HELD: _choice(
            {"Variable": HELD_BY, "IsPresent": True, "Next": State.DESCRIBE_HOLDER}, otherwise=State.ACQUIRE
        ),
        State.DESCRIBE_HOLDER: _describe(HELD_BY, gone=State.TAKE_OVER) | {"Next": State.HOLDER_RUNS},
        State.HOLDER_RUNS: _choice(
            {
                "And": [_is_running(), {"Variable": Field.MODE.path, "StringEquals": Mode.UPDATE.value}],
                "Next": State.JOINED,
            },
            {**_is_running(), "Next": State.QUEUE_UP},
            otherwise=State.TAKE_OVER,
        ),
        State.TAKE_OVER: _update_item(
            table,
            take,
            condition=f"{HOLDER} = :old",
            values=values | {":old": {"S.$": HELD_BY}},
            otherwise=State.READ_HOLDER,
        )
        | taken,
    }


def _turn(table: str, seconds: int) -> States:
    """Register as the next holder, and try again later. The holder hands the lease over, so every wait ends."""
    return {
        State.QUEUE_UP: _update_item(
            table,
            f"SET {WAITING} = :me",
            condition=f"attribute_not_exists({WAITING}) OR {WAITING} = :me",
            values=_me(),
            otherwise=State.WAIT_FOR_TURN,
        )
        | _drop_result(State.WAIT_FOR_TURN),
        State.WAIT_FOR_TURN: {"Type": "Wait", "Seconds": seconds, "Next": State.ACQUIRE},
    }


def _plan() -> States:
    """Make a run id from the time and a random part, once, so that a repeated request names the same run."""
    moment = ", ".join(f"States.ArrayGetItem($.moment, {part})" for part in range(6))
    random = "States.ArrayGetItem(States.StringSplit(States.UUID(), '-'), 0)"
    run_id = f"States.Format('{{}}{{}}{{}}T{{}}{{}}{{}}Z-{{}}', {moment}, {random})"
    entered = "States.StringSplit($$.State.EnteredTime, '-:.TZ')"
    return {
        State.NAME_RUN: _pass(_round() | {"moment.$": entered}, State.PLAN_ROUND),
        State.PLAN_ROUND: _pass(_round() | {f"{Field.RUN_ID}.$": run_id}, State.RUN_JOB),
    }


def _run(settings: WorkflowSettings) -> States:
    """Run the application, and record the run."""
    record_run = settings.record_run_arn
    return {
        State.RUN_JOB: _job(settings.job),
        State.RECORD_RUN: _record(record_run, "$.job", State.WHAT_TO_NOTE),
        State.WHAT_TO_NOTE: _choice(
            {"Variable": Field.MODE.path, "StringEquals": Mode.MAINTAIN.value, "Next": State.RELEASE},
            otherwise=State.NOTE_PROCESSED,
        ),
        State.RECORD_FAILURE: _record(record_run, "$.failure", State.TRY_AGAIN),
        State.TRY_AGAIN: _choice(
            {"Variable": Field.ATTEMPT.path, "NumericLessThan": settings.attempts, "Next": State.NEXT_ATTEMPT},
            otherwise=State.RELEASE_AFTER_FAILURE,
        ),
        State.NEXT_ATTEMPT: _pass(
            _kept(Field.MODE, Field.ROUND)
            | {f"{Field.ATTEMPT}.$": f"States.MathAdd({Field.ATTEMPT.path}, 1)", "lease.$": "$.lease"},
            State.NAME_RUN,
        ),
    }


def _job(job: JobSettings) -> dict[str, Any]:
    arguments = (
        *(f"'{JobOption.MODE}'", Field.MODE.path, f"'{JobOption.RUN_ID}'", Field.RUN_ID.path),
        *(f"'{argument}'" for argument in job.arguments),
    )
    attempt = f"States.Hash({OWN_ARN}, 'SHA-1'), {Field.ROUND.path}, {Field.ATTEMPT.path}"
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::emr-serverless:startJobRun.sync",
        "Parameters": {
            "ApplicationId": job.application_id,
            "ExecutionRoleArn": job.role_arn,
            "Name.$": Field.RUN_ID.path,
            # The token belongs to this attempt, so that a repeated request does not start a second job run.
            "ClientToken.$": f"States.Format('{{}}-{{}}-{{}}', {attempt})",
            "ExecutionTimeoutMinutes": job.timeout_minutes,
            "JobDriver": {
                "SparkSubmit": {
                    "EntryPoint": job.entry_point,
                    "EntryPointArguments.$": f"States.Array({', '.join(arguments)})",
                    "SparkSubmitParameters": job.spark_submit_parameters,
                }
            },
        },
        "TimeoutSeconds": (job.timeout_minutes + job.queue_minutes) * 60,
        "Retry": [_retry_rejected_request()],
        "ResultPath": "$.job",
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": State.RECORD_FAILURE}],
        "Next": State.RECORD_RUN,
    }


def _retry_rejected_request() -> dict[str, Any]:
    """Send the request for a job run again with the same token. A failed job run leads to another attempt instead."""
    return {
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


def _record(function_arn: str, outcome: str, following: State) -> dict[str, Any]:
    """Call `record_run`. If that fails, the workflow goes on, and the alarm of the function reports the failure."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {
            "FunctionName": function_arn,
            "Payload": RecordPaths(
                run_id=Field.RUN_ID.path,
                mode=Field.MODE.path,
                execution=OWN_ARN,
                round=Field.ROUND.path,
                attempt=Field.ATTEMPT.path,
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
    """Release the lease if all notices are processed and no execution waits, in one write that misses no notice."""
    return {
        State.NOTE_PROCESSED: _update_item(
            table,
            f"SET {PROCESSED} = :generation",
            condition=f"{HOLDER} = :me",
            values=_me() | {":generation": {"N.$": "$.lease.generation"}},
            otherwise=State.LEASE_LOST,
        )
        | _drop_result(State.RELEASE),
        State.RELEASE: _update_item(
            table,
            f"REMOVE {HOLDER}",
            condition=f"{HOLDER} = :me AND {GENERATION} = {PROCESSED} AND attribute_not_exists({WAITING})",
            values=_me(),
            otherwise=State.READ_ITEM,
        )
        | _drop_result(State.DONE),
        State.READ_ITEM: _read_item(table) | {"Next": State.WHY_HELD},
        State.WHY_HELD: _why_held(),
    }


def _why_held() -> dict[str, Any]:
    """Find out from the item why the lease could not be released."""
    generation, processed = (f"$.found.Item.{counter}.N" for counter in (GENERATION, PROCESSED))
    someone_waits = {"Variable": WAITED_FOR_BY, "IsPresent": True}
    return _choice(
        {"Not": {"Variable": HELD_BY, "IsPresent": True}, "Next": State.LEASE_LOST},
        {"Not": {"Variable": HELD_BY, "StringEqualsPath": OWN_ARN}, "Next": State.LEASE_LOST},
        {
            "And": [someone_waits, {"Variable": WAITED_FOR_BY, "StringEqualsPath": OWN_ARN}],
            "Next": State.FORGET_WAITING,
        },
        {**someone_waits, "Next": State.DESCRIBE_WAITING},
        {"Variable": generation, "StringEqualsPath": processed, "Next": State.RELEASE},
        otherwise=State.MORE_ROUNDS,
    )


def _hand_over(table: str) -> States:
    """Give the lease to the waiting execution, if it is still running."""
    waiting = {":waiting": {"S.$": WAITED_FOR_BY}}
    return {
        State.DESCRIBE_WAITING: _describe(WAITED_FOR_BY, gone=State.FORGET_WAITING) | {"Next": State.STILL_WAITS},
        State.STILL_WAITS: _choice({**_is_running(), "Next": State.HAND_OVER}, otherwise=State.FORGET_WAITING),
        State.HAND_OVER: _update_item(
            table,
            f"SET {HOLDER} = :waiting REMOVE {WAITING}",
            condition=f"{HOLDER} = :me AND {WAITING} = :waiting",
            values=_me() | waiting,
            otherwise=State.READ_ITEM,
        )
        | _drop_result(State.DONE),
        State.FORGET_WAITING: _update_item(
            table,
            f"REMOVE {WAITING}",
            condition=f"{WAITING} = :waiting",
            values=waiting,
            otherwise=State.READ_ITEM,
        )
        | _drop_result(State.RELEASE),
    }


def _next_round(table: str) -> States:
    """Process the notices that came during the round: in another round, or after many rounds in a successor."""
    return {
        State.MORE_ROUNDS: _choice(
            {"Variable": Field.ROUND.path, "NumericLessThan": MAX_ROUNDS, "Next": State.NEXT_ROUND},
            otherwise=State.LET_GO,
        ),
        State.NEXT_ROUND: _pass(
            {
                Field.MODE: Mode.UPDATE.value,
                f"{Field.ROUND}.$": f"States.MathAdd({Field.ROUND.path}, 1)",
                Field.ATTEMPT: 1,
                "lease": {"generation.$": f"$.found.Item.{GENERATION}.N"},
            },
            State.NAME_RUN,
        ),
        State.LET_GO: _give_up_lease(table) | _drop_result(State.START_SUCCESSOR),
        State.START_SUCCESSOR: _successor() | {"Next": State.DONE},
    }


def _failure(table: str) -> States:
    """Release the lease after the last attempt.

    The notices stay in the inbox. If more came during the run, their executions have joined this one and ended, so a
    successor has to process these notices.
    """
    return {
        State.RELEASE_AFTER_FAILURE: _give_up_lease(table)
        | {
            "ResultSelector": {"generation.$": f"$.Attributes.{GENERATION}.N"},
            "ResultPath": "$.left",
            "Next": State.NOTICES_MEANWHILE,
        },
        State.NOTICES_MEANWHILE: _choice(
            {"Variable": "$.left.generation", "StringEqualsPath": "$.lease.generation", "Next": State.FAILED},
            otherwise=State.START_SUCCESSOR_OF_FAILED,
        ),
        State.START_SUCCESSOR_OF_FAILED: _successor()
        | {
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.no_successor", "Next": State.FAILED}],
            "Next": State.FAILED,
        },
    }


def _ends() -> States:
    return {
        State.DONE: {"Type": "Succeed"},
        State.JOINED: {
            "Type": "Succeed",
            "Comment": "Another execution holds the lease, and processes the notices in its next round.",
        },
        State.FAILED: {"Type": "Fail", "ErrorPath": "$.failure.Error", "CausePath": "$.failure.Cause"},
        State.UNKNOWN_MODE: {
            "Type": "Fail",
            "Error": State.UNKNOWN_MODE,
            "Cause": f"The mode of a run must be one of {', '.join(Mode)}.",
        },
        State.LEASE_LOST: {
            "Type": "Fail",
            "Error": State.LEASE_LOST,
            "Cause": "This execution was running, but the coordination item no longer names it as the holder.",
        },
    }


def _choice(*rules: dict[str, Any], otherwise: State) -> dict[str, Any]:
    return {"Type": "Choice", "Choices": [*rules], "Default": otherwise}


def _pass(parameters: dict[str, Any], following: State) -> dict[str, Any]:
    return {"Type": "Pass", "Parameters": parameters, "Next": following}


def _kept(*names: str) -> dict[str, Any]:
    """Return parameters that pass fields on unchanged."""
    return {f"{name}.$": f"$.{name}" for name in names}


def _round() -> dict[str, Any]:
    return _kept(Field.MODE, Field.ROUND, Field.ATTEMPT, "lease")


def _drop_result(following: State) -> dict[str, Any]:
    return {"ResultPath": None, "Next": following}


def _successor() -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {
            "StateMachineArn.$": "$$.StateMachine.Id",
            "Name.$": f"States.Format('successor-{{}}', {Field.RUN_ID.path})",
            "Input": {**RunRequest().to_document(), "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": OWN_ARN},
        },
        "Retry": [_retry()],
        "ResultPath": None,
    }


def _give_up_lease(table: str) -> dict[str, Any]:
    return _update_item(
        table, f"REMOVE {HOLDER}", condition=f"{HOLDER} = :me", values=_me(), otherwise=State.LEASE_LOST
    )


def _update_item(
    table: str, update: str, *, condition: str, values: dict[str, Any], otherwise: State
) -> dict[str, Any]:
    """Update the coordination item if a condition holds; go to another state if it does not."""
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


def _describe(execution: str, *, gone: State) -> dict[str, Any]:
    """Read the status of another execution. AWS deletes executions 90 days after their end."""
    deleted = ["Sfn.ExecutionDoesNotExistException", "Sfn.InvalidArnException"]
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:describeExecution",
        "Parameters": {"ExecutionArn.$": execution},
        "Retry": [{"ErrorEquals": deleted, "MaxAttempts": 0}, _retry()],
        "Catch": [{"ErrorEquals": deleted, "ResultPath": "$.forgotten", "Next": gone}],
        "ResultSelector": {"status.$": "$.Status"},
        "ResultPath": "$.other",
    }


def _is_running() -> dict[str, Any]:
    return {"Variable": "$.other.status", "StringEquals": "RUNNING"}


def _me() -> dict[str, Any]:
    return {":me": {"S.$": OWN_ARN}}


def _retry() -> dict[str, Any]:
    """Retry after any error, for about ten minutes: an outage of a service is usually shorter."""
    return {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxDelaySeconds": 120,
        "MaxAttempts": 10,
        "JitterStrategy": "FULL",
    }
