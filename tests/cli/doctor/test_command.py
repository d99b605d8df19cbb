"""Tests of `fruits doctor` as a whole: its lines, its document, its exit code."""

import json
import os
import subprocess
import sys

import pytest

from cli.doctor.checks import Check, Finding, Status, examine_all, fail, lenient, ok, skip, warn
from cli.doctor.command import document, lines
from cli.main import main
from spark_app.errors import InstallationError
from tests.cli.test_as_json import documented, fields_of


def _broken() -> Finding:
    raise RuntimeError("two\nlines")


def _incomplete() -> Finding:
    raise InstallationError("Spark is not set up for local runs: run `fruits setup`.")


CHECKS = [
    Check("good", lambda: ok("it works")),
    Check("poor", lambda: warn("it is old", "Renew it.")),
    Check("broken", _broken),
    Check("incomplete", _incomplete),
    Check("absent", lambda: skip("not asked for")),
]


def test_a_check_that_crashes_is_a_finding() -> None:
    """Neither an error of a library nor one of our own hides the other checks; each gives its reason in one line."""
    found = {check.name: finding for check, finding in examine_all(CHECKS)}
    assert found["broken"] == fail("the check itself failed", "Report this: RuntimeError: two lines")
    assert found["incomplete"] == fail("not usable", "Spark is not set up for local runs: run `fruits setup`.")
    assert [finding.status for finding in found.values()] == ["ok", "warn", "fail", "fail", "skip"]


def test_nobody_fails_for_what_was_not_asked() -> None:
    """A machine may have credentials for another account, so that without `--env` its failures are warnings."""
    found = [finding for _, finding in examine_all([*map(lenient, CHECKS)])]
    assert [finding.status for finding in found] == ["ok", "warn", "warn", "warn", "skip"]
    assert found[3].advice == "Spark is not set up for local runs: run `fruits setup`."


def test_every_finding_is_a_line_with_what_to_do_below_it() -> None:
    """The last line counts the findings."""
    assert list(lines(examine_all(CHECKS[:2]))) == [
        "ok    good  it works",
        "warn  poor  it is old",
        "            → Renew it.",
        "",
        "2 checks: 1 ok, 1 warn",
    ]


def test_the_document_has_one_entry_for_each_check() -> None:
    """A script finds name, status, finding and advice; the advice is null where there is nothing to do."""
    assert document(examine_all(CHECKS[:2])) == {
        "checks": [
            {"name": "good", "status": "ok", "found": "it works", "advice": None},
            {"name": "poor", "status": "warn", "found": "it is old", "advice": "Renew it."},
        ]
    }
    assert set(fields_of(document(examine_all(CHECKS[:2])))) == documented("doctor")


@pytest.mark.parametrize("status", [Status.WARN, Status.FAIL])
def test_a_problem_needs_an_advice(status: Status) -> None:
    """A finding that says only what is wrong would leave its reader alone."""
    with pytest.raises(ValueError, match="needs an advice"):
        Finding(status, "it is broken")


@pytest.mark.parametrize(("check", "code"), [(CHECKS[0], 0), (CHECKS[1], 0), (CHECKS[4], 0), (CHECKS[3], 1)])
def test_only_a_failure_is_a_failure(
    check: Check, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A machine without a network, and one without an account, is in order."""
    monkeypatch.setattr("cli.doctor.installation.installation_checks", lambda: [check])
    monkeypatch.setattr("cli.doctor.machine.machine_checks", lambda _: [])
    monkeypatch.setattr("cli.doctor.network.network_checks", list)
    monkeypatch.setattr("boto3.Session.get_credentials", lambda _: None)
    monkeypatch.delenv("FRUITS_ENV", raising=False)
    assert main(["doctor", "--json"]) == code
    found = json.loads(capsys.readouterr().out)["checks"]
    assert [one["name"] for one in found] == [check.name, "aws"]


@pytest.mark.slow
def test_it_examines_this_machine_without_a_network() -> None:
    """On the machine of the tests, whose installation is complete, no check of the installation fails."""
    nowhere = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), "http://127.0.0.1:9")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FRUITS_", "KERAS_"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "doctor", "--json"],
        env=environment | nowhere | {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = {one["name"]: one["status"] for one in json.loads(done.stdout)["checks"]}
    assert {found[name] for name in ("python", "java", "spark", "iceberg", "node", "cdk")} <= {"ok", "warn"}
    assert found["pypi"] == found["npm"] == found["maven"] == found["weights"] == "warn"
    assert found["aws"] == "skip"
