"""Tests of the connection to an environment, and of the messages about its failures."""

from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    SSLError,
    UnauthorizedSSOTokenError,
)
from botocore.httpsession import URLLib3Session

from cli.cloud.environment import Deployment, connect
from cli.main import main
from contract.environments import Output

DEV = ["--env", "dev"]


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the machine credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.fixture
def answer(credentials: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:  # noqa: ARG001 -- the fixture sets variables
    """Return a function that sets the answer of AWS: bytes, or an error before the answer."""

    class Raw:
        def __init__(self, body: bytes) -> None:
            self.body = body

        def stream(self) -> list[bytes]:
            return [self.body]

    def answer_with(what: object) -> None:
        def send(_: URLLib3Session, request: object) -> AWSResponse:  # noqa: ARG001 -- every request gets the same answer
            if isinstance(what, Exception):
                raise what
            return AWSResponse("https://aws.example", 403 if b"Error" in what else 200, {}, Raw(what))

        monkeypatch.setattr(URLLib3Session, "send", send)

    return answer_with


def _fault(code: str) -> bytes:
    return (
        f"<ErrorResponse><Error><Code>{code}</Code>"
        "<Message>User: ann\nmay not: cloudformation:DescribeStacks.</Message></Error></ErrorResponse>"
    ).encode()


def _read(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the output of the command, which must be one sentence."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("fruits: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


def test_resources_are_found_by_the_outputs_of_the_stack(deployment: Deployment) -> None:
    """The outputs of the stack name all resources, so that the user names only the environment."""
    assert deployment.region == "eu-west-1"
    assert deployment.bucket == "fruits-dev-data"
    assert deployment.resource(Output.STATE_MACHINE).endswith(":stateMachine:fruits-dev")
    assert deployment.resource(Output.QUEUE).startswith("https://")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["status", "--env", "nowhere"], "There is no environment 'nowhere': it is one of dev, staging, prod."),
        (["status", "--env", "prod"], "no environment 'prod' in this account: deploy it with `make deploy ENV=prod`."),
        (
            ["status", *DEV, "--endpoint-url", "localhost:5000"],
            "--endpoint-url must be a URL such as http://127.0.0.1:5000",
        ),
        (
            ["status", *DEV, "--endpoint-url", "http://a:222222"],
            "--endpoint-url must be a URL such as http://127.0.0.1:5000",
        ),
        (["status", *DEV, "--endpoint-url", "http://"], "--endpoint-url must be a URL such as http://127.0.0.1:5000"),
        (["results", *DEV, "--run", "../../etc"], "--run must be an id such as"),
        (["results", *DEV, "--run", "20261120T121530Z-3fa94c"], "There are no results of run 20261120T121530Z-3fa94c"),
        (["results", *DEV], "There are no results yet"),
        (["upload", "missing", *DEV], "There is no folder missing."),
        (["upload", "empty", *DEV], "There are no images in empty."),
    ],
)
@pytest.mark.usefixtures("deployment")
def test_a_mistake_is_one_sentence(
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mistake gives one sentence that says what to do and exit code 2, and the command writes nothing."""
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    assert main(arguments) == 2
    assert sentence in _read(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_stack_that_is_not_complete_is_deployed_again(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failed first deployment leaves a stack without outputs, and the command says how to deploy it again."""
    stacks = boto3.client("cloudformation", region_name=deployment.region)
    stacks.create_stack(StackName="fruits-staging", TemplateBody='{"Resources": {}}')
    assert main(["status", "--env", "staging"]) == 2
    assert "deploy it again with `make deploy ENV=staging`" in _read(capsys)


def test_a_machine_without_credentials_is_told_where_they_go(capsys: pytest.CaptureFixture[str]) -> None:
    """Without credentials, the command says where to put them, and exits with code 2."""
    assert main(["status", *DEV]) == 2
    assert "no credentials for AWS: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and" in _read(capsys)


def test_a_local_aws_without_credentials_accepts_any(capsys: pytest.CaptureFixture[str]) -> None:
    """With --endpoint-url and without credentials, the command says that any will do, and exits with code 2."""
    assert main(["status", *DEV, "--endpoint-url", "http://127.0.0.1:9"]) == 2
    assert "a local AWS accepts any: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to any word" in _read(capsys)


def test_a_profile_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message about an unknown profile names AWS_PROFILE."""
    monkeypatch.setenv("AWS_PROFILE", "typo")
    assert main(["status", *DEV]) == 2
    assert "(typo) could not be found: set AWS_PROFILE" in _read(capsys)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (_fault("ExpiredToken"), "have expired: log in again, then run the same command again."),
        (UnauthorizedSSOTokenError(), "have expired: log in again, then run the same command again."),
        (_fault("InvalidClientTokenId"), "does not accept the credentials of this machine: check AWS_PROFILE"),
        (_fault("AccessDenied"), "no permission for DescribeStacks: ask for it, or set AWS_PROFILE"),
        (_fault("AccessDenied"), "(AWS says: User: ann may not: cloudformation:DescribeStacks)"),
        (_fault("Throttling"), "DescribeStacks failed: User: ann may not"),
        (_fault("ValidationError"), "DescribeStacks failed"),
        (EndpointConnectionError(endpoint_url="https://aws.example"), "https://aws.example does not answer: check"),
        (ConnectTimeoutError(endpoint_url="https://aws.example"), "https://aws.example does not answer: check"),
        (ProxyConnectionError(proxy_url="http://proxy.example"), "http://proxy.example does not answer: check"),
        (
            SSLError(endpoint_url="https://aws.example", error="?"),
            "does not trust the certificate of https://aws.example",
        ),
        (HTTPClientError(error="the cable is cut"), "The request to AWS failed: "),
        (b"<p>Another service, such as one that has buckets only</p>", "does not come from AWS: check the proxy"),
        (b"<html><body>Welcome to the hotel's network!<br></body></html>", "does not come from AWS: check the proxy"),
    ],
)
def test_what_goes_wrong_with_aws_is_one_sentence(
    what: object, sentence: str, answer: Callable[[object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure of AWS gives one sentence that says what to do, no traceback, and exit code 1."""
    answer(what)
    assert main(["status", *DEV]) == 1
    assert sentence in _read(capsys)


@pytest.mark.parametrize(
    "command", ["upload .", "reprocess", "start --mode update", "status", "runs", "results", "logs", "dead-letters"]
)
def test_every_command_explains_what_goes_wrong(
    command: str,
    answer: Callable[[object], None],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No command shows a traceback when the credentials have expired."""
    monkeypatch.chdir(tmp_path)
    Path("apple.jpg").touch()
    answer(_fault("ExpiredToken"))
    assert main([*command.split(), *DEV]) == 1
    assert "have expired" in _read(capsys)


def test_commands_that_are_recommended_go_to_the_same_place(deployment: Deployment) -> None:
    """A message to a user of a local AWS recommends commands with its endpoint."""
    assert deployment.command("status") == "`fruits status --env dev`"
    local = connect("dev", "https://cloudformation.eu-west-1.amazonaws.com")
    assert local.command("status") == f"`fruits status --env dev --endpoint-url {local.endpoint_url}`"
    assert local.s3.meta.endpoint_url == local.stepfunctions.meta.endpoint_url == local.endpoint_url


@pytest.mark.usefixtures("deployment")
def test_the_variable_names_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`FRUITS_ENV` replaces `--env`, and `--env` precedes it."""
    monkeypatch.setenv("FRUITS_ENV", "dev")
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.endswith("`fruits upload FOLDER --env dev`.\n")
    assert main(["runs", "--env", "prod"]) == 2
    assert "There is no environment 'prod' in this account" in _read(capsys)


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence is that of a wrong `--env`, and says where the name comes from."""
    sentence = "There is no environment 'nowhere': it is one of dev, staging, prod."
    assert main(["status", "--env", "nowhere"]) == 2
    assert _read(capsys) == f"fruits: {sentence}\n"
    monkeypatch.setenv("FRUITS_ENV", "nowhere")
    for command in (["status"], ["account"], ["cost"], ["doctor"], ["open"]):
        assert main(command) == 2
        assert _read(capsys) == f"fruits: {sentence} Correct the variable FRUITS_ENV, or add --env.\n"


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_variable_is_none(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script may set the variable to nothing."""
    monkeypatch.setenv("FRUITS_ENV", value)
    with pytest.raises(SystemExit, match="2"):
        main(["status"])
    assert "the following arguments are required: --env" in capsys.readouterr().err
