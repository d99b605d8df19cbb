"""The command that runs the pipeline under spark-submit."""

import signal
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from contract.runs import Mode
from spark_app.arguments import add_arguments, settings_from
from spark_app.errors import FruitsError, UsageError
from spark_app.failures import cause_of
from spark_app.job_failure import FailureReport
from spark_app.options import Parser
from spark_app.pipeline import maintain, run
from spark_app.progress import PlainReporter
from spark_app.signals import ending_by_exception
from spark_app.watchdog import ending_without_progress


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
