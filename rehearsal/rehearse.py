"""The rehearsal in its order, from the deployment to the destruction."""

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cli.cloud.environment import Deployment
from cli.cloud.folder import files_below
from cli.cloud.follow import Hop
from cli.cloud.upload import upload
from cli.sample import draw_sample
from contract.environments import stack_name
from contract.layout import IMAGES, results_folder
from localaws.host import Host, local_aws
from localaws.leftovers import leftovers
from localspark.jars import Jars, fetched
from rehearsal.comparison import PublishedResults, compare, run_here
from rehearsal.deployment import deploy, destroy
from rehearsal.errors import RehearsalError
from rehearsal.results import last_results, read_result, save_report
from rehearsal.scope import reason_for, scope_lines, unused_permissions
from rehearsal.watch import Watch

ENVIRONMENT = "dev"

PACE = 12.0
"""Factor by which waits are shorter than in AWS: Lambda gathers events for 5 seconds, not for a minute."""

VIEWS_TO_REHEARSE = 4
"""Number of pictures of each of the ten varieties."""

LONGEST_WORKFLOW = 600.0
"""Seconds after which the rehearsal fails if the workflow has not ended."""


@dataclass
class TimedPrinter:
    """A printer of lines with the seconds since its creation, an actor, and what the actor does."""

    began: float = field(default_factory=time.time)

    def line(self, actor: str, what: str, at: float | None = None) -> None:
        """Print a line about a time in seconds since 1970, by default the present one."""
        seconds = (time.time() if at is None else at) - self.began
        print(f"{seconds:6.1f} s  {actor:<12}{what}", flush=True)

    def steps(self, steps: Iterable[Hop]) -> None:
        """Print a line for each step."""
        for step in steps:
            self.line(step.actor, step.what, step.at.timestamp())


def rehearse() -> None:
    """Deploy the stack to a local AWS, upload pictures, watch, compare, and destroy everything.

    Raises
    ------
    RehearsalError
        If a step fails, or gives another result than expected.
    """
    printer = TimedPrinter()
    print("A rehearsal of the cloud on this machine: it needs no account, and sends nothing to other machines.\n")
    with (
        local_aws(PACE, fetched(Jars.S3_CLIENT)) as host,
        tempfile.TemporaryDirectory(prefix="fruits-rehearsal-") as scratch,
    ):
        deployment = deploy_to(host, Path(scratch), printer)
        images = Path(scratch) / "images"
        draw_sample(images, VIEWS_TO_REHEARSE)
        watch = Watch(host, deployment)
        _upload(deployment, images, watch, printer)
        _follow(watch, printer)
        _check_results(deployment, images, Path(scratch), printer)
        _change_images(deployment, images, printer)
        _follow(watch, printer)
        _check_permissions(host, printer)
        destroy_in(host, Path(scratch), printer)
    print("", *scope_lines(), sep="\n")


def deploy_to(host: Host, scratch: Path, printer: TimedPrinter) -> Deployment:
    """Deploy the stack."""
    printer.line("local AWS", f"answers at {host.endpoint}")
    deployment = deploy(host, scratch, ENVIRONMENT, lambda what: printer.line("CDK", what))
    printer.line("CDK", f"{stack_name(ENVIRONMENT)} is deployed, its bucket is {deployment.bucket}")
    return deployment


def _upload(deployment: Deployment, folder: Path, watch: Watch, printer: TimedPrinter) -> None:
    """Upload the files of a folder, as `fruits upload` does."""
    count = sum(1 for _ in files_below(folder))
    printer.line("upload", f"{count} files, some of them broken, to s3://{deployment.bucket}/{IMAGES}")
    for number, result in enumerate(upload(deployment, folder)):
        if result.problem:
            raise RehearsalError(f"The upload of {result.name} failed: {result.problem}")
        if number == 0:  # later, the queue may be empty again
            printer.steps(watch.news())


def _follow(watch: Watch, printer: TimedPrinter) -> None:
    """Print every step until no message waits and no execution runs."""
    printer.steps(watch.until_quiet(LONGEST_WORKFLOW))
    if troubles := watch.troubles():
        raise RehearsalError(" ".join(troubles))


def _check_results(deployment: Deployment, images: Path, scratch: Path, printer: TimedPrinter) -> None:
    """Check that the results are complete, recorded, and equal to those of a run on folders."""
    summary, record = last_results(deployment)
    counts, folder = summary.counts, f"s3://{deployment.bucket}/{results_folder(summary.run_id)}"
    printer.line("results", f"{counts.images} images, {counts.rejects} refused, {folder}")
    printer.line(
        "record_run",
        f"{record.state}: the job took {record.seconds:.0f} s, and would have cost {record.cost_usd} USD",
    )
    printer.line("report", save_report(deployment, summary.run_id))
    there = PublishedResults.read_with(lambda file: read_result(deployment, summary.run_id, file))
    printer.line("comparison", f"with a run on folders: {compare(there, run_here(images, scratch))}")


def _change_images(deployment: Deployment, folder: Path, printer: TimedPrinter) -> None:
    """Replace one picture by another, and remove a third."""
    first, second, third, *_ = sorted(folder.glob("Apple*/*"))
    replaced, removed = (f"{IMAGES}{picture.relative_to(folder).as_posix()}" for picture in (first, third))
    deployment.s3.put_object(Bucket=deployment.bucket, Key=replaced, Body=second.read_bytes())
    deployment.s3.delete_object(Bucket=deployment.bucket, Key=removed)
    printer.line("upload", "one picture is replaced, one is removed")


def _check_permissions(host: Host, printer: TimedPrinter) -> None:
    """Check that the rehearsal has used every permission of the stack, except those with a known reason."""
    unused = unused_permissions(host.ask("grants"), stack_name(ENVIRONMENT))
    if more := sorted(permission for permission in unused if reason_for(permission) is None):
        raise RehearsalError(f"The stack allows what the rehearsal did not need: {', '.join(more)}.")
    printer.line("IAM", f"every permission was needed, except {len(unused)}, which other situations need:")
    for permission in sorted(unused):
        printer.line("", f"{permission}: {reason_for(permission)}")


def destroy_in(host: Host, scratch: Path, printer: TimedPrinter) -> None:
    """Destroy the stack, and check that nothing is left of it.

    Raises
    ------
    RehearsalError
        If a resource is left.
    """
    destroy(host, scratch, ENVIRONMENT)
    if left := leftovers(host):
        raise RehearsalError(f"After the destruction, these resources are left: {'; '.join(left)}.")
    printer.line("CDK", f"{stack_name(ENVIRONMENT)} is destroyed, and nothing is left")
