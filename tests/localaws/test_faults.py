"""What goes wrong on purpose goes wrong when it should."""

import signal
import subprocess
from pathlib import Path

import pytest

from localaws.account import LocalAws, LocalAwsError
from localaws.faults import Fault, Faults, Kind


@pytest.fixture
def aws(tmp_path: Path) -> LocalAws:
    """Return a local AWS that nobody needs to reach."""
    return LocalAws(port=1, folder=tmp_path)


def test_one_call_in_ten_is_struck(aws: LocalAws) -> None:
    """Of the calls that the fault is about, after those that it spares, and as often as it says."""
    faults = Faults()
    faults.put([Fault(kind=Kind.UNAVAILABLE, action="s3:*", role="*job*", skip=2, every=10, times=3)])
    struck = [number for number in range(100) if faults.strike(aws, "arn:job", "s3:GetObject")]
    assert struck == [2, 12, 22]
    assert faults.struck() == {"s3:*": 3}
    assert not faults.strike(aws, "arn:other", "s3:GetObject")
    assert not faults.strike(aws, "arn:job", "sqs:GetObject")


def test_a_crash_kills_who_calls(aws: LocalAws) -> None:
    """The whole process group, at once: there is no time to tidy up."""
    faults = Faults()
    faults.put([Fault(kind=Kind.CRASH, action="a:b")])
    with subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) as process:
        aws.processes["arn:job"] = process.pid
        assert faults.strike(aws, "arn:job", "a:b") is Kind.CRASH
        assert process.wait() == -signal.SIGKILL


def test_a_fault_that_is_none_is_refused() -> None:
    """Who asks for one by hand learns what is wrong with it."""
    for document in ({"action": "a:b"}, {"kind": "flood", "action": "a:b"}, {"kind": "crash", "act": "a"}):
        with pytest.raises(LocalAwsError, match="This is no fault"):
            Fault.from_document(document)
