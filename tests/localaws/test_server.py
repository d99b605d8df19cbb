"""The local AWS as a program and as a context of a Python process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from localaws.__main__ import main

TWICE = """
import json, sys
from pathlib import Path
from moto.awslambda.models import LambdaFunction
from localaws.server import serve

BUCKET, REGION = "files", "eu-west-1"

def allow(arn):
    statement = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:*", "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

def use(aws):
    s3, sqs = aws.client("s3"), aws.client("sqs")
    before = len(s3.list_buckets()["Buckets"])
    arn = f"arn:aws:sqs:{REGION}:123456789012:events"
    queue = sqs.create_queue(QueueName="events", Attributes={"Policy": allow(arn)})["QueueUrl"]
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    events = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=events)
    s3.put_object(Bucket=BUCKET, Key="key", Body=b"")
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    records = [json.loads(message["Body"]).get("Records", []) for message in messages]
    return before, [record["s3"]["object"]["sequencer"] for some in records for record in some]

original, used = LambdaFunction.invoke, []
for name in ("first", "second"):
    folder = Path(sys.argv[1]) / name
    with serve(folder) as aws:
        used.append(use(aws))
        assert LambdaFunction.invoke is not original
    assert LambdaFunction.invoke is original
    assert not folder.exists()
print(json.dumps(used))
"""


def test_a_process_can_serve_a_local_aws_twice(tmp_path: Path) -> None:
    """The second one is empty, counts its events from the beginning, and leaves moto and the disk as they were."""
    answer = subprocess.run([sys.executable, "-c", TWICE, tmp_path], stdout=subprocess.PIPE, text=True, check=True)
    assert json.loads(answer.stdout) == [[0, ["0000000000000001"]]] * 2


def test_a_folder_with_files_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The local AWS deletes its folder at the end, so it never takes a folder that has files."""
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SystemExit, match="2"):
        main(["--folder", str(tmp_path)])
    assert "is not an empty folder" in capsys.readouterr().err
    assert (tmp_path / "mine.txt").read_text() == "mine"
