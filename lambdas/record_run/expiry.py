"""Results that later ones have replaced: marked, so that the bucket lets them expire, and never the last ones."""

from typing import TYPE_CHECKING

from contract.layout import LATEST, RESULTS, SUPERSEDED, ResultFile, results_folder
from contract.summary import Latest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import TagTypeDef

TAGS: "list[TagTypeDef]" = [{"Key": name, "Value": value} for name, value in SUPERSEDED.items()]

LOOKING_BACK = 3
"""Earlier complete results that are marked each time: if one call fails, the next ones make up for it."""


def mark_superseded(s3: "S3Client", bucket: str) -> None:
    """Mark the results before the last complete ones, and the records of failed runs between them.

    Raises
    ------
    ClientError
        If AWS refuses.
    """
    latest = Latest.from_json(s3.get_object(Bucket=bucket, Key=LATEST)["Body"].read())
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=RESULTS, Delimiter="/")
    folders = (found["Prefix"] for page in pages for found in page.get("CommonPrefixes", []))
    complete = 0
    for folder in sorted((name for name in folders if name < results_folder(latest.run_id)), reverse=True):
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket, Prefix=folder).get("Contents", [])]
        for key in keys:
            mark(s3, bucket, key)
        complete += f"{folder}{ResultFile.SUMMARY}" in keys
        if complete == LOOKING_BACK:
            return


def mark(s3: "S3Client", bucket: str, key: str) -> None:
    """Let an object expire.

    Raises
    ------
    ClientError
        If AWS refuses.
    """
    s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": TAGS})
