"""`fruits reprocess`: starts a run by hand, and follows it."""

import argparse
import sys
import time
from collections.abc import Callable

from cli.cloud import words
from cli.cloud.environment import Deployment, add_environment_arguments, deployment_of
from cli.cloud.errors import CloudError, explained_errors, interruption
from cli.cloud.follow import Follower
from cli.cloud.history import JOINED, Ending, cause_in_words
from cli.cloud.progress import steps
from cli.cloud.records import RecordedRun, recorded_run
from contract.environments import Output, execution_page
from contract.runs import Mode, new_run_id
from contract.workflow import RunRequest

MODES = (Mode.REPROCESS, Mode.UPDATE, Mode.RECONCILE, Mode.MAINTAIN)


def add_command(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `fruits reprocess`."""
    parser = subcommands.add_parser("reprocess", help="cloud: start a run by hand, of all images or in another mode")
    parser.add_argument(
        "--mode",
        choices=[mode.value for mode in MODES],
        default=Mode.REPROCESS.value,
        help="which images it looks at, as for `fruits run` [%(default)s: all, from nothing]",
    )
    parser.add_argument("--no-follow", action="store_true", help="start it, and don't wait for its end")
    add_environment_arguments(parser)
    parser.set_defaults(command=_reprocess)


def _reprocess(arguments: argparse.Namespace) -> int:
    with explained_errors():
        deployment = deployment_of(arguments)
        execution = start(deployment, Mode(arguments.mode))
    if arguments.no_follow:
        print(f"Follow it with {deployment.command('status')}.")
    else:
        follow(deployment, execution, time.sleep)
    return 0


def start(deployment: Deployment, mode: Mode) -> str:
    """Start an execution of the workflow, and print its name.

    Returns
    -------
    str
        Its ARN.
    """
    name = f"{mode}-{new_run_id()}"
    execution = deployment.stepfunctions.start_execution(
        stateMachineArn=deployment.resource(Output.STATE_MACHINE), name=name, input=RunRequest(mode=mode).to_json()
    )
    print(f"Started {name}.", flush=True)
    return execution["executionArn"]


def follow(deployment: Deployment, execution: str, wait: Callable[[float], None]) -> None:
    """Print what an execution does until it ends, and what it has done.

    Parameters
    ----------
    deployment
        Where it runs.
    execution
        Its ARN.
    wait
        Called with the seconds between two looks.

    Raises
    ------
    CloudError
        If it fails, or can't be followed any more.
    InterruptedByUserError
        If the user has seen enough.
    """
    status = deployment.command("status")
    with interruption(lambda: f"This command ends; the run goes on. Follow it with {status}."):
        try:
            with explained_errors(), steps(sys.stdout) as tell:
                follower = Follower(deployment, execution, tell)
                ended = follower.follow(wait)
        except CloudError as error:
            raise CloudError(f"The run goes on, but can't be followed. {error} Then go on with {status}.") from error
        with explained_errors():
            runs = [recorded_run(deployment, run_id) for run_id in follower.run_ids]
    _print_outcome(deployment, follower, ended, runs)
    if ended.status != "SUCCEEDED":
        raise CloudError(f"The run failed: {ended.reason} (see {execution_page(deployment.region, execution)})")


def _print_outcome(deployment: Deployment, follower: Follower, ended: Ending, runs: list[RecordedRun]) -> None:
    for run in runs:
        print("\n".join(outcome_of(run)))
    if ended.status != "SUCCEEDED":
        return
    print(f"Done in {words.duration(follower.seconds)}.")
    if JOINED in follower.states:
        print(f"Another run works on these images: follow it with {deployment.command('status')}.")
    if any(run.summary for run in runs):
        print(f"Fetch the results with {deployment.command('results')}.")


def outcome_of(run: RecordedRun) -> list[str]:
    """Write what a run did, a line for each fact that is known."""
    lines = [f"Run {run.run_id}"]
    if run.summary:
        counts = run.summary.counts
        lines += [f"  images    {counts.images:,}", f"  refused   {counts.rejects:,}"]
    if run.record:
        if run.failed:
            lines.append(f"  failed    {cause_in_words(run.record.reason or run.record.state)}")
        lines.append(f"  duration  {words.duration(run.record.seconds)}")
        lines.append(f"  cost      {words.dollars(run.record.cost_usd)} USD")
    return lines if len(lines) > 1 else [*lines, "  nothing is recorded of it"]
