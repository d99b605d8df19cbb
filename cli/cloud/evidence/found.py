"""What proves a run in the cloud: the answers of AWS, the documents of the run, and its files, checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from botocore.exceptions import ClientError

from cli.cloud.bucket import NO_SUCH_OBJECT, keys_below
from cli.cloud.cost import Costs, costs_of
from cli.cloud.environment import Deployment
from cli.cloud.evidence.answers import Answers, answers_about, asked, questions_about_run
from cli.cloud.records import recorded_run
from contract.digest import Digest
from contract.environments import Output
from contract.image_names import is_no_image
from contract.layout import IMAGES, ResultFile, results_folder
from contract.summary import MatrixFile, Summary
from contract.workflow import RunRecord
from spark_app.errors import UsageError

PIECE = 1 << 20
"""Bytes that are read at once of a file of the matrix."""

MOST_IMAGES = 200_000
"""Number of images up to which they are counted: S3 lists 1,000 of them per request."""

EXPECTED_FILES = (
    ResultFile.EXPLAINED_VARIANCE,
    ResultFile.REJECTS,
    ResultFile.REPORT,
    ResultFile.SUMMARY,
    ResultFile.RUN_RECORD,
)
"""Files that the results of a complete run have in any case, beside the matrix."""


@dataclass(frozen=True, kw_only=True)
class CheckedFile:
    """A file of the matrix, as the summary of the run describes it, and as it was downloaded.

    Attributes
    ----------
    found
        Size and hash of what was downloaded; `None` if there is no such object.
    rows
        Number of rows without the header; 0 if there is no such object.
    """

    part: MatrixFile
    found: Digest | None
    rows: int

    @property
    def is_as_published(self) -> bool:
        """Whether the download has the hash, the size and the rows that the run has published."""
        return self.found is not None and self.found == self.part.digest and self.rows == self.part.rows


@dataclass(frozen=True, kw_only=True)
class ImageCount:
    """Number of images in the bucket, and whether all were counted."""

    images: int
    is_complete: bool


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that the folder is made of.

    Attributes
    ----------
    is_local
        Whether the environment is in a local AWS, so that it proves nothing about AWS.
    asked_at
        Time of the questions.
    record
        Record of the run; `None` if it could not be recorded.
    run_answers
        What AWS says about the execution and the job of the run.
    files
        Names of the files in the folder of the results of the run.
    template
        Template that the deployed one is compared with; `None` if the user gave none.
    """

    environment: str
    region: str
    bucket: str
    is_local: bool
    asked_at: datetime
    answers: Answers
    run_id: str
    summary: Summary
    record: RunRecord | None
    run_answers: Answers
    matrix: tuple[CheckedFile, ...]
    files: tuple[str, ...]
    images: ImageCount
    costs: Costs
    template: Mapping[str, object] | None = None

    @property
    def account(self) -> str | None:
        """Account of the credentials; `None` if AWS does not say it."""
        return next((content["Account"] for _, content in self.answers.contents("sts:GetCallerIdentity")), None)


def evidence_of(deployment: Deployment, run_id: str, template: Mapping[str, object] | None = None) -> Evidence:
    """Collect the evidence of a run. This reads, and changes nothing.

    Raises
    ------
    UsageError
        If the run has published no results.
    NoAccessError
        If AWS does not accept the credentials.
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        If the bucket can't be read.
    """
    run = recorded_run(deployment, run_id)
    if run.summary is None:
        raise UsageError(
            f"Run {run_id} has published no results that could be proved: {deployment.command('runs')} lists the runs."
        )
    folder = results_folder(run_id)
    return Evidence(
        environment=deployment.environment,
        region=deployment.region,
        bucket=deployment.bucket,
        is_local=deployment.is_local,
        asked_at=datetime.now(UTC),
        answers=answers_about(deployment),
        run_id=run_id,
        summary=run.summary,
        record=run.record,
        run_answers=_answers_about_run(deployment, run.record),
        matrix=tuple(checked(deployment, part) for part in run.summary.matrix),
        files=tuple(key.removeprefix(folder) for key in keys_below(deployment, folder)),
        images=count_images(deployment),
        costs=costs_of(deployment, last=10, asks_services=False),
        template=template,
    )


def _answers_about_run(deployment: Deployment, record: RunRecord | None) -> Answers:
    if record is None:
        return Answers({})
    application = record.application_id or deployment.resource(Output.APPLICATION)
    job = (application, record.job_run_id) if record.job_run_id else None
    return Answers({"run": asked(questions_about_run(deployment, record.execution, job))})


def checked(deployment: Deployment, part: MatrixFile) -> CheckedFile:
    """Download a file of the matrix, compute its hash and count its rows. Nothing of it is kept."""
    try:
        body = deployment.s3.get_object(Bucket=deployment.bucket, Key=part.file)["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] in NO_SUCH_OBJECT:
            return CheckedFile(part=part, found=None, rows=0)
        raise
    digest, size, lines = sha256(), 0, 0
    for piece in body.iter_chunks(PIECE):
        digest.update(piece)
        size += len(piece)
        lines += piece.count(b"\n")  # a key contains no line break: `contract.layout.fault_of` refuses it
    return CheckedFile(part=part, found=Digest(size=size, sha256=digest.hexdigest()), rows=max(0, lines - 1))


def count_images(deployment: Deployment, most: int = MOST_IMAGES) -> ImageCount:
    """Count the images in the bucket, up to a number."""
    count = 0
    for _ in _images(deployment):
        count += 1
        if count == most:
            return ImageCount(images=count, is_complete=False)
    return ImageCount(images=count, is_complete=True)


def _images(deployment: Deployment) -> Iterator[str]:
    return (key for key in keys_below(deployment, IMAGES) if not is_no_image(key.removeprefix(IMAGES)))
