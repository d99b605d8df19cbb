"""The parser of command lines: it takes options by their full names only, and answers a mistake with one sentence."""

import argparse
import math
import sys
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Generic, NoReturn, TypeVar

from spark_app.errors import UsageError
from spark_app.local_files import user_path

Choice = TypeVar("Choice", bound=StrEnum)


class Parser(argparse.ArgumentParser):
    """A parser whose subcommands are parsers of this class, too."""

    def __init__(self, **settings: object) -> None:
        # An abbreviation would be taken for whichever option begins with it: --image for --images.
        super().__init__(**{"allow_abbrev": False} | settings)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Print the mistake and where the help is, without the list of all options."""
        print(f"{self.prog}: {self.in_a_sentence(message)}", file=sys.stderr)  # noqa: T201 -- as argparse
        sys.exit(UsageError.exit_code)

    def in_a_sentence(self, mistake: str) -> str:
        """Return a mistake that argparse has found, and where the help is."""
        sentence = mistake.removeprefix("argument ").replace(": must ", " must ", 1)
        return f"{sentence.rstrip('.')}. `{self.prog} --help` lists the options."


def filled(text: str) -> str:
    """Read a text that is not empty: an empty path would be taken for the current folder. It can be printed."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"must be valid Unicode (UTF-8), not {text!r}") from None
    return text


def path(text: str) -> Path:
    """Read a path, in which ``~`` is the home folder."""
    try:
        return user_path(filled(text))
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def whole_number(text: str) -> int:
    """Read a whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}") from None


def count(text: str) -> int:
    """Read a whole number above 0."""
    value = whole_number(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
    return value


def number(text: str) -> float:
    """Read a number, which must be finite."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}")
    return value


@dataclass(frozen=True)
class OneOf(Generic[Choice]):
    """Reads one of several words. The completion of a shell needs to know them."""

    choices: type[Choice]

    @property
    def words(self) -> list[str]:
        """The words."""
        return list(self.choices)

    def __call__(self, text: str) -> Choice:
        """Read a word."""
        try:
            return self.choices(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {in_words(self.words)}, not {text!r}") from None


def in_words(choices: Collection[str]) -> str:
    """List words, such as ``a, b or c``."""
    *most, last = choices
    return f"{', '.join(most)} or {last}" if most else last
