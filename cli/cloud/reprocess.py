"""`fruits reprocess`: starts an execution, and follows it to its end."""

import argparse
import sys
import time
from collections.abc import Callable

from cli.cloud import words
from cli.cloud.environment import Deployment, add_environment_arguments, connect
from cli.cloud.errors import CloudError, explained_errors, interruption
from cli.cloud.follow import WORKFLOW, Follower
from cli.cloud.history import readable_cause
from cli.cloud.progress import step_printer
from cli.cloud.records import RecordedRun, recorded_run
from cli.subcommands import Subcommands, add_subcommand
from contract.environments import Output, execution_page
from contract.runs import Mode, new_run_id
from contract.states import State
from contract.workflow import RunRequest
from spark_app.options import one_of


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits reprocess`."""
    parser = add_subcommand(subcommands, "reprocess", "start a run in an environment, by default of all images")
    parser.add_argument(
        "--mode",
        type=one_of(Mode),
        metavar=f"{{{','.join(Mode)}}}",
        default=Mode.REPROCESS.value,
        help="which images the run examines, as for `fruits run` [%(default)s: all, from the beginning]",
    )
    parser.add_argument("--no-follow", action="store_true", help="return as soon as the execution has started")
    add_environment_arguments(parser)
    parser.set_defaults(command=_reprocess)


def _reprocess(arguments: argparse.Namespace) -> int:
    with explained_errors():
        deployment = connect(arguments.env, arguments.endpoint_url)
        execution = start_execution(deployment, Mode(arguments.mode))
    if arguments.no_follow:
        print(f"Follow it with {deployment.command('status')}.")
    else:
        follow(deployment, execution, time.sleep)
    return 0


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
        page = execution_page(deployment.region, execution)
        raise CloudError(f"The run failed: {follower.ended.reason} (see {page})")


def _print_outcome(deployment: Deployment, follower: Follower, runs: list[RecordedRun]) -> None:
    for run in runs:
        print("\n".join(_lines_about(run)))
    if follower.ended and follower.ended.status != "SUCCEEDED":
        return
    print(f"Done in {words.duration(follower.seconds)}.")
    if State.JOINED in follower.states:
        print(f"Another run processes these images: follow it with {deployment.command('status')}.")
    if any(run.summary for run in runs):
        print(f"Download the results with {deployment.command('results')}.")


def _lines_about(run: RecordedRun) -> list[str]:
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
