"""Tests of the sample of the images."""

from collections.abc import Iterable
from pathlib import Path

import boto3
import pytest

from cli.cloud.environment import Deployment
from contract.environments import Output
from handover.deliverables import sample
from handover.deliverables.sample import copy_sample, download_sample, sampled


def test_each_folder_gives_its_first_images() -> None:
    """Every variety is in the sample, whatever the order of the names."""
    names = [f"{folder}/{number}.jpg" for folder in ("b", "a") for number in (3, 1, 2)] + ["top.jpg"]
    assert sampled(names, each=2) == ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg", "top.jpg"]


def test_a_large_corpus_gives_no_more_than_the_limit() -> None:
    """With too many varieties, the sample takes some of them, from the first to the last."""
    chosen = sampled([f"{number:04}/x.jpg" for number in range(1000)], most=150)
    assert 100 < len(chosen) <= 150
    assert chosen[0] < "0010"
    assert chosen[-1] > "0990"


def test_files_that_a_run_skips_are_not_copied(tmp_path: Path) -> None:
    """The sample contains images only, with their folders."""
    for name in ("Plum/a.jpg", "Plum/.DS_Store", "README.md"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(name)
    assert copy_sample(tmp_path / "in", tmp_path / "out") == 1
    assert (tmp_path / "out/Plum/a.jpg").read_text() == "Plum/a.jpg"
    assert sum(path.is_file() for path in (tmp_path / "out").rglob("*")) == 1


def test_an_image_that_disappears_is_left_out(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that is deleted between the listing and the download makes no empty file, and is not counted."""
    session = boto3.Session(region_name="eu-west-1")
    bucket = {Output.BUCKET: "fruits-sample"}
    cloud = Deployment(environment="dev", region="eu-west-1", outputs=bucket, session=session, endpoint_url=aws)
    cloud.s3.create_bucket(Bucket=cloud.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for name in ("Plum/a.jpg", "Plum/b.jpg"):
        cloud.s3.put_object(Bucket=cloud.bucket, Key=f"images/{name}", Body=name.encode())

    def sampled_and_then_deleted(names: Iterable[str]) -> list[str]:
        chosen = sampled(names)
        cloud.s3.delete_object(Bucket=cloud.bucket, Key="images/Plum/a.jpg")
        return chosen

    monkeypatch.setattr(sample, "sampled", sampled_and_then_deleted)
    assert download_sample(cloud, tmp_path) == 1
    assert [path.name for path in tmp_path.rglob("*.jpg")] == ["b.jpg"]
    assert (tmp_path / "Plum/b.jpg").read_text() == "Plum/b.jpg"
