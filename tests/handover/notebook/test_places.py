"""Tests of the places where the notebook works: Regions, and what it writes there."""

from pathlib import Path

import boto3
import pytest

from cli.cloud.environment import Deployment
from contract.environments import Output
from handover.notebook.places import RegionError, cloud_of, object_place, residence_of, variables_of
from spark_app.errors import UsageError


def _cloud(endpoint: str, region: str) -> Deployment:
    """Make a bucket in a Region."""
    session, bucket = boto3.Session(region_name=region), f"fruits-{region}"
    cloud = Deployment(
        environment="dev", region=region, outputs={Output.BUCKET: bucket}, session=session, endpoint_url=endpoint
    )
    if not any(found["Name"] == bucket for found in cloud.s3.list_buckets()["Buckets"]):
        cloud.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item] # a literal
    return cloud


def test_a_bucket_outside_of_the_union_is_refused(aws: str) -> None:
    """London has a name like those of Regions in the European Union; S3 says where a bucket is."""
    assert residence_of(_cloud(aws, "eu-west-3")).region == "eu-west-3"
    with pytest.raises(RegionError, match="eu-west-2, which is not in the European Union"):
        residence_of(_cloud(aws, "eu-west-2"))


def test_an_object_is_written_read_back_and_removed(aws: str, tmp_path: Path) -> None:
    """A folder and a bucket do the same, and nothing is left in either."""
    cloud = _cloud(aws, "eu-west-1")
    for place in (object_place(None, tmp_path), object_place(cloud, tmp_path)):
        place.write("matrix.csv", b"key,pc_1")
        assert place.read("matrix.csv") == b"key,pc_1"
        place.remove("matrix.csv")
    assert list(tmp_path.iterdir()) == []
    assert "Contents" not in cloud.s3.list_objects_v2(Bucket=cloud.bucket)


def test_a_place_is_local_a_rehearsal_or_dev() -> None:
    """Another word is refused with those that are allowed; `local` needs no cloud."""
    assert cloud_of("local") is None
    assert variables_of(None) == {}
    with pytest.raises(UsageError, match="WHERE must be local, rehearsal, dev, not 'prod'"):
        cloud_of("prod")
