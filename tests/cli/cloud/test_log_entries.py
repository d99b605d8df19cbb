"""Tests of log entries: which lines belong together, and how serious they are."""

from datetime import UTC, datetime

import pytest

from cli.cloud.log_entries import Joiner, LogEntry, LogLine, Severity

AT = datetime(2026, 11, 20, 12, 15, 30, tzinfo=UTC)


def _entries(*texts: str, stream: str = "SPARK_DRIVER/stderr", source: str = "driver") -> list[LogEntry]:
    joiner = Joiner()
    lines = [LogLine(at=AT, source=source, stream=stream, text=text) for text in texts]
    return [*joiner.feed(lines), *joiner.flush()]


def test_a_stack_trace_is_one_entry_whose_gist_is_its_innermost_cause() -> None:
    """The lines of an exception belong to the line before them, in one event or in many."""
    trace = ["java.lang.RuntimeException: no", "\tat a.b.C(C.java:1)", "Caused by: java.io.IOException: disk full"]
    lines = ["26/11/20 12:15:29 ERROR Executor: Exception in task 1.0", *trace, "\t... 3 more"]
    for texts in (lines, ["\n".join(lines)]):
        (entry,) = _entries(*texts)
        assert (entry.severity, entry.text) == (Severity.ERROR, "Executor: Exception in task 1.0")
        assert entry.more == (*trace, "\t... 3 more")
        assert entry.gist == "Caused by: java.io.IOException: disk full"


def test_a_traceback_of_python_is_one_error_whose_gist_is_its_last_line() -> None:
    """A traceback ends with a line that is not indented."""
    told = _entries(
        "26/11/20 12:15:29 INFO SparkContext: noise",
        "Traceback (most recent call last):",
        '  File "main.py", line 3, in <module>',
        "    main()",
        "spark_app.errors.StorageError: The storage failed.",
        "fruits: The storage failed.",
    )
    assert [entry.severity for entry in told] == [Severity.NOISE, Severity.ERROR, Severity.ERROR]
    assert told[1].gist == "spark_app.errors.StorageError: The storage failed."
    assert told[2].lines == ("fruits: The storage failed.",)


def test_a_message_of_several_lines_is_one_entry() -> None:
    """Spark and Iceberg write messages of several lines, of which only the first has a time and a level."""
    (entry,) = _entries("26/11/20 12:15:29 INFO V2ScanRelationPushDown: ", "Pushing operators", "Output: key#1")
    assert entry.severity is Severity.NOISE
    assert entry.more == ("Pushing operators", "Output: key#1")


def test_every_line_of_the_standard_output_is_an_entry() -> None:
    """The application reports its steps there, one per line; lines of progress are indented."""
    told = _entries("plan  8.6 s", "   3 of 17 changes", stream="SPARK_DRIVER/stdout")
    assert [entry.text for entry in told] == ["plan  8.6 s", "   3 of 17 changes"]
    assert {entry.severity for entry in told} == {Severity.INFO}


@pytest.mark.parametrize(
    ("line", "severity", "text"),
    [
        ("26/11/20 12:15:29 INFO SparkContext: Running", Severity.NOISE, "SparkContext: Running"),
        ("26/11/20 12:15:29 WARN TaskSetManager: Lost task", Severity.WARNING, "TaskSetManager: Lost task"),
        (
            "26/11/20 12:15:29 WARN NativeCodeLoader: Unable to load native",
            Severity.NOISE,
            "NativeCodeLoader: Unable to load native",
        ),
        ("WARNING: Using incubator modules: jdk.incubator.vector", Severity.NOISE, None),
        ('Exception in thread "main" java.lang.OutOfMemoryError', Severity.ERROR, None),
        ("START RequestId: 1 Version: $LATEST", Severity.NOISE, None),
        ('{"_aws": {}, "service": "start_run"}', Severity.NOISE, None),
        (
            '{"level": "WARNING", "message": "No event", "service": "start_run", "reason": "not JSON"}',
            Severity.WARNING,
            "No event reason=not JSON",
        ),
        ('{"level": "INFO", "message": "Taken in", "messages": 2}', Severity.INFO, "Taken in messages=2"),
        ("[ERROR] ClientError: denied\rTraceback (most recent call last):", Severity.ERROR, "ClientError: denied"),
        ("[ERROR] BillNotReadyError: 00job", Severity.NOISE, "BillNotReadyError: 00job"),
        ('{"errorMessage": "denied", "errorType": "ClientError"}', Severity.ERROR, "denied errorType=ClientError"),
        ("2026-11-20T12:15:29Z 1 Task timed out after 60.06 seconds", Severity.ERROR, None),
        ("{not JSON", Severity.INFO, None),
    ],
)
def test_the_severity_of_a_line(line: str, severity: Severity, text: str | None) -> None:
    """What Spark and Lambda report about themselves is noise, as is the error of a bill that is not ready."""
    entry, *_ = _entries(line, stream="function")
    assert entry.severity is severity
    assert entry.text == (text or line) or line.endswith(entry.text)


def test_an_exception_in_the_log_of_a_function_stays_with_its_message() -> None:
    """Powertools writes the exception as a field."""
    (entry,) = _entries(
        '{"level": "ERROR", "message": "Failed", "exception": "Traceback:\\n  x\\nError: y"}', stream="f"
    )
    assert entry.lines == ("Failed", "Traceback:", "  x", "Error: y")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("26/11/20 12:15:02 WARN A: b", datetime(2026, 11, 20, 12, 15, 2, tzinfo=UTC)),
        ("26/11/20 13:15:02 WARN A: b", AT),
        ("26/11/20 07:15:02 WARN A: b", AT),
    ],
)
def test_a_line_has_its_own_time_unless_it_is_of_another_time_zone(line: str, expected: datetime) -> None:
    """EMR Serverless names UTC; a local AWS names its own time zone, and delivers all lines at the end of a job."""
    (entry,) = _entries(line)
    assert entry.at == expected


def test_a_trace_that_arrives_in_parts_stays_together() -> None:
    """While a command follows a log, the rest of a stack trace may arrive later than its beginning."""
    joiner = Joiner()

    def feed(*texts: str) -> list[LogEntry]:
        return list(joiner.feed(LogLine(at=AT, source="driver", stream="x/stderr", text=text) for text in texts))

    assert feed("26/11/20 12:15:29 ERROR A: b") == []
    assert feed("\tat c") == []
    (entry,) = feed("26/11/20 12:15:30 INFO A: b")
    assert entry.lines == ("A: b", "\tat c")
    assert len(list(joiner.flush())) == 1
    assert list(joiner.flush()) == []
