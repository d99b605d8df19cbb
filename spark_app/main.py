"""The command that runs the pipeline under spark-submit, and the options that it shares with `fruits run`."""

import argparse
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NoReturn

from contract.job import JobOption
from contract.runs import Mode
from spark_app.errors import FruitsError, UsageError
from spark_app.failures import cause_of
from spark_app.job_failure import FailureReport
from spark_app.options import Parser, filled, number, one_of, whole_number
from spark_app.pipeline import maintain, run
from spark_app.progress import PlainReporter
from spark_app.settings import CatalogSettings, Limits, Option, RunSettings, as_url, options_of
from spark_app.signals import ending_by_exception
from spark_app.watchdog import ending_without_progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add all options of a run to a parser."""
    add = parser.add_argument
    add(JobOption.IMAGES, type=filled, metavar="URL", help="folder or bucket of images: .../<label>/<file>")
    add(JobOption.OUTPUT, type=filled, required=True, metavar="URL", help="folder or bucket for tables and results")
    add_tuning_arguments(parser)


def add_tuning_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that have a default value."""
    for owner in (RunSettings, Limits, CatalogSettings):
        for name, option in options_of(owner).items():
            _add_option(parser, option, getattr(owner, name))


def _add_option(parser: argparse.ArgumentParser, option: Option, default: object) -> None:
    if default is False:
        parser.add_argument(option.flag, action="store_true", help=option.description)
        return
    parser.add_argument(
        option.flag,
        default=default,
        type=option.parse or _reader(default),
        metavar=f"{{{','.join(type(default))}}}" if isinstance(default, StrEnum) else option.metavar,
        help=f"{option.description} [{default_text(default)}]",
    )


def _reader(default: object) -> Callable[[str], Any]:
    """Return the function that reads the values of an option, by the type of its default value."""
    if isinstance(default, StrEnum):
        return one_of(type(default))
    readers: dict[type, Callable[[str], Any]] = {int: whole_number, float: number, str: filled}
    return readers[type(default)]


def default_text(default: object) -> str:
    """Return the default value of an option as the help shows it."""
    if default is None:
        return "generated"
    return f"{default:g}" if isinstance(default, float) else str(default)


def settings_from(arguments: argparse.Namespace) -> RunSettings:
    """Read the settings from parsed options.

    Raises
    ------
    SettingsError
        If a setting is invalid.
    """
    return RunSettings(
        images=as_url(arguments.images) if arguments.images else "",
        output=as_url(arguments.output),
        limits=Limits(**_values(Limits, arguments)),
        catalog=CatalogSettings(**_values(CatalogSettings, arguments)),
        **_values(RunSettings, arguments),
    )


def _values(owner: type, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of a class of settings that have an option, with the values of the options."""
    options = options_of(owner).items()
    return {name: getattr(arguments, option.flag[2:].replace("-", "_")) for name, option in options}


class _JobParser(Parser):
    """A parser that raises its mistakes, so that the report of the failure contains them."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(self.in_a_sentence(message))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the pipeline under spark-submit; return 0 for success, 1 for a failure, 2 for a mistake of the user.

    With `--run-id`, a failure is also reported in ``results/<run_id>/failure.json``.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    report = FailureReport.of(words)
    with ending_by_exception() as signals:
        try:
            _run(words, report)
        except FruitsError as error:
            failure = str(error), error.exit_code
        except KeyboardInterrupt:
            number = signals[0] if signals else signal.SIGINT
            failure = f"The job was ended from outside ({signal.Signals(number).name}).", 128 + number
        except Exception as error:  # noqa: BLE001 -- whatever has happened is reported
            traceback.print_exc()
            failure = f"The job failed: {type(error).__name__}: {cause_of(error)}", 1
        else:
            return 0
        _tell(*failure, report)
    return failure[1]


def _run(words: Sequence[str], report: FailureReport | None) -> None:
    parser = _JobParser(prog="fruits-pipeline", description="Run the pipeline under spark-submit.")
    add_arguments(parser)
    settings = settings_from(parser.parse_args(words))
    if report:
        report.remove()
    with ending_without_progress(
        settings.no_progress_minutes * 60, lambda error: _tell(str(error), error.exit_code, report)
    ):
        (maintain if settings.mode is Mode.MAINTAIN else run)(settings, PlainReporter(sys.stdout), {})


def _tell(reason: str, exit_code: int, report: FailureReport | None) -> None:
    print(f"fruits: {reason}", file=sys.stderr, flush=True)  # noqa: T201 -- this is a command
    if report:
        report.write(exit_code, reason)


if __name__ == "__main__":
    sys.exit(main())
