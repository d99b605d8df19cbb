"""What the commands of this package have in common: each ends with one sentence and an exit code, whatever happens."""

import sys
from collections.abc import Callable

from cli.main import BY_CTRL_C
from spark_app.errors import FruitsError
from spark_app.signals import ending_by_exception


def run_main(name: str, work: Callable[[], int], consequence: str = "") -> int:
    """Call what a command does.

    Parameters
    ----------
    name
        Name of the command, with which each of its sentences begins.
    work
        What the command does; it returns an exit code.
    consequence
        Sentence that says what the user finds after an interruption.

    Returns
    -------
    int
        The exit code of `work`, that of an error, such as 2 for a mistake of the user, or 130 after Ctrl-C.
    """
    try:
        with ending_by_exception():
            return work()
    except FruitsError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted. {consequence}".rstrip(), file=sys.stderr)
        return BY_CTRL_C
