"""Results that later ones have replaced: marked, so that the bucket lets them expire, and never the last ones."""

from typing import TYPE_CHECKING

from contract.layout import LATEST, RESULTS, SUPERSEDED, results_folder
from contract.summary import Latest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOOKING_BACK = 3
"""Earlier results that are marked each time: if one call fails, the next ones make up for it."""


def mark_superseded(s3: "S3Client", bucket: str) -> None:
    """Mark the results before the last complete ones.

    Raises
    ------
    ClientError
        If AWS refuses.
    """
    latest = Latest.from_json(s3.get_object(Bucket=bucket, Key=LATEST)["Body"].read())
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=RESULTS, Delimiter="/")
    folders = sorted(found["Prefix"] for page in pages for found in page.get("CommonPrefixes", []))
    earlier = [folder for folder in folders if folder < results_folder(latest.run_id)]
    tags = [{"Key": name, "Value": value} for name, value in SUPERSEDED.items()]
    for folder in earlier[-LOOKING_BACK:]:
        for found in s3.list_objects_v2(Bucket=bucket, Prefix=folder).get("Contents", []):
            s3.put_object_tagging(Bucket=bucket, Key=found["Key"], Tagging={"TagSet": [*tags]})
