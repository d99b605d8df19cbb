"""The rehearsal from beginning to end, in its order."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from contract.environments import Output, stack_name
from contract.layout import IMAGES, LATEST, ResultFile
from contract.summary import Latest, Summary
from contract.workflow import RunRecord
from localaws.host import Host, local_aws
from localspark.jars import Jars, fetched
from rehearsal.comparison import Matrix, compare, run_here
from rehearsal.deployment import ROOT, deploy, destroy, leftovers
from rehearsal.errors import RehearsalError
from rehearsal.scope import NOT_NEEDED, tell_scope, unneeded
from rehearsal.watch import Hop, Watch

ENVIRONMENT = "dev"

PACE = 12.0
"""The window of the queue is 5 seconds here, not a minute."""

VIEWS = 4
"""Of each of the ten varieties: 40 pictures, and the broken files."""

PATIENCE = 600.0
"""Seconds that the workflow may take."""

REPORT = ROOT / "build" / "rehearsal-report.html"


@dataclass
class Teller:
    """Prints what happens, with the time since the beginning."""

    began: float = field(default_factory=time.time)

    def tell(self, actor: str, what: str, at: float | None = None) -> None:
        """Print a line."""
        seconds = (time.time() if at is None else at) - self.began
        print(f"{seconds:6.1f} s  {actor:<12}{what}", flush=True)

    def tell_all(self, hops: Iterable[Hop]) -> None:
        """Print a line for each hop, with its own time."""
        for hop in hops:
            self.tell(hop.actor, hop.what, hop.at.timestamp())


def rehearse() -> None:
    """Deploy the stack to a local AWS, upload pictures, watch, compare, and destroy all of it again.

    Raises
    ------
    RehearsalError
        If anything is not as it should be.
    """
    teller = Teller()
    print("The cloud on this machine, for nothing: no account, nothing leaves it.\n")
    with (
        local_aws(PACE, fetched(Jars.S3_CLIENT)) as host,
        tempfile.TemporaryDirectory(prefix="fruits-rehearsal-") as scratch,
    ):
        outputs = deployed(host, Path(scratch), teller)
        images = Path(scratch) / "images"
        draw(images)
        watch = Watch(host, outputs)
        upload(outputs, images, watch, teller)
        follow(watch, teller)
        check(host, outputs, images, Path(scratch), teller)
        change(host, outputs, images, teller)
        follow(watch, teller)
        check_permissions(host, teller)
        destroyed(host, Path(scratch), teller)
    print("", *tell_scope(), sep="\n")


def deployed(host: Host, scratch: Path, teller: Teller) -> Mapping[str, str]:
    """Deploy the stack, and return its outputs."""
    teller.tell("local AWS", f"answers at {host.endpoint}")
    outputs = deploy(host, scratch, ENVIRONMENT, lambda what: teller.tell("CDK", what))
    teller.tell("CDK", f"{stack_name(ENVIRONMENT)} is deployed, its bucket is {outputs[Output.BUCKET]}")
    return outputs


def draw(folder: Path) -> None:
    """Draw the pictures, with the ordinary command."""
    program = [sys.executable, "-m", "cli.main", "sample", str(folder), "--views", str(VIEWS)]
    subprocess.run(program, check=True, capture_output=True)


def upload(outputs: Mapping[str, str], folder: Path, watch: Watch, teller: Teller) -> None:
    """Put the files of a folder in the bucket, with AWS's ordinary client."""
    s3 = watch.host.client("s3")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    teller.tell("upload", f"{len(files)} files, some of them broken, to s3://{outputs[Output.BUCKET]}/{IMAGES}")
    for file in files:
        s3.upload_file(str(file), outputs[Output.BUCKET], f"{IMAGES}{file.relative_to(folder).as_posix()}")
        if file == files[0]:  # before the queue is emptied again
            teller.tell_all(watch.news())


def follow(watch: Watch, teller: Teller) -> None:
    """Tell every hop until nothing is under way any more.

    Raises
    ------
    RehearsalError
        If an execution has failed, or a message was set aside.
    """
    teller.tell_all(watch.until_quiet(PATIENCE))
    if troubles := watch.troubles():
        raise RehearsalError(" ".join(troubles))


def check(host: Host, outputs: Mapping[str, str], images: Path, scratch: Path, teller: Teller) -> None:
    """Look at what has come of it: complete, recorded, and the same as on folders.

    Raises
    ------
    RehearsalError
        If it isn't.
    """
    bucket = Results(host, outputs[Output.BUCKET])
    summary = bucket.summary()
    record = bucket.record()
    teller.tell("results", f"{summary.counts.images} images, {summary.counts.rejects} refused, s3://{bucket.folder}")
    teller.tell("record_run", f"the job took {record.seconds:.0f} s, and would have cost {record.cost_usd} USD")
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_bytes(bucket.read(ResultFile.REPORT))
    teller.tell("report", f"file://{REPORT}")
    here = run_here(images, scratch)
    teller.tell(
        "comparison", f"with a run on folders: {compare(Matrix.from_csv(bucket.read('pca.csv').decode()), here)}"
    )


def change(host: Host, outputs: Mapping[str, str], folder: Path, teller: Teller) -> None:
    """Replace a picture by another, and remove a third."""
    first, second, third, *_ = sorted(folder.glob("Apple*/*"))
    s3, bucket = host.client("s3"), outputs[Output.BUCKET]
    s3.upload_file(str(second), bucket, f"{IMAGES}{first.relative_to(folder).as_posix()}")
    s3.delete_object(Bucket=bucket, Key=f"{IMAGES}{third.relative_to(folder).as_posix()}")
    teller.tell("upload", "one picture is replaced, one is removed")


def check_permissions(host: Host, teller: Teller) -> None:
    """See that every permission of the stack was needed, but for those of which it is known when they are.

    Raises
    ------
    RehearsalError
        If one was not.
    """
    never = unneeded(host.ask("grants"), stack_name(ENVIRONMENT))
    if more := never - NOT_NEEDED.keys():
        raise RehearsalError(f"Nobody has needed what the stack allows: {', '.join(sorted(more))}.")
    teller.tell("IAM", f"every permission was needed, but for {len(never)} of which it is known when they are:")
    for grant in sorted(never):
        teller.tell("", f"{grant}: {NOT_NEEDED[grant]}")


def destroyed(host: Host, scratch: Path, teller: Teller) -> None:
    """Destroy the stack, and see that nothing is left of it.

    Raises
    ------
    RehearsalError
        If something is.
    """
    destroy(host, scratch, ENVIRONMENT)
    if left := leftovers(host):
        raise RehearsalError(f"After the destruction there is still: {'; '.join(left)}.")
    teller.tell("CDK", f"{stack_name(ENVIRONMENT)} is destroyed, and nothing is left")


class Results:
    """The last complete results in the bucket."""

    def __init__(self, host: Host, bucket: str) -> None:
        self._s3 = host.client("s3")
        self._bucket = bucket
        self._latest = Latest.from_json(self._object(LATEST))

    @property
    def folder(self) -> str:
        """Where they lie, with the slash at its end."""
        return f"{self._bucket}/{self._latest.results}"

    def read(self, name: str) -> bytes:
        """Read a file of them.

        Raises
        ------
        RehearsalError
            If it isn't there.
        """
        return self._object(f"{self._latest.results}{name}")

    def summary(self) -> Summary:
        """Read what the run says of itself."""
        return Summary.from_json(self.read(ResultFile.SUMMARY))

    def record(self) -> RunRecord:
        """Read what the workflow has recorded of the run."""
        return RunRecord.from_json(self.read(ResultFile.RUN_RECORD))

    def _object(self, key: str) -> bytes:
        try:
            body: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except self._s3.exceptions.NoSuchKey as error:
            raise RehearsalError(f"There is no {key} in the bucket: the run has left no complete results.") from error
        return body
