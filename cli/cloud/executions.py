"""Starting executions, and following them to their end."""

import argparse
import sys
import time
from collections.abc import Callable

from cli.cloud import words
from cli.cloud.causes import readable_cause
from cli.cloud.environment import Deployment
from cli.cloud.errors import CloudError, explained_errors, interruption
from cli.cloud.follow import WORKFLOW, Follower
from cli.cloud.progress import step_printer
from cli.cloud.records import RecordedRun, recorded_run
from contract.environments import Output, execution_page
from contract.runs import Mode, new_run_id
from contract.states import State
from contract.workflow import RunRequest


class StoppedError(CloudError):
    """A user or a deployment has stopped the execution; its notices wait for the next one."""


def add_follow_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option that keeps a command from following."""
    parser.add_argument("--no-follow", action="store_true", help="return as soon as the execution has started")


def start_and_follow(deployment: Deployment, mode: Mode, *, follows: bool) -> None:
    """Start an execution, and follow it to its end or say how to follow it.

    Raises
    ------
    FruitsError
        If AWS refuses, or if the execution fails.
    """
    with explained_errors():
        execution = start_execution(deployment, mode)
    if follows:
        follow(deployment, execution, time.sleep)
    else:
        print(f"Follow it with {deployment.command('status')}.")


def start_execution(deployment: Deployment, mode: Mode) -> str:
    """Start an execution, print its name, and return its ARN."""
    name = f"{mode}-{new_run_id()}"
    started = deployment.stepfunctions.start_execution(
        stateMachineArn=deployment.resource(Output.STATE_MACHINE), name=name, input=RunRequest(mode=mode).to_json()
    )
    print(f"Started {name}.", flush=True)
    return started["executionArn"]


def follow(deployment: Deployment, execution: str, wait: Callable[[float], None]) -> None:
    """Print the steps of an execution, given by its ARN, until it ends, and then the results of its runs.

    Raises
    ------
    StoppedError
        If the execution is stopped.
    CloudError
        If the execution fails, or if AWS can't be asked any more.
    InterruptedByUserError
        If the user presses Ctrl-C.
    """
    status = deployment.command("status")
    follower = Follower(deployment, execution)
    with interruption(lambda: f"This command ends; the run goes on. Follow it with {status}."):
        try:
            with explained_errors(), step_printer(sys.stdout) as print_step:
                for step in follower.follow(wait):
                    print_step(follower.seconds, step.what if step.actor == WORKFLOW else f"{step.actor} {step.what}")
        except CloudError as error:
            raise CloudError(
                f"The run goes on, but this command can't follow it any more. {error} Follow it with {status}."
            ) from error
        with explained_errors():
            runs = [recorded_run(deployment, run_id) for run_id in follower.run_ids]
    _print_outcome(deployment, follower, runs)
    if follower.ended and follower.ended.status != "SUCCEEDED":
        page = "" if deployment.is_local else f" The console shows it: {execution_page(deployment.region, execution)}"
        log = deployment.command(f"logs --run {follower.run_ids[-1]}" if follower.run_ids else "logs --hours 1")
        is_stopped = follower.ended.status == "ABORTED"
        reason = "a user or a deployment has stopped it" if is_stopped and not follower.ended.cause else None
        raise (StoppedError if is_stopped else CloudError)(
            f"The run failed: {words.sentence(reason or follower.ended.reason)} Read its log with {log}.{page}"
        )


def _print_outcome(deployment: Deployment, follower: Follower, runs: list[RecordedRun]) -> None:
    for run in runs:
        print("\n".join(lines_about(run)))
    if follower.ended and follower.ended.status != "SUCCEEDED":
        return
    print(f"Done in {words.duration(follower.seconds)}.")
    if State.JOINED in follower.states:
        print(f"Another run processes these images: follow it with {deployment.command('status')}.")
    if any(run.summary for run in runs):
        print(f"Download the results with {deployment.command('results')}.")


def lines_about(run: RecordedRun) -> list[str]:
    """Describe what a run has done, and what it has cost."""
    lines = [f"Run {run.run_id}"]
    if run.summary:
        counts = run.summary.counts
        lines += [f"  images    {counts.images:,}", f"  refused   {counts.rejects:,}"]
    if run.record:
        if run.failed:
            lines.append(f"  failed    {readable_cause(run.record.reason or run.record.state)}")
        lines.append(f"  duration  {words.duration(run.record.seconds)}")
        lines.append(f"  cost      {words.dollars(run.record.cost_usd)} USD")
    return lines if len(lines) > 1 else [*lines, "  has no record"]
