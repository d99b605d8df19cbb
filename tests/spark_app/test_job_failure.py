"""Tests of the report of a failed job: it says in a sentence what has happened, and it is written only where it may."""

import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from contract.job import JobFailure
from contract.layout import LATEST, OUTPUT_MARK, job_failure
from spark_app import job_failure as reports
from spark_app import main as command
from spark_app.errors import StorageError, UsageError
from spark_app.progress import Reporter
from spark_app.settings import RunSettings
from spark_app.storage import Storage
from spark_app.watchdog import ending_without_progress

RUN = "20261120T121530Z-3fa94c"


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return a function that runs a job on an output: it does what it is told instead of the steps."""
    (tmp_path / "images").mkdir()
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / OUTPUT_MARK).write_text("{}")

    def start(do: Callable[[], None], *options: str) -> int:
        def steps(_settings: RunSettings, _reporter: Reporter, _conf: Mapping[str, str]) -> None:
            do()

        monkeypatch.setattr(command, "run", steps)
        places = ["--images", str(tmp_path / "images"), "--output", str(tmp_path / "output")]
        return command.main([*places, "--run-id", RUN, *options])

    return start


def _report(tmp_path: Path) -> JobFailure | None:
    file = tmp_path / "output" / job_failure(RUN)
    return JobFailure.from_json(file.read_bytes()) if file.exists() else None


def _raise(error: BaseException) -> Callable[[], None]:
    def do() -> None:
        raise error

    return do


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (UsageError("The weights are wrong."), 2, "The weights are wrong."),
        (StorageError("Can't read s3://x: é 桃"), 1, "Can't read s3://x: é 桃"),
        (ValueError("a\nb"), 1, "The job failed: ValueError: a"),
        (ValueError("x" * 5_000), 1, f"The job failed: ValueError: {'x' * (996 - 28)} ..."),
        (MemoryError(), 1, "The job failed: MemoryError: MemoryError"),
    ],
)
def test_a_failed_job_says_why(
    job: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    reason: str,
) -> None:
    """The report has the exit code and the reason; only an unexpected error has a traceback in the log."""
    assert job(_raise(error)) == code
    assert _report(tmp_path) == JobFailure(run_id=RUN, exit_code=code, reason=reason)
    assert ("Traceback" in capsys.readouterr().err) == (not isinstance(error, UsageError | StorageError))


@pytest.mark.parametrize("option", [("--components", "5000"), ("--nonsense",), ("--refit-threshold", "high")])
def test_a_wrong_option_is_reported_as_final(
    job: Callable[..., int], tmp_path: Path, option: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake in the options, which no other attempt can mend, has one sentence in the report and in the log."""
    assert job(lambda: None, *option) == 2
    report = _report(tmp_path)
    assert report is not None
    assert report.is_final
    assert capsys.readouterr().err == f"fruits: {report.reason}\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_job_that_is_ended_from_outside_says_so(job: Callable[..., int], tmp_path: Path, number: int) -> None:
    """A signal ends the job after it has tidied up, with the exit code of the signal."""
    before = signal.signal(number, signal.SIG_DFL)  # tests that nohup has started ignore SIGHUP, and so would the job
    assert job(lambda: signal.raise_signal(number)) == 128 + number
    report = _report(tmp_path)
    assert report is not None
    signal.signal(number, before)
    assert report.reason == f"The job was ended from outside ({signal.Signals(number).name})."
    assert not report.is_final


def test_a_job_that_hangs_says_so(job: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watchdog ends the job, which reports it like any other failure."""
    monkeypatch.setattr(command, "ending_without_progress", lambda *given: ending_without_progress(*given, grace=0.6))
    assert job(signal.pause, "--no-progress-minutes", "0.005") == 1
    report = _report(tmp_path)
    assert report is not None
    assert "the run hangs" in report.reason


def test_success_leaves_no_report(job: Callable[..., int], tmp_path: Path) -> None:
    """The next attempt with the same run id removes the report of the attempt before it."""
    job(_raise(StorageError("It is down.")))
    assert _report(tmp_path) is not None
    assert job(lambda: None) == 0
    assert _report(tmp_path) is None


def test_nothing_is_written_into_a_folder_of_the_user(job: Callable[..., int], tmp_path: Path) -> None:
    """A folder without the mark of an output may contain other files: the run refuses it, and so does the report."""
    (tmp_path / "output" / OUTPUT_MARK).unlink()
    (tmp_path / "output/photo.jpg").touch()
    assert job(_raise(UsageError("It contains other files."))) == 2
    assert [file.name for file in (tmp_path / "output").iterdir()] == ["photo.jpg"]


def test_without_a_run_id_there_is_no_report(tmp_path: Path) -> None:
    """Neither a job without a run id nor one with a wrong id writes a report."""
    for words in ([], ["--run-id", "../../x"], ["--run-id"], ["--run-id", RUN]):
        assert command.main(["--images", str(tmp_path), *words]) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_storage_that_fails_is_named_in_the_log(
    job: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the report can't be written, the log says so after the reason, and the exit code stays that of the failure."""

    def fail(*_: object) -> None:
        raise StorageError("Can't write: access denied")

    monkeypatch.setattr(Storage, "write", fail)
    assert job(_raise(UsageError("The weights are wrong."))) == 2
    assert capsys.readouterr().err.splitlines() == [
        "fruits: The weights are wrong.",
        f"fruits: the failure is not recorded in {job_failure(RUN)}: Can't write: access denied",
    ]


def test_a_storage_that_hangs_does_not_keep_the_job_alive(
    job: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A storage that does not answer is waited for a limited time."""
    monkeypatch.setattr(reports, "SECONDS", 0.1)
    monkeypatch.setattr(Storage, "write", lambda *_: signal.sigwait([signal.SIGUSR2]))
    assert job(_raise(UsageError("The weights are wrong."))) == 2
    assert "the storage does not answer" in capsys.readouterr().err


def test_a_reason_may_have_any_characters(tmp_path: Path) -> None:
    """A name of a file that is not UTF-8 does not prevent the report."""
    (tmp_path / OUTPUT_MARK).touch()
    reports.FailureReport(Storage(tmp_path.as_uri()), RUN).write(1, "There is no \udcff.\n")
    assert JobFailure.from_json((tmp_path / job_failure(RUN)).read_bytes()).reason == "There is no \udcff."


def test_a_report_changes_nothing_for_readers(job: Callable[..., int], tmp_path: Path) -> None:
    """A failed run has a folder with its report, and the pointer to the last complete results stays."""
    pointer = tmp_path / "output" / LATEST
    pointer.parent.mkdir()
    pointer.write_text("as before")
    job(_raise(StorageError("It is down.")))
    assert pointer.read_text() == "as before"
