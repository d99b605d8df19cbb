"""Tests of `fruits dead-letters`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from cli.cloud.dead_letters import FAILED, NO_EVENT, OTHER_PLACE, DeadLetter, advise, diagnosis, receive_all
from cli.cloud.environment import Deployment
from cli.cloud.situation import messages_in
from cli.main import main
from contract.environments import Output

COMMAND = ["dead-letters", "--env", "dev"]


def _event(key: str, bucket: str = "fruits-dev-data", name: str = "ObjectCreated:Put") -> dict[str, object]:
    return {"eventName": name, "eventSource": "aws:s3", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}


IMAGE = json.dumps({"Records": [_event("images/Plum/a+b.jpg")]})


@pytest.fixture
def send(deployment: Deployment) -> Callable[..., None]:
    """Return a function that puts messages into the dead-letter queue."""

    def send_them(*bodies: str) -> None:
        for body in bodies:
            deployment.sqs.send_message(QueueUrl=deployment.resource(Output.DEAD_LETTERS), MessageBody=body)

    return send_them


@pytest.fixture
def counts(deployment: Deployment) -> Callable[[], tuple[int, int]]:
    """Return a function that counts the messages that can be received from the queue and the dead-letter queue."""
    return lambda: (messages_in(deployment, Output.QUEUE).waiting, messages_in(deployment, Output.DEAD_LETTERS).waiting)


def test_messages_are_shown_and_stay(
    send: Callable[..., None], counts: Callable[[], tuple[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says what each message is about, why it may be here and what to type, and changes nothing."""
    send(IMAGE, "hello")
    assert main(COMMAND) == 0
    out = capsys.readouterr().out
    assert "images/Plum/a b.jpg ObjectCreated:Put\n    start_run failed on it five times" in out
    assert "UTC  hello\n    it is no event of S3: remove it" in out
    assert "    fruits dead-letters --send-back --env dev\n" in out
    assert counts() == (0, 2)


def test_receiving_ends_although_reservations_do(
    deployment: Deployment,
    send: Callable[..., None],
    before: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A queue may be so long that the first messages come again before the last one has come."""
    send(*[IMAGE] * 5)
    requests = iter(range(10))

    def count(_: object) -> None:
        assert next(requests, None) is not None, "the command receives the same messages again and again"

    before("ReceiveMessage", count)
    monkeypatch.setattr("cli.cloud.dead_letters.RESERVED_SECONDS", 0)
    assert len(receive_all(deployment)) == 5


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize("options", [[], ["--remove", "--yes"], ["--send-back", "--yes"]])
def test_an_empty_queue_is_said(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without messages there is nothing to do."""
    assert main([*COMMAND, *options]) == 0
    assert capsys.readouterr().out.startswith("There are no messages in the dead-letter queue.\n")


def test_events_of_images_are_sent_back_and_others_stay(
    deployment: Deployment,
    send: Callable[..., None],
    counts: Callable[[], tuple[int, int]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The queue gets the events that start_run can process, in any number, and keeps their text."""
    send(*[IMAGE] * 23, "hello")
    assert main([*COMMAND, "--send-back", "--yes"]) == 0
    assert counts() == (23, 1)
    out = capsys.readouterr().out
    assert "23 messages sent back." in out
    assert "1 other message stay" in out
    (message, *_) = deployment.sqs.receive_message(QueueUrl=deployment.resource(Output.QUEUE))["Messages"]
    assert message["Body"] == IMAGE


def test_messages_are_removed_after_confirmation(
    send: Callable[..., None],
    counts: Callable[[], tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The question names the number; any answer but yes changes nothing."""
    send(IMAGE, "hello")
    asked: list[str] = []
    answers = iter(["", "y"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: (asked.append(question), next(answers))[1])
    assert main([*COMMAND, "--remove"]) == 1
    assert capsys.readouterr().err == "fruits: Nothing is changed, because the answer was not yes.\n"
    assert counts() == (0, 2)
    assert main([*COMMAND, "--remove"]) == 0
    assert counts() == (0, 0)
    assert asked == ["Remove 2 messages? [y/N] "] * 2
    assert "`fruits start --mode reconcile --env dev` finds the images." in capsys.readouterr().out


def test_ctrl_d_changes_nothing(
    send: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The end of the input is no answer."""

    def end(_: str) -> str:
        raise EOFError

    send(IMAGE)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", end)
    assert main([*COMMAND, "--remove"]) == 1
    assert capsys.readouterr().err == "fruits: Nothing is changed, because the answer was not yes.\n"


def test_messages_that_another_reader_has_are_not_gone(
    deployment: Deployment, send: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says that they come back, instead of that the queue is empty."""
    send(IMAGE)
    deployment.sqs.receive_message(QueueUrl=deployment.resource(Output.DEAD_LETTERS), VisibilityTimeout=60)
    assert main(COMMAND) == 1
    assert "Another reader has 1 message of the dead-letter queue at present" in capsys.readouterr().err


def test_the_log_of_the_newest_message_is_offered(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """A message stays for 14 days: the offered hours of the log reach back to the newest one."""
    letters = [
        DeadLetter(
            message_id=str(days),
            sent=datetime.now(UTC) - timedelta(days=days),
            what="images/a.jpg",
            why=FAILED,
            is_of_image=True,
            body=IMAGE,
            receipt="r",
        )
        for days in (9, 3, 5)
    ]
    advise(deployment, letters)
    assert "    fruits logs --hours 74 --level warning --env dev\n" in capsys.readouterr().out


def test_a_script_must_confirm(send: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal, the command demands --yes."""
    send(IMAGE)
    assert main([*COMMAND, "--remove"]) == 2
    assert "Remove 1 message? There is no terminal for the answer: add --yes." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "what", "why"),
    [
        (IMAGE, "images/Plum/a b.jpg ObjectCreated:Put", FAILED),
        (
            json.dumps({"Records": [_event("images/a.jpg"), _event("images/b.jpg")]}),
            "images/a.jpg ObjectCreated:Put and 1 more",
            FAILED,
        ),
        (json.dumps({"Records": [_event("images/a%1B.jpg")]}), "images/a\\x1b.jpg ObjectCreated:Put", FAILED),
        (json.dumps({"Records": [_event("tables/a")]}), "tables/a ObjectCreated:Put", OTHER_PLACE),
        (json.dumps({"Records": [_event("images/a", bucket="b")]}), "images/a ObjectCreated:Put", OTHER_PLACE),
        ("\x1b[2J", "\\x1b[2J", NO_EVENT),
        ("[]", "[]", NO_EVENT),
        ('{"Records": [1]}', "1", NO_EVENT),
        ('{"Records": []}', '{"Records": []}', NO_EVENT),
    ],
)
def test_a_diagnosis_says_what_and_why(body: str, what: str, why: str) -> None:
    """Any text may be in the queue, and the terminal can show all of it."""
    assert diagnosis(body, "fruits-dev-data") == (what, why)
