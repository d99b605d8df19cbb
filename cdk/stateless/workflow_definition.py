"""The state machine in the Amazon States Language, which makes sure that one run takes place at a time.

An execution acquires the lease, runs, and releases the lease on the condition that no notices came during the run.
Otherwise it does another round, after a time in which more notices gather. docs/workflow.md explains the coordination.
The definition uses JSONPath and no variables, because every interpreter of the language supports these.

AWS may carry out a write whose answer gets lost. The state machine then sends the write again, and its condition fails.
So each write either allows its own effect in its condition, or leads to a state that recognises the effect in the item.
"""

from dataclasses import dataclass, field
from typing import Any

from contract.coordination import (
    COORDINATION,
    GENERATION,
    HOLDER,
    KEY,
    LOST_TERM,
    PENDING,
    PROCESSED,
    RUN,
    TAKEN_AT,
    TERM,
    WAITING,
)
from contract.environments import DeployedVersion
from contract.job import JobOption
from contract.layout import FENCE
from contract.runs import Mode
from contract.states import State
from contract.workflow import BILL_RETRIES, WAITING_FOR_JOBS, BillNotReadyError, Field, RecordPaths, RunRequest

States = dict[State, dict[str, Any]]

MAX_ROUNDS = 100
"""Rounds after which an execution starts a successor: it may have 25,000 events, and a round has about 80."""

LOOK_AGAIN_SECONDS = 60
"""Time between the two looks at a holder. The description of an execution that has just ended may be out of date."""

ANY_TERM = "999999999999"
"""Value of `seen` for a run that takes place whatever other runs have done: no term is larger."""

CONDITION_FAILED = "DynamoDB.ConditionalCheckFailedException"

HELD_BY, WAITED_FOR_BY = (f"$.found.Item.{attribute}.S" for attribute in (HOLDER, WAITING))
"""JSONPaths of the ARNs of the holder and of the waiting execution, after the item was read."""

FOUND_TERM, FOUND_LOST_TERM, FOUND_GENERATION, FOUND_PROCESSED = (
    f"$.found.Item.{attribute}.N" for attribute in (TERM, LOST_TERM, GENERATION, PROCESSED)
)
"""JSONPaths of the counters, as text, after the item was read."""

OWN_TERM = "$.lease.term"

OWN_ARN = "$$.Execution.Id"

INITIAL_EXECUTORS = "spark.dynamicAllocation.initialExecutors"


@dataclass(frozen=True, kw_only=True)
class InitialExecutors:
    """Numbers of executors that a job run begins with. Spark adds more while tasks wait, which takes minutes.

    Attributes
    ----------
    some, every
        Number of executors of a medium-sized and of a large update. A smaller one begins with one executor.
    notices_each
        Number of notices that occupy an executor.
    """

    some: int = 1
    every: int = 1
    notices_each: int = 1


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
        Options of spark-submit, without the initial number of executors.
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
    executors: InitialExecutors = field(default_factory=InitialExecutors)


@dataclass(frozen=True, kw_only=True)
class WorkflowSettings:
    """Settings of the state machine.

    Attributes
    ----------
    table_name, bucket_name
        Names of the coordination table and of the data bucket.
    record_run_arn
        ARN of the function `record_run`.
    attempts
        Maximum number of attempts in a round.
    turn_seconds
        Time after which a waiting execution tries again to acquire the lease.
    gather_seconds
        Time between a run and the next round, in which more notices gather.
    version
        What is deployed with the state machine.
    """

    table_name: str
    bucket_name: str
    record_run_arn: str
    job: JobSettings
    attempts: int
    turn_seconds: int
    gather_seconds: int
    version: DeployedVersion


def workflow_definition(settings: WorkflowSettings) -> dict[str, Any]:
    """Return the state machine as a document of the Amazon States Language."""
    table = settings.table_name
    return {
        "Comment": "Runs the pipeline, one run at a time, until no notice is left.",
        "QueryLanguage": "JSONPath",
        "StartAt": State.CHECK_REQUEST,
        "States": {
            **_request(settings.gather_seconds),
            **_acquisition(table),
            **_second_look(),
            **_turn(table, settings.turn_seconds),
            **_plan(),
            **_size(settings.job.executors),
            **_fence(table, settings.bucket_name),
            **_run(settings),
            **_release(table),
            **_hand_over(table),
            **_next_round(table),
            **_failure(table),
            **_ends(),
        },
    }


def _request(gather_seconds: int) -> States:
    """Check the requested mode; without one, the run is an update. An update by uploads waits for more notices."""
    is_known = {"Or": [{"Variable": Field.MODE.path, "StringEquals": mode.value} for mode in Mode]}
    gathers = [_is_update(), {"Variable": Field.SEEN.path, "IsPresent": True}]
    is_due = {"Variable": Field.NOT_BEFORE.path, "IsPresent": True}
    start = {Field.ROUND: 1, Field.ATTEMPT: 1}
    return {
        State.CHECK_REQUEST: _choice(
            {"Not": {"Variable": Field.MODE.path, "IsPresent": True}, "Next": State.UPDATE_BY_DEFAULT},
            {"And": [*gathers, is_due], "Next": State.WAIT_UNTIL_DUE},
            {"And": gathers, "Next": State.BEGIN_SUCCESSOR},
            {**is_known, "Next": State.BEGIN},
            otherwise=State.UNKNOWN_MODE,
        ),
        State.UPDATE_BY_DEFAULT: _pass(RunRequest().to_document(), State.BEGIN),
        State.BEGIN: _pass(_kept(Field.MODE) | start | {Field.SEEN: ANY_TERM}, State.ACQUIRE),
        State.WAIT_UNTIL_DUE: {
            "Type": "Wait",
            "TimestampPath": Field.NOT_BEFORE.path,
            "Next": State.BEGIN_GATHERED,
        },
        State.BEGIN_GATHERED: _pass(_kept(Field.MODE, Field.SEEN) | start, State.ACQUIRE),
        State.BEGIN_SUCCESSOR: _pass(_kept(Field.MODE, Field.SEEN) | start, State.GATHER),
        State.GATHER: {"Type": "Wait", "Seconds": gather_seconds, "Next": State.ACQUIRE},
    }


def _acquisition(table: str) -> States:
    """Take the lease if it is free, or if its holder has ended without releasing it.

    An update by uploads does not take it if another execution has taken the lease since the notices were counted: that
    execution is responsible for them. The holder is allowed to take its lease again, because it may not know that it
    has it: the answer got lost, or another execution handed the lease over.
    """
    initial = (f"{counter} = if_not_exists({counter}, :zero)" for counter in (GENERATION, PROCESSED, PENDING))
    take = f"{HOLDER} = :me, {TAKEN_AT} = :now, {', '.join(initial)}"
    lease = {"generation": GENERATION, "term": TERM, "pending": PENDING}
    taken = {
        "ResultSelector": {f"{name}.$": f"$.Attributes.{attribute}.N" for name, attribute in lease.items()},
        "ResultPath": "$.lease",
        "Next": State.NAME_RUN,
    }
    values = _me() | {":zero": {"N": "0"}, ":one": {"N": "1"}, ":now": {"S.$": "$$.State.EnteredTime"}}
    is_needed = f"attribute_not_exists({TERM}) OR {TERM} <= :seen"
    someone_holds = {"Variable": HELD_BY, "IsPresent": True}
    return {
        State.ACQUIRE: _update_item(
            table,
            f"SET {take} ADD {TERM} :one",
            condition=f"{HOLDER} = :me OR (attribute_not_exists({HOLDER}) AND ({is_needed}))",
            values=values | {":seen": {"N.$": Field.SEEN.path}},
            otherwise=State.READ_HOLDER,
        )
        | taken,
        State.READ_HOLDER: _read_item(table) | {"Next": State.IS_HELD},
        State.IS_HELD: _choice(
            {"And": [someone_holds, {"Variable": HELD_BY, "StringEqualsPath": OWN_ARN}], "Next": State.ACQUIRE},
            {**someone_holds, "Next": State.DESCRIBE_HOLDER},
            {"Variable": Field.SEEN.path, "StringEquals": ANY_TERM, "Next": State.ACQUIRE},
            {"Not": {"Variable": FOUND_TERM, "IsPresent": True}, "Next": State.ACQUIRE},
            {"Variable": FOUND_TERM, "StringEqualsPath": Field.SEEN.path, "Next": State.ACQUIRE},
            otherwise=State.JOINED,
        ),
        State.DESCRIBE_HOLDER: _describe(HELD_BY, gone=State.TAKE_OVER) | {"Next": State.HOLDER_RUNS},
        State.HOLDER_RUNS: _holder_runs(),
        State.TAKE_OVER: _update_item(
            table,
            f"SET {take}, {LOST_TERM} = if_not_exists({TERM}, :zero) ADD {TERM} :one",
            condition=f"{HOLDER} = :old",
            values=values | {":old": {"S.$": HELD_BY}},
            otherwise=State.READ_HOLDER,
        )
        | taken,
    }


def _holder_runs() -> dict[str, Any]:
    """Join a running holder after two looks at it, or wait for the lease, or take the lease over."""
    seen_before = "$.known.holder"
    same_holder = [
        {"Variable": seen_before, "IsPresent": True},
        {"Variable": seen_before, "StringEqualsPath": HELD_BY},
    ]
    return _choice(
        {"And": [_is_running(), _is_update(), *same_holder], "Next": State.JOINED},
        {"And": [_is_running(), _is_update()], "Next": State.REMEMBER_HOLDER},
        {**_is_running(), "Next": State.QUEUE_UP},
        otherwise=State.TAKE_OVER,
    )


def _second_look() -> States:
    """Look at a running holder again before joining it: one that has just ended would not process the notices."""
    return {
        State.REMEMBER_HOLDER: _pass({"holder.$": HELD_BY}, State.LOOK_AGAIN) | {"ResultPath": "$.known"},
        State.LOOK_AGAIN: {"Type": "Wait", "Seconds": LOOK_AGAIN_SECONDS, "Next": State.ACQUIRE},
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
    notices = "States.StringToJson($.lease.pending)"
    return {
        State.NAME_RUN: _pass(_round() | {"moment.$": entered, "notices.$": notices}, State.PLAN_ROUND),
        State.PLAN_ROUND: _pass(_round() | _kept("notices") | {f"{Field.RUN_ID}.$": run_id}, State.HOW_MANY_EXECUTORS),
    }


def _size(executors: InitialExecutors) -> States:
    """Choose how many executors the job begins with. It never asks for more than the notices keep busy."""
    numbers = {
        State.ONE_EXECUTOR: 1,
        State.SOME_EXECUTORS: executors.some,
        State.ALL_EXECUTORS: executors.every,
    }

    def fewer_than(number: int) -> dict[str, Any]:
        return {"Variable": "$.notices", "NumericLessThan": number * executors.notices_each}

    return {
        State.HOW_MANY_EXECUTORS: _choice(
            {"Variable": Field.MODE.path, "StringEquals": Mode.REPROCESS.value, "Next": State.ALL_EXECUTORS},
            {"Not": _is_update(), "Next": State.ONE_EXECUTOR},
            {**fewer_than(executors.some), "Next": State.ONE_EXECUTOR},
            {**fewer_than(executors.every), "Next": State.SOME_EXECUTORS},
            otherwise=State.ALL_EXECUTORS,
        ),
        **{
            state: _pass({"initial": str(number)}, State.CONFIRM_LEASE) | {"ResultPath": "$.executors"}
            for state, number in numbers.items()
        },
    }


def _fence(table: str, bucket: str) -> States:
    """Check that the execution still holds the lease, then name its run as the only one that may write.

    Time has passed since the execution took the lease: a user may have redriven it, or another execution may have
    taken the lease over because AWS did not know this one yet.
    """
    return {
        State.CONFIRM_LEASE: _update_item(
            table,
            f"SET {RUN} = :run",
            condition=_holds_lease(),
            values=_own_lease() | {":run": {"S.$": Field.RUN_ID.path}},
            otherwise=State.LEASE_LOST,
        )
        | _drop_result(State.WRITE_FENCE),
        State.WRITE_FENCE: {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
            "Parameters": {
                "Bucket": bucket,
                "Key": FENCE,
                # A `contract.job.Fence`. Step Functions writes it as JSON. It would put a text in quotes.
                "Body": _kept(Field.RUN_ID),
                "ContentType": "application/json",
            },
            "Retry": [_retry()],
            "Catch": [_fails_attempt()],
        }
        | _drop_result(State.RUN_JOB),
    }


def _run(settings: WorkflowSettings) -> States:
    """Run the application, and record the run. A failure that no other attempt can mend is not tried again."""
    is_final = "$.recorded.Payload.final"
    return {
        State.RUN_JOB: _job(settings.job),
        State.RECORD_RUN: _record(settings, "$.job", State.WHAT_TO_NOTE),
        State.WHAT_TO_NOTE: _choice(
            {"Variable": Field.MODE.path, "StringEquals": Mode.MAINTAIN.value, "Next": State.RELEASE},
            otherwise=State.NOTE_PROCESSED,
        ),
        State.RECORD_FAILURE: _record(settings, "$.failure", State.TRY_AGAIN) | {"ResultPath": "$.recorded"},
        State.TRY_AGAIN: _choice(
            {
                "And": [
                    {"Variable": is_final, "IsPresent": True},
                    {"Variable": is_final, "BooleanEquals": True},
                ],
                "Next": State.RELEASE_AFTER_FAILURE,
            },
            {"Variable": Field.ATTEMPT.path, "NumericLessThan": settings.attempts, "Next": State.NEXT_ATTEMPT},
            otherwise=State.RELEASE_AFTER_FAILURE,
        ),
        State.NEXT_ATTEMPT: _pass(
            _kept(Field.MODE, Field.ROUND)
            | {f"{Field.ATTEMPT}.$": f"States.MathAdd({Field.ATTEMPT.path}, 1)", "lease.$": "$.lease"},
            State.NAME_RUN,
        ),
    }


def _fails_attempt() -> dict[str, Any]:
    return {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": State.RECORD_FAILURE}


def _job(job: JobSettings) -> dict[str, Any]:
    arguments = (
        *(f"'{JobOption.MODE}'", Field.MODE.path, f"'{JobOption.RUN_ID}'", Field.RUN_ID.path),
        *(f"'{argument}'" for argument in (JobOption.FENCED, *job.arguments)),
    )
    initial = f"'--conf {INITIAL_EXECUTORS}={{}} {{}}', $.executors.initial, '{job.spark_submit_parameters}'"
    attempt = f"States.Hash({OWN_ARN}, 'SHA-1'), {Field.ROUND.path}, {Field.ATTEMPT.path}"
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{WAITING_FOR_JOBS}",
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
                    "SparkSubmitParameters.$": f"States.Format({initial})",
                }
            },
        },
        "TimeoutSeconds": (job.timeout_minutes + job.queue_minutes) * 60,
        "Retry": [_retry_rejected_request()],
        "ResultPath": "$.job",
        "Catch": [_fails_attempt()],
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


def _record(settings: WorkflowSettings, outcome: str, following: State) -> dict[str, Any]:
    """Call `record_run`. If that fails, the workflow goes on, and the alarm of the function reports the failure."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {
            "FunctionName": settings.record_run_arn,
            "Payload": RecordPaths(
                run_id=Field.RUN_ID.path,
                mode=Field.MODE.path,
                execution=OWN_ARN,
                round=Field.ROUND.path,
                attempt=Field.ATTEMPT.path,
                outcome=outcome,
                retries="$$.State.RetryCount",
                version=settings.version,
                application=settings.job.application_id,
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
            f"SET {PROCESSED} = :generation, {PENDING} = {PENDING} - :taken",
            condition=_holds_lease(),
            values=_own_lease() | {":generation": {"N.$": "$.lease.generation"}, ":taken": {"N.$": "$.lease.pending"}},
            otherwise=State.LEASE_LOST,
        )
        | _drop_result(State.RELEASE),
        State.RELEASE: _update_item(
            table,
            # No notice is left, so the estimate is exact again, whatever write was carried out twice.
            f"SET {PENDING} = :zero REMOVE {HOLDER}",
            condition=f"{_holds_lease()} AND {GENERATION} = {PROCESSED} AND attribute_not_exists({WAITING})",
            values=_own_lease() | {":zero": {"N": "0"}},
            otherwise=State.READ_ITEM,
        )
        | _drop_result(State.DONE),
        State.READ_ITEM: _read_item(table) | {"Next": State.WHY_HELD},
        State.WHY_HELD: _why_held(),
    }


def _why_held() -> dict[str, Any]:
    """Find out from the item why a write about the lease failed, and whether it was this execution's own effect."""
    has_term = {"Variable": FOUND_TERM, "IsPresent": True}
    is_mine = [
        {"Variable": HELD_BY, "IsPresent": True},
        {"Variable": HELD_BY, "StringEqualsPath": OWN_ARN},
        has_term,
        {"Variable": FOUND_TERM, "StringEqualsPath": OWN_TERM},
    ]
    was_taken_over = [
        {"Variable": FOUND_LOST_TERM, "IsPresent": True},
        {"Variable": FOUND_LOST_TERM, "StringEqualsPath": OWN_TERM},
    ]
    someone_waits = {"Variable": WAITED_FOR_BY, "IsPresent": True}
    return _choice(
        {"Not": has_term, "Next": State.LEASE_LOST},
        {"And": was_taken_over, "Next": State.LEASE_LOST},
        # No execution has taken the lease over, so this one has given it up, and the answer to that write got lost.
        {"Not": {"And": is_mine}, "Next": State.DONE},
        {
            "And": [someone_waits, {"Variable": WAITED_FOR_BY, "StringEqualsPath": OWN_ARN}],
            "Next": State.FORGET_WAITING,
        },
        {**someone_waits, "Next": State.DESCRIBE_WAITING},
        {"Variable": FOUND_GENERATION, "StringEqualsPath": FOUND_PROCESSED, "Next": State.RELEASE},
        otherwise=State.LET_GO,
    )


def _hand_over(table: str) -> States:
    """Give the lease to the waiting execution, if it is still running."""
    waiting = {":waiting": {"S.$": WAITED_FOR_BY}}
    return {
        State.DESCRIBE_WAITING: _describe(WAITED_FOR_BY, gone=State.FORGET_WAITING) | {"Next": State.STILL_WAITS},
        State.STILL_WAITS: _choice({**_is_running(), "Next": State.HAND_OVER}, otherwise=State.FORGET_WAITING),
        State.HAND_OVER: _update_item(
            table,
            f"SET {HOLDER} = :waiting REMOVE {WAITING} ADD {TERM} :one",
            condition=f"{_holds_lease()} AND {WAITING} = :waiting",
            values=_own_lease() | waiting | {":one": {"N": "1"}},
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
    """Process the notices that came during the round: in another round, or after many rounds in a successor.

    The execution releases the lease and waits, so that more notices gather and runs that a user starts need not wait.
    Afterwards it takes the lease again, unless another execution has taken it in the meantime, which is then
    responsible. For this reason, it does not matter whether the release was this execution's own or its lease was lost.
    """
    return {
        State.LET_GO: _give_up_lease(table, State.MORE_ROUNDS),
        State.MORE_ROUNDS: _choice(
            {"Variable": Field.ROUND.path, "NumericLessThan": MAX_ROUNDS, "Next": State.NEXT_ROUND},
            otherwise=State.START_SUCCESSOR,
        ),
        State.NEXT_ROUND: _pass(
            {
                Field.MODE: Mode.UPDATE.value,
                f"{Field.ROUND}.$": f"States.MathAdd({Field.ROUND.path}, 1)",
                Field.ATTEMPT: 1,
                f"{Field.SEEN}.$": FOUND_TERM,
            },
            State.GATHER,
        ),
        State.START_SUCCESSOR: _successor(State.DONE),
    }


def _failure(table: str) -> States:
    """Release the lease after the last attempt.

    The notices stay in the inbox. If this was an update, the alarm of its failure reports them, and a successor
    processes only notices that came during it. Otherwise two successors could fail in turns for ever. If this was
    another run, its notices may have come before it, from an update that joined it, and no update has failed on them.
    """
    generation = {"Variable": FOUND_GENERATION, "IsPresent": True}
    return {
        State.RELEASE_AFTER_FAILURE: _give_up_lease(table, State.READ_AFTER_FAILURE),
        State.READ_AFTER_FAILURE: _read_item(table) | {"Next": State.NOTICES_MEANWHILE},
        State.NOTICES_MEANWHILE: _choice(
            {"Not": generation, "Next": State.FAILED},
            {
                "And": [_is_update(), {"Variable": FOUND_GENERATION, "StringEqualsPath": "$.lease.generation"}],
                "Next": State.FAILED,
            },
            {"Variable": FOUND_GENERATION, "StringEqualsPath": FOUND_PROCESSED, "Next": State.FAILED},
            otherwise=State.START_SUCCESSOR_OF_FAILED,
        ),
        State.START_SUCCESSOR_OF_FAILED: _successor(State.FAILED)
        | {"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.no_successor", "Next": State.FAILED}]},
    }


def _ends() -> States:
    return {
        State.DONE: {"Type": "Succeed"},
        State.JOINED: {
            "Type": "Succeed",
            "Comment": "Another execution has taken the lease, and is responsible for the notices.",
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


def _successor(following: State) -> dict[str, Any]:
    """Start another execution. Its name makes sure that a repeated request starts no second one."""
    exists = ["StepFunctions.ExecutionAlreadyExistsException"]
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {
            "StateMachineArn.$": "$$.StateMachine.Id",
            "Name.$": f"States.Format('successor-{{}}', {Field.RUN_ID.path})",
            "Input": {
                **RunRequest().to_document(),
                f"{Field.SEEN}.$": FOUND_TERM,
                "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": OWN_ARN,
            },
        },
        "Retry": [{"ErrorEquals": exists, "MaxAttempts": 0}, _retry()],
        "Catch": [{"ErrorEquals": exists, "ResultPath": "$.exists", "Next": following}],
    } | _drop_result(following)


def _give_up_lease(table: str, following: State) -> dict[str, Any]:
    """Release the lease, and go on in the same way if this execution does not hold it any more."""
    return _update_item(
        table, f"REMOVE {HOLDER}", condition=_holds_lease(), values=_own_lease(), otherwise=following
    ) | _drop_result(following)


def _holds_lease() -> str:
    return f"{HOLDER} = :me AND {TERM} = :term"


def _own_lease() -> dict[str, Any]:
    return _me() | {":term": {"N.$": OWN_TERM}}


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
    """Read the status of another execution.

    AWS deletes executions 90 days after their end. It may also not know an execution yet that has just started.
    """
    unknown, deleted = "Sfn.ExecutionDoesNotExistException", "Sfn.InvalidArnException"
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:describeExecution",
        "Parameters": {"ExecutionArn.$": execution},
        "Retry": [
            {"ErrorEquals": [deleted], "MaxAttempts": 0},
            {"ErrorEquals": [unknown], "IntervalSeconds": 5, "BackoffRate": 2, "MaxAttempts": 4},
            _retry(),
        ],
        "Catch": [{"ErrorEquals": [unknown, deleted], "ResultPath": "$.forgotten", "Next": gone}],
        "ResultSelector": {"status.$": "$.Status"},
        "ResultPath": "$.other",
    }


def _is_running() -> dict[str, Any]:
    return {"Variable": "$.other.status", "StringEquals": "RUNNING"}


def _is_update() -> dict[str, Any]:
    return {"Variable": Field.MODE.path, "StringEquals": Mode.UPDATE.value}


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
