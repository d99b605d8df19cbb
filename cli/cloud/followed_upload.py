"""From the end of an upload to the results: messages, notices, and the executions that process them."""

from collections.abc import Callable

from cli.cloud.environment import Deployment
from cli.cloud.errors import CloudError, explained_errors, interruption
from cli.cloud.executions import StoppedError, follow, lines_about
from cli.cloud.follow import SECONDS_BETWEEN_REQUESTS
from cli.cloud.records import last_complete_run, recorded_run
from cli.cloud.situation import coordination_item, holder_of, messages_in, running_executions
from contract.coordination import GENERATION, PROCESSED
from contract.environments import Output

LOOKS_FOR_MESSAGES = 150
"""Number of looks, ten minutes in all, after which the command gives up if no message arrives."""

LOOKS_WITHOUT_EXECUTION = 15
"""Number of looks, one minute in all, after which the command gives up if no execution is running."""


def generation_of(deployment: Deployment) -> int:
    """Return the number of batches of notices so far."""
    return int(coordination_item(deployment).get(GENERATION, 0))


def follow_images(deployment: Deployment, before: int, wait: Callable[[float], None]) -> None:
    """Print what happens to uploaded images until runs have processed all notices of them.

    Parameters
    ----------
    before
        Generation before the upload.
    wait
        Waits for a number of seconds.

    Raises
    ------
    CloudError
        If a run fails, or if no notice of the images arrives.
    InterruptedByUserError
        If the user presses Ctrl-C.
    """
    status = deployment.command("status")
    with (
        interruption(lambda: f"This command ends; the images are processed nevertheless. Follow them with {status}."),
        explained_errors(),
    ):
        print("The events of the bucket are gathered for up to a minute.", flush=True)
        target = _generation_of_upload(deployment, before, wait)
        if not _follow_until(deployment, target, wait):
            _print_results(deployment)


def _generation_of_upload(deployment: Deployment, before: int, wait: Callable[[float], None]) -> int:
    """Wait until no message is left in the queue, and return the generation then."""
    for _ in range(LOOKS_FOR_MESSAGES):
        is_empty = messages_in(deployment, Output.QUEUE).total == 0  # asked first: notices come before this
        generation = generation_of(deployment)
        if is_empty and generation > before:
            return generation
        if generation > before and holder_of(deployment):
            break  # endless uploads of others may keep the queue full
        wait(SECONDS_BETWEEN_REQUESTS)
    generation = generation_of(deployment)
    if generation == before:
        raise CloudError(
            f"No notice of the images has arrived: {deployment.command('status')} shows whether events wait, and "
            f"{deployment.command('logs --hours 1')} what start_run says."
        )
    return generation


def _follow_until(deployment: Deployment, target: int, wait: Callable[[float], None]) -> bool:
    """Follow executions until the notices of a generation are processed; return whether there was one to follow.

    Raises
    ------
    CloudError
        If an execution fails, or if none is running.
    """
    followed, said, idle = set[str](), False, 0
    while int(coordination_item(deployment).get(PROCESSED, 0)) < target:
        holder = holder_of(deployment)
        if holder and holder.arn not in followed:
            followed.add(holder.arn)
            print(f"Execution {holder.name}:", flush=True)
            try:
                follow(deployment, holder.arn, wait)
            except StoppedError as error:  # a deployment starts it again, and so does the next upload
                print(f"{error} The images wait for the next execution.", flush=True)
        else:
            if not followed and not said:
                print("Notices of the images are written. They may wait for more images to gather.", flush=True)
                said = True
            idle = 0 if running_executions(deployment) else idle + 1
            if idle > LOOKS_WITHOUT_EXECUTION:
                raise CloudError(
                    "The notices of the images wait, and no execution is running: the last one may have failed. "
                    f"{deployment.command('status')} says why."
                )
            wait(SECONDS_BETWEEN_REQUESTS)
    return bool(followed)


def _print_results(deployment: Deployment) -> None:
    run_id = last_complete_run(deployment)
    if run_id:
        print("The images are processed. The last complete results:")
        print("\n".join(lines_about(recorded_run(deployment, run_id))))
        print(f"Download them with {deployment.command('results')}.")
