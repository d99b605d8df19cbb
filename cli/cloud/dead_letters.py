"""`fruits dead-letters`: shows the messages that could not be processed, sends them back, or removes them."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from cli.as_json import print_json
from cli.cloud import words
from cli.cloud.causes import fields_of
from cli.cloud.environment import Deployment, add_environment_arguments, connect
from cli.cloud.errors import CloudError, explained_errors
from cli.cloud.situation import messages_in
from cli.subcommands import Subcommands, add_subcommand
from contract.environments import Output
from contract.layout import IMAGES
from spark_app.errors import UsageError

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

RESERVED_SECONDS = 300
"""Time for which the messages are reserved for the user's decision."""

BATCH = 10
"""Limit of SQS for the messages of one request."""

NO_EVENT = "it is no event of S3: remove it"
OTHER_PLACE = "it is about another place than the images of this environment: remove it"
FAILED = "start_run failed on it five times: remove the cause, then send it back"
"""Why a message may be in the dead-letter queue, and what to do."""

SHOWN = 50
"""Number of messages that are printed."""


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits dead-letters`."""
    parser = add_subcommand(subcommands, "dead-letters")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--send-back", action="store_true", help="send the events of images to the queue again")
    what.add_argument("--remove", action="store_true", help="delete the messages; a reconcile finds their images")
    what.add_argument("--json", action="store_true", help="print the messages as a JSON document, for scripts")
    parser.add_argument("--yes", action="store_true", help="do not ask before sending back or removing")
    add_environment_arguments(parser)
    parser.set_defaults(command=_dead_letters)


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message of the dead-letter queue.

    Attributes
    ----------
    sent
        Time at which S3, or another sender, sent it.
    what, why
        What it is about, and why it may be here.
    is_of_image
        Whether it is an event of an image, which `start_run` can process.
    receipt
        Handle with which SQS deletes it.
    """

    message_id: str
    sent: datetime
    what: str
    why: str
    is_of_image: bool
    body: str
    receipt: str


@explained_errors()
def _dead_letters(arguments: argparse.Namespace) -> int:
    if arguments.yes and not (arguments.send_back or arguments.remove):
        raise UsageError("--yes belongs to --send-back or --remove.")
    deployment = connect(arguments.env, arguments.endpoint_url)
    letters = receive_all(deployment)
    if not letters and (taken := messages_in(deployment, Output.DEAD_LETTERS).taken):
        raise CloudError(
            f"Another reader has {words.counted(taken, 'message')} of the dead-letter queue at present: run the same "
            f"command again, after {RESERVED_SECONDS // 60} minutes at the latest."
        )
    try:
        if arguments.json:
            print_json({"messages": [_document_of(letter) for letter in letters]})
            return 0
        _show(letters)
        if arguments.send_back or arguments.remove:
            return _act(deployment, letters, arguments)
        if letters:
            advise(deployment, letters)
    finally:
        release(deployment, letters)
    return 0


def receive_all(deployment: Deployment) -> list[DeadLetter]:
    """Receive the messages of the dead-letter queue; other readers don't see them until they are released.

    These are all messages, unless there are so many that the first reservations end before the last message has come.
    SQS then delivers messages again, and the function ends with a batch of known ones. Another call receives the rest.
    """
    found = dict[str, DeadLetter]()
    while letters := _receive(deployment):
        new = letters.keys() - found.keys()
        found |= letters  # SQS accepts the newest receipt of a message
        if not new:
            break
    return list(found.values())


def _receive(deployment: Deployment) -> dict[str, DeadLetter]:
    messages = deployment.sqs.receive_message(
        QueueUrl=deployment.resource(Output.DEAD_LETTERS),
        MaxNumberOfMessages=BATCH,
        VisibilityTimeout=RESERVED_SECONDS,
        WaitTimeSeconds=1,  # without a wait, SQS asks only some of its servers
        AttributeNames=["SentTimestamp"],
    ).get("Messages", [])
    return {message["MessageId"]: _letter(message, deployment.bucket) for message in messages}


def _letter(message: "MessageTypeDef", bucket: str) -> DeadLetter:
    sent = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
    what, why = diagnosis(message["Body"], bucket)
    return DeadLetter(
        message_id=message["MessageId"],
        sent=sent,
        what=what,
        why=why,
        is_of_image=why == FAILED,
        body=message["Body"],
        receipt=message["ReceiptHandle"],
    )


def diagnosis(body: str, bucket: str) -> tuple[str, str]:
    """Say what a message is about, and why it may have failed."""
    document = fields_of(body)
    records = document.get("Records")
    if not isinstance(records, list) or not records:
        return words.printable(body[:80]) or "nothing", NO_EVENT
    events = [event for record in records if (event := _event(record))]
    if len(events) < len(records):
        return json.dumps(records[0])[:80], NO_EVENT
    first = ", ".join(f"{key} {name}" for name, _, key in events[:1])
    what = f"{first} and {len(events) - 1} more" if len(events) > 1 else first
    if any(place != bucket or not key.startswith(IMAGES) for _, place, key in events):
        return what, OTHER_PLACE
    return what, FAILED


def _event(record: Any) -> tuple[str, str, str] | None:  # noqa: ANN401 -- any JSON value
    """Return name, bucket and key of an event of S3; `None` if it is none."""
    try:
        place, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        return str(record["eventName"]), str(place), words.printable(key)
    except (KeyError, TypeError, AttributeError):
        return None


def _show(letters: Sequence[DeadLetter]) -> None:
    if not letters:
        print("There are no messages in the dead-letter queue.")
    for letter in letters[:SHOWN]:
        print("\n".join(words.wrapped(f"{words.moment(letter.sent)}  {letter.what}", rest="    ")))
        print("\n".join(words.wrapped(letter.why, "    ", "    ")))
    if len(letters) > SHOWN:
        print(f"and {len(letters) - SHOWN:,} more.")


def _document_of(letter: DeadLetter) -> dict[str, object]:
    names = ("message_id", "sent", "what", "why", "is_of_image", "body")
    return {name: getattr(letter, name) for name in names}


def advise(deployment: Deployment, letters: Sequence[DeadLetter]) -> None:
    """Print the commands that explain messages, send them back, and remove them."""
    hours = words.hours_since(max(letter.sent for letter in letters), datetime.now(UTC))
    print("Type next:")
    for command in (f"logs --hours {hours} --level warning", "dead-letters --send-back", "dead-letters --remove"):
        print(f"    {deployment.line(command)}")


def _act(deployment: Deployment, letters: Sequence[DeadLetter], arguments: argparse.Namespace) -> int:
    chosen = [letter for letter in letters if letter.is_of_image] if arguments.send_back else letters
    if not chosen:
        print("There is nothing to send back." if letters else "There is nothing to do.")
        return 0
    counted = words.counted(len(chosen), "message")
    question = f"Send {counted} back to the queue?" if arguments.send_back else f"Remove {counted}?"
    if not arguments.yes and not _confirmed(question):
        raise CloudError("Nothing is changed, because the answer was not yes.")
    if arguments.send_back:
        moved = words.counted(send_back(deployment, chosen), "message")
        print(f"{moved} sent back. Follow what becomes of them with {deployment.command('status')}.")
        if others := len(letters) - len(chosen):
            print(f"{words.counted(others, 'other message')} stay here: nothing can process them.")
    else:
        removed = words.counted(remove(deployment, chosen), "message")
        find = deployment.command("start --mode reconcile")
        print(f"{removed} removed. If images were among them, {find} finds the images.")
    return 0


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(f"{question} There is no terminal for the answer: add --yes.")
    try:
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:  # Ctrl-D
        print()
        return False


def send_back(deployment: Deployment, letters: Sequence[DeadLetter]) -> int:
    """Send messages to the queue, and delete them here; after a crash between the two, a message is in both.

    Raises
    ------
    CloudError
        If SQS refuses a message.
    """
    queue, moved = deployment.resource(Output.QUEUE), 0
    for part in _parts(letters):
        entries: Any = [{"Id": str(number), "MessageBody": letter.body} for number, letter in enumerate(part)]
        _check(deployment.sqs.send_message_batch(QueueUrl=queue, Entries=entries), moved)
        moved += remove(deployment, part)
    return moved


def remove(deployment: Deployment, letters: Sequence[DeadLetter]) -> int:
    """Delete messages from the dead-letter queue.

    Raises
    ------
    CloudError
        If SQS refuses a message.
    """
    removed = 0
    for part in _parts(letters):
        entries: Any = [{"Id": str(number), "ReceiptHandle": letter.receipt} for number, letter in enumerate(part)]
        queue = deployment.resource(Output.DEAD_LETTERS)
        _check(deployment.sqs.delete_message_batch(QueueUrl=queue, Entries=entries), removed)
        removed += len(part)
    return removed


def _check(answer: Any, done: int) -> None:  # noqa: ANN401 -- answers of several operations
    if failed := answer.get("Failed"):
        raise CloudError(
            f"SQS refused a message ({failed[0].get('Message') or failed[0]['Code']}), after {done:,} were dealt with. "
            "Run the same command again for the rest."
        )


def release(deployment: Deployment, letters: list[DeadLetter]) -> None:
    """Let other readers receive the messages that are left."""
    for part in _parts(letters):
        entries: Any = [
            {"Id": str(number), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
            for number, letter in enumerate(part)
        ]
        deployment.sqs.change_message_visibility_batch(
            QueueUrl=deployment.resource(Output.DEAD_LETTERS), Entries=entries
        )


def _parts(letters: Sequence[DeadLetter]) -> Iterator[Sequence[DeadLetter]]:
    for start in range(0, len(letters), BATCH):
        yield letters[start : start + BATCH]
