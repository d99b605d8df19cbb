"""Reads what a failed job has reported about its failure. The report may be absent, or damaged."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from contract.job import JobFailure
from contract.layout import job_failure

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LARGEST_REPORT = 100_000
"""Bytes of a report beyond which the function does not read it: a job writes a few sentences."""

ABSENT = frozenset({"NoSuchKey", "404", "AccessDenied", "InvalidRange"})
"""Errors of S3 for an object that does not exist. It is "AccessDenied" for a role that may not list the bucket."""


def read_failure(s3: "S3Client", bucket: str, run_id: str) -> JobFailure | None:
    """Read the report of a failed job.

    Returns
    -------
    JobFailure or None
        `None` if there is no report, or if it is damaged or about another run.

    Raises
    ------
    ClientError
        If AWS rejects the request for another reason.
    """
    try:
        found = s3.get_object(Bucket=bucket, Key=job_failure(run_id), Range=f"bytes=0-{LARGEST_REPORT}")
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return None
        raise
    try:
        failure = JobFailure.from_json(found["Body"].read())
    except (ValueError, TypeError, KeyError):
        return None
    return failure if failure.run_id == run_id else None
