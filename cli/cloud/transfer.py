"""The transfer of many files: a file that fails does not stop the others."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from cli.cloud import words
from cli.cloud.errors import CloudError, NoAccessError, explain
from cli.cloud.parallel import AHEAD
from cli.cloud.progress import TransferProgress
from spark_app.errors import FruitsError


class UnfitFileError(FruitsError):
    """A local file can't be transferred. The message gives the reason."""


@dataclass(frozen=True, kw_only=True)
class TransferResult:
    """The result of the transfer of a file.

    Attributes
    ----------
    name
        Path below the folder, with slashes.
    size
        Number of bytes that were transferred; `None` if the file was skipped, or if the transfer failed.
    problem
        Reason of the failure; empty without one.
    refused_by_aws
        Whether the reason is an error that AWS answered.
    """

    name: str
    size: int | None = None
    problem: str = ""
    refused_by_aws: bool = False


def attempt(name: str, transfer: Callable[[], int | None]) -> TransferResult:
    """Call a function that transfers a file, and returns the number of bytes, or `None` if it skips the file.

    Raises
    ------
    CloudError
        If all other transfers would fail, too.
    """
    try:
        return TransferResult(name=name, size=transfer())
    except UnfitFileError as error:
        return TransferResult(name=name, problem=str(error))
    except OSError as error:
        return TransferResult(name=name, problem=error.strerror or str(error))
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        explained = explain(error)
        if isinstance(explained, NoAccessError):
            raise explained from error
        return TransferResult(name=name, problem=str(explained), refused_by_aws=True)


@dataclass
class TransferTally:
    """Counts of transferred, skipped and failed files, and the number of bytes transferred."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    size: int = 0

    def count_all(self, results: Iterable[TransferResult], progress: TransferProgress) -> None:
        """Count results, and show them.

        Raises
        ------
        CloudError
            If AWS refuses many files in succession, because the reason is not the files then.
        """
        refused_in_a_row = 0
        for result in results:
            self._count(result)
            if result.problem:
                progress.say(f"failed: {words.printable(result.name)}: {result.problem}")
            progress.one_done()
            refused_in_a_row = refused_in_a_row + 1 if result.refused_by_aws else 0
            if refused_in_a_row == AHEAD:
                raise CloudError(f"Given up, because {AHEAD} files failed in succession. {result.problem}")

    def _count(self, result: TransferResult) -> None:
        if result.problem:
            self.failed += 1
        elif result.size is None:
            self.skipped += 1
        else:
            self.done += 1
            self.size += result.size

    def check(self) -> None:
        """Check that no file failed.

        Raises
        ------
        CloudError
            If one did.
        """
        if self.failed:
            raise CloudError(
                f"{words.counted(self.failed, 'file')} failed: the lines above give the reasons, and the same command "
                "tries again."
            )

    def in_words(self, done: str) -> str:
        """Write the counts; `done` says what happened to the transferred files, such as ``uploaded``."""
        parts = [f"{words.counted(self.done, 'file')} {done} ({words.size(self.size)})"]
        if self.skipped:
            parts.append(f"{self.skipped:,} skipped that were there already")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        return ", ".join(parts)


def md5_of(path: Path) -> str:
    """Return the MD5 of a file, which is S3's etag of an object that was uploaded in one piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
