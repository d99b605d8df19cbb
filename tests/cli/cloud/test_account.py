"""Tests of `fruits account`, and of the targets of the Makefile that ask it first."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from cli.cloud.account import BOOTSTRAP_PARAMETER
from cli.main import main

ROOT = Path(__file__).parents[3]
COMMAND = ["account", "--env", "dev"]


@pytest.mark.usefixtures("aws")
def test_a_prepared_account_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The command names account, Region and user, so that a user notices a wrong account."""
    ssm = boto3.client("ssm", region_name="eu-west-1")
    ssm.put_parameter(Name=BOOTSTRAP_PARAMETER, Value="31", Type="String")
    assert main(COMMAND) == 0
    out = capsys.readouterr().out
    assert out.startswith("Environment dev: account 123456789012, eu-west-1, as arn:aws:sts::123456789012:")


@pytest.mark.usefixtures("aws")
def test_an_account_without_bootstrap_says_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    """CDK would fail with an error about a parameter of Systems Manager."""
    assert main(COMMAND) == 2
    assert "run `.venv/bin/cdk bootstrap aws://123456789012/eu-west-1` once." in capsys.readouterr().err


@pytest.mark.usefixtures("aws")
def test_an_account_that_may_not_be_asked_is_left_to_cdk(before: Callable[..., None]) -> None:
    """The CDK command may assume a role with more permissions than the user has."""

    def deny(_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetParameter")

    before("GetParameter", deny)
    assert main(COMMAND) == 0


def test_without_credentials_it_says_what_status_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Both commands give the same sentence, and exit code 2."""
    assert main(COMMAND) == 2
    told = capsys.readouterr().err
    assert main(["status", "--env", "dev"]) == 2
    assert told == capsys.readouterr().err
    assert told.startswith("fruits: This machine has no credentials for AWS: set AWS_PROFILE")


def test_an_unknown_environment_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """The message lists the environments."""
    assert main(["account", "--env", "nowhere"]) == 2
    assert "There is no environment 'nowhere': it is one of dev, staging, prod." in capsys.readouterr().err


@pytest.mark.parametrize("target", ["deploy", "diff", "destroy"])
def test_make_asks_for_the_account_before_it_starts_cdk(target: str) -> None:
    """Without an account, `make deploy` ends with the sentence of `fruits status`, not with CDK's error."""
    steps = _make("--dry-run", target, "ENV=staging")
    asks = next(number for number, line in enumerate(steps) if "fruits account --env 'staging'" in line)
    starts = next(number for number, line in enumerate(steps) if f"cdk {target}" in line)
    assert asks < starts


@pytest.mark.parametrize("target", ["demo", "synth", "deploy", "destroy", "rehearse", "test", "benchmark", "check"])
def test_make_builds_the_program_of_the_explorer_after_a_change(target: str) -> None:
    """Whatever needs the program has it built first."""
    steps = _make("--dry-run", "--what-if", "spark_app/explorer/web/main.ts", target)
    assert "esbuild" in steps[0]


def test_make_help_lists_every_target() -> None:
    """Every target that the Makefile declares is listed with a sentence, except `help` of files."""
    (declared,) = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY: ")]
    listed = {line.split()[1] for line in _make("help")}
    assert listed == {*declared.removeprefix(".PHONY: ").split()}


def _make(*arguments: str) -> list[str]:
    done = subprocess.run(
        ["make", "--no-print-directory", "--old-file", ".venv/ready", *arguments],  # noqa: S607 -- wherever make is installed
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()
