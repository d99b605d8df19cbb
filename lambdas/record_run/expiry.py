"""Tags superseded results, so that the lifecycle rule of the bucket deletes them. It never tags the last results."""

from typing import TYPE_CHECKING

from contract.layout import LATEST, PAGES, PICTURED, RESULTS, SUPERSEDED, ResultFile, results_folder
from contract.summary import Latest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import TagTypeDef

LOOKING_BACK = 3
"""Number of earlier complete results to tag each time, so that a later call makes up for one that failed."""


def mark_superseded(s3: "S3Client", bucket: str) -> None:
    """Tag the complete results before the last ones, and the folders of failed runs between them.

    Raises
    ------
    ClientError
        If AWS rejects a request.
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
    """Tag an object as superseded, and a page with thumbnails also as such a page.

    Raises
    ------
    ClientError
        If AWS rejects the request.
    """
    tags = SUPERSEDED | PICTURED if key.rpartition("/")[2] in PAGES else SUPERSEDED
    tag_set: list[TagTypeDef] = [{"Key": name, "Value": value} for name, value in tags.items()]
    s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tag_set})
