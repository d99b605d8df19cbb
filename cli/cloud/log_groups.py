"""The log groups of an environment, found among the resources of its stack, and the sources of their streams."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cli.cloud.environment import Deployment
from cli.cloud.history import Job
from contract.functions import Function

DRIVER, EXECUTOR, WORKFLOW = "driver", "executor", "workflow"
"""Sources of log entries beside the functions."""

JOBS_GROUP, WORKFLOW_GROUP = "Spark", "Workflow"
"""Names of log groups in the template, without the ending that all have."""

_LOG_GROUP = re.compile(r"(\w+)Logs[0-9A-F]{8}")
"""Name of a log group in the template: CDK adds a hash."""

_EXECUTOR_STREAM = re.compile(r"/SPARK_EXECUTOR/([^/]+)/")


@dataclass(frozen=True, kw_only=True)
class LogGroups:
    """The log groups of an environment.

    Attributes
    ----------
    jobs
        Name of the log group of the Spark jobs; `None` if the stack has none.
    functions
        Source of the entries → name of the log group of a function.
    """

    jobs: str | None
    functions: dict[str, str]


def log_groups_of(deployment: Deployment) -> LogGroups:
    """Find the log groups of an environment."""
    found = {
        match[1]: resource.physical_id
        for resource in deployment.resources
        if resource.kind == "AWS::Logs::LogGroup" and (match := _LOG_GROUP.fullmatch(resource.logical_id))
    }
    jobs = found.pop(JOBS_GROUP, None)
    # The history of an execution, which Step Functions keeps itself, says the same as the log of the workflow.
    found.pop(WORKFLOW_GROUP, None)
    return LogGroups(jobs=jobs, functions={function_of(name): group for name, group in found.items()})


def function_of(name: str) -> str:
    """Return the function whose log group has a name in the template such as ``IntakeStartRun``; else the name."""
    return next((one.value for one in Function if name.endswith(one.title().replace("_", ""))), name.lower())


def stream_prefixes(job: Job) -> Iterator[str]:
    """Return the possible beginnings of the names of a job's log streams.

    AWS documents these names for Amazon S3, and not for CloudWatch: they may begin with a slash.
    """
    name = f"applications/{job.application_id}/jobs/{job.job_run_id}/"
    yield from (name, f"/{name}")


def source_of(stream: str) -> str:
    """Return the source of a job's log stream: the driver, or an executor with its number."""
    match = _EXECUTOR_STREAM.search(stream)
    return f"{EXECUTOR} {match[1]}" if match else DRIVER
