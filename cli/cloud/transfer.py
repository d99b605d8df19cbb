"""What becomes of files on their way: one may fail, the others go on."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from cli.cloud import words
from cli.cloud.errors import CloudError, CredentialsError, UnreachableError, explain
from cli.cloud.parallel import AHEAD
from cli.cloud.progress import TransferProgress
from spark_app.errors import FruitsError


class UnfitFileError(FruitsError):
    """A file can't be transferred, whatever AWS says; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a file.

    Attributes
    ----------
    name
        Below the folder.
    size
        Bytes that were transferred; None if it was there already, or failed.
    problem
        Why it failed; empty if it didn't.
    by_aws
        Whether it was AWS that refused it.
    """

    name: str
    size: int | None = None
    problem: str = ""
    by_aws: bool = False


def attempt(name: str, transfer: Callable[[], int | None]) -> Outcome:
    """Transfer a file.

    Parameters
    ----------
    name
        Of the file.
    transfer
        Does it, and returns the bytes, or None if it was there already.

    Raises
    ------
    CloudError
        If no other file would fare better.
    """
    try:
        return Outcome(name=name, size=transfer())
    except UnfitFileError as error:
        return Outcome(name=name, problem=str(error))
    except OSError as error:
        return Outcome(name=name, problem=error.strerror or str(error))
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        explained = explain(error)
        if isinstance(explained, CredentialsError | UnreachableError):
            raise explained from error
        return Outcome(name=name, problem=str(explained), by_aws=True)


@dataclass
class Tally:
    """Counts what became of files.

    Attributes
    ----------
    done, skipped, failed
        Files.
    size
        Bytes of those that are done.
    """

    done: int = 0
    skipped: int = 0
    failed: int = 0
    size: int = 0

    def count(self, outcome: Outcome) -> None:
        """Count a file."""
        if outcome.problem:
            self.failed += 1
        elif outcome.size is None:
            self.skipped += 1
        else:
            self.done += 1
            self.size += outcome.size

    def in_words(self, done: str) -> str:
        """Write the counts.

        Parameters
        ----------
        done
            What was done with the files: ``uploaded``.
        """
        parts = [f"{words.counted(self.done, 'file')} {done} ({words.size(self.size)})"]
        if self.skipped:
            parts.append(f"{self.skipped:,} skipped that were there already")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        return ", ".join(parts)


def watch(outcomes: Iterable[Outcome], tally: Tally, progress: TransferProgress) -> None:
    """Count what becomes of files, and tell why one failed.

    Raises
    ------
    CloudError
        If AWS refuses one after the other: then the cause is not the files.
    """
    refused_in_a_row = 0
    for outcome in outcomes:
        tally.count(outcome)
        if outcome.problem:
            progress.say(f"failed: {words.printable(outcome.name)}: {outcome.problem}")
        progress.one_done()
        refused_in_a_row = refused_in_a_row + 1 if outcome.by_aws else 0
        if refused_in_a_row == AHEAD:
            raise CloudError(f"Given up: {AHEAD} files failed one after the other. {outcome.problem}")


def md5_of(path: Path) -> str:
    """Compute the MD5 of a file: S3's etag of an object that was put in one piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
