"""`python -m rehearsal run|up|down|status|prepare`; `fruits rehearse` calls it."""

import argparse
import sys
from collections.abc import Sequence

from rehearsal import rehearse, stay
from rehearsal.errors import RehearsalError, UsageError
from rehearsal.local_aws import spark_home
from rehearsal.local_aws.account import LocalAwsError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
"""Exit codes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Rehearse, or play with a stack that stays up.

    Returns
    -------
    int
        Exit code: 0 done, 1 failed, 2 asked for something that can't be, 130 interrupted.
    """
    commands = {
        "run": rehearse.rehearse,
        "up": stay.up,
        "down": stay.down,
        "status": stay.status,
        "prepare": spark_home.s3_client,
    }
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description=__doc__)
    parser.add_argument("command", choices=commands)
    try:
        commands[parser.parse_args(argv).command]()
    except (RehearsalError, LocalAwsError) as error:
        print(f"fruits: {error}", file=sys.stderr)
        return MISUSED if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        print("\nfruits: interrupted. Nothing is left behind.", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
