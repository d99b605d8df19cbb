"""Tests of the tags by which superseded results expire."""

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from contract.layout import LATEST, PICTURED, RESULTS, SUPERSEDED, results_folder
from contract.summary import Latest
from lambdas.record_run.expiry import LOOKING_BACK, mark_superseded

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COMPLETE = ("pca.csv", "run.json", "summary.json")
FAILED = ("run.json",)
CRASHED = ("pca.csv",)
"""Files of a run that died before it was complete or recorded."""


class Results:
    """Results of runs, in a bucket of their own."""

    def __init__(self, s3: "S3Client") -> None:
        self.bucket = f"bucket-{secrets.token_hex(6)}"
        self._s3 = s3
        s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def publish(self, number: int, files: tuple[str, ...] = COMPLETE) -> None:
        """Write the files of a run."""
        for file in files:
            self._s3.put_object(Bucket=self.bucket, Key=f"{results_folder(_run(number))}{file}", Body=b"{}")

    def point_to(self, number: int) -> None:
        """Make a run the last complete one."""
        run_id = _run(number)
        latest = Latest(run_id=run_id, results=results_folder(run_id), finished_at="2026-11-20T12:00:00+00:00")
        self._s3.put_object(Bucket=self.bucket, Key=LATEST, Body=latest.to_json().encode())

    def mark(self) -> None:
        """Tag superseded results, as `record_run` does after a successful run."""
        mark_superseded(self._s3, self.bucket)

    def marked(self, tags: Mapping[str, str] = SUPERSEDED) -> dict[int, set[str]]:
        """Return run → its files with given tags."""
        found: dict[int, set[str]] = {}
        for key in self._marked_keys(tags):
            _, run_id, file = key.split("/")
            found.setdefault(int(run_id[-4:]), set()).add(file)
        return found

    def _marked_keys(self, tags: Mapping[str, str]) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        return [key for key in keys if tags.items() <= self._tags(key).items()]

    def _tags(self, key: str) -> dict[str, str]:
        told = self._s3.get_object_tagging(Bucket=self.bucket, Key=key)["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in told}


def _run(number: int) -> str:
    return f"20261120T{number:06}Z-{number:04}"


@pytest.fixture
def results(s3: "S3Client") -> Results:
    """Return a bucket without results."""
    return Results(s3)


def test_pages_with_thumbnails_will_expire_earlier(results: Results) -> None:
    """Explorer and report of superseded results get the tag of the earlier rule, and other files do not."""
    for number in (1, 2):
        results.publish(number, (*COMPLETE, "explore.html", "report.html"))
    results.point_to(2)
    results.mark()
    assert results.marked(PICTURED) == {1: {"explore.html", "report.html"}}
    assert results.marked()[1] >= {"explore.html", "report.html", "summary.json"}


def test_all_files_of_earlier_results_will_expire(results: Results) -> None:
    """Every object of earlier results and of failed runs is tagged, and none of the last complete results."""
    for number, files in enumerate([COMPLETE, FAILED, CRASHED, COMPLETE]):
        results.publish(number, files)
    results.point_to(3)
    results.mark()
    assert results.marked() == {0: set(COMPLETE), 1: set(FAILED), 2: set(CRASHED)}


def test_the_first_results_never_expire(results: Results) -> None:
    """The only complete results are not tagged."""
    results.publish(1)
    results.point_to(1)
    results.mark()
    assert results.marked() == {}


def test_results_newer_than_the_last_complete_ones_never_expire(results: Results) -> None:
    """Results of a running run, and of a failed run that nothing has superseded, are not tagged."""
    for number in range(4):
        results.publish(number)
    results.publish(4, FAILED)
    results.point_to(1)
    results.mark()
    assert results.marked().keys() == {0}


def test_nothing_but_results_is_ever_marked(results: Results, s3: "S3Client") -> None:
    """The pointer, its neighbours, images, notices and tables are not tagged."""
    others = ["images/a.jpg", "inbox/1.jsonl", "pca/1/matrix/1.csv", f"{RESULTS}0.txt", "result/0/a", "tables/a"]
    for key in others:
        s3.put_object(Bucket=results.bucket, Key=key, Body=b"")
    for number in range(3):
        results.publish(number)
    results.point_to(2)
    results.mark()
    assert results.marked().keys() == {0, 1}


def test_three_complete_results_are_looked_back_for(results: Results) -> None:
    """A call tags three complete results and failed runs between them, so that its cost stays constant."""
    for number, files in enumerate([COMPLETE, FAILED, COMPLETE, FAILED, FAILED, COMPLETE, COMPLETE, FAILED, COMPLETE]):
        results.publish(number, files)
    results.point_to(8)
    results.mark()
    assert results.marked().keys() == {2, 3, 4, 5, 6, 7}


def _expected(runs: list[tuple[str, ...]], latest: int) -> set[int]:
    earlier, complete = set(), 0
    for number in reversed(range(latest)):
        if complete < LOOKING_BACK:
            earlier.add(number)
            complete += runs[number] is COMPLETE
    return earlier


@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    before=st.lists(st.sampled_from([COMPLETE, FAILED, CRASHED]), max_size=6),
    after=st.lists(st.sampled_from([COMPLETE, FAILED]), max_size=2),
)
@example(before=[COMPLETE, COMPLETE, FAILED, COMPLETE, CRASHED, COMPLETE], after=[FAILED])
def test_any_history_keeps_the_last_complete_results(
    s3: "S3Client", before: list[tuple[str, ...]], after: list[tuple[str, ...]]
) -> None:
    """Any history leads to tags on all files back to the third earlier complete results, and on nothing else."""
    results, runs = Results(s3), [*before, COMPLETE, *after]
    for number, files in enumerate(runs):
        results.publish(number, files)
    results.point_to(len(before))
    results.mark()
    results.mark()
    expected = _expected(runs, len(before))
    assert results.marked() == {number: set(runs[number]) for number in expected}


def test_a_call_that_failed_is_made_up_for(results: Results, s3: "S3Client") -> None:
    """After AWS has rejected requests of two runs in a row, the next run tags what these have left."""
    refusing = True

    def refuse(**_: object) -> None:
        if refusing:
            raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObjectTagging")

    s3.meta.events.register("before-call.s3.PutObjectTagging", refuse)
    for number in range(3):
        results.publish(number)
        results.point_to(number)
        if number:
            with pytest.raises(ClientError, match="SlowDown"):
                results.mark()
    refusing = False
    results.publish(3)
    results.point_to(3)
    results.mark()
    assert results.marked().keys() == {0, 1, 2}


def test_many_results_are_no_fewer(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results that S3 lists on several pages are all considered; S3 lists the oldest results first."""
    for number in range(8):
        results.publish(number)
    results.point_to(7)
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    results.mark()
    assert results.marked() == {4: set(COMPLETE), 5: set(COMPLETE), 6: set(COMPLETE)}


def test_without_results_nothing_is_marked(results: Results) -> None:
    """Without a pointer to complete results, the call raises the error of S3 and tags nothing."""
    results.publish(0)
    with pytest.raises(ClientError, match="NoSuchKey"):
        results.mark()
    assert results.marked() == {}
