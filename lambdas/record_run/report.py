"""Adds the cost of a run to its report, which the job wrote before AWS knew the cost."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from contract.layout import report_page
from contract.report_cost import has_cost, with_cost
from lambdas.record_run.failure import ABSENT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LARGEST_PAGE = 20_000_000
"""Bytes of a report beyond which the function leaves it alone: it holds the report three times in its memory."""


def add_cost(s3: "S3Client", bucket: str, run_id: str, usd: float) -> bool:
    """Show the cost of a run in its report. The object loses its tags.

    Parameters
    ----------
    usd
        Cost in US dollars.

    Returns
    -------
    bool
        Whether the report shows the cost: not if it is absent, too large, or of a version without a place for it.

    Raises
    ------
    ClientError
        If AWS rejects a request, or if the report has changed since the function read it.
    BotoCoreError
        If AWS does not answer.
    """
    key = report_page(run_id)
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return False
        raise
    if found["ContentLength"] > LARGEST_PAGE:
        return False
    before = found["Body"].read()
    after = with_cost(before, usd)
    if after != before:
        # A report that has changed in the meantime stays as it is.
        s3.put_object(Bucket=bucket, Key=key, Body=after, ContentType=found["ContentType"], IfMatch=found["ETag"])
    return has_cost(after)
