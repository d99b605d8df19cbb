"""Faults strike the calls that they are about, as often as they say."""

import signal
import subprocess
from pathlib import Path

import pytest

from localaws.account import LocalAws, LocalAwsError
from localaws.faults import Fault, Faults, Kind


@pytest.fixture
def aws(tmp_path: Path) -> LocalAws:
    """Return a local AWS without a server."""
    return LocalAws(port=1, folder=tmp_path)


def test_one_call_in_ten_is_struck(aws: LocalAws) -> None:
    """A fault spares the first calls, strikes every tenth from then on, and ends after some strikes."""
    faults = Faults()
    faults.set([Fault(kind=Kind.UNAVAILABLE, action="s3:*", role="*job*", skip=2, every=10, times=3)])
    struck = [number for number in range(100) if faults.strike(aws, "arn:job", "s3:GetObject")]
    assert struck == [2, 12, 22]
    assert faults.struck() == {"s3:*": 3}
    assert not faults.strike(aws, "arn:other", "s3:GetObject")
    assert not faults.strike(aws, "arn:job", "sqs:GetObject")


def test_a_crash_kills_the_caller(aws: LocalAws) -> None:
    """The whole process group of the role gets SIGKILL."""
    faults = Faults()
    faults.set([Fault(kind=Kind.CRASH, action="a:b")])
    with subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) as process:
        aws.processes["arn:job"] = process.pid
        assert faults.strike(aws, "arn:job", "a:b") is Kind.CRASH
        assert process.wait() == -signal.SIGKILL


def test_a_document_that_is_not_a_fault_is_refused() -> None:
    """The message says what is wrong with it."""
    for document in ({"action": "a:b"}, {"kind": "flood", "action": "a:b"}, {"kind": "crash", "act": "a"}):
        with pytest.raises(LocalAwsError, match="This is not a fault"):
            Fault.from_document(document)
