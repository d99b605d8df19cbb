"""The command ``python -m localaws``: serves a local AWS until it receives a signal or its standard input ends.

It prints one line of JSON, with the endpoint and the id of the process, as soon as it accepts requests.
"""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from localaws.account import LOG, LocalAws
from localaws.server import serve


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until the end, and return the exit code 0."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.folder.exists() and (not arguments.folder.is_dir() or any(arguments.folder.iterdir())):
        parser.error(f"{arguments.folder} is not an empty folder: the local AWS deletes its folder at the end.")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=arguments.folder / LOG, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # otherwise it logs every request
    settings = {"port": arguments.port, "pace": arguments.pace, "spark_jars": arguments.spark_jars}
    with serve(arguments.folder, **settings) as aws:
        _stop_on_signal(aws)
        if not arguments.stay:
            threading.Thread(target=_stop_with_input, args=(aws,), daemon=True).start()
        print(json.dumps({"endpoint": aws.endpoint, "pid": os.getpid()}), flush=True)
        aws.stopping.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localaws", description="Serves an AWS on this machine.")
    parser.add_argument("--folder", type=Path, required=True, help="new or empty scratch folder, deleted at the end")
    parser.add_argument("--port", type=int, default=0, help="port of all services [any free port]")
    parser.add_argument("--pace", type=float, default=1.0, help="factor by which waits are shorter than in AWS [1]")
    parser.add_argument("--spark-jars", type=Path, nargs="*", default=[], help="jars on the class path of Spark jobs")
    parser.add_argument("--stay", action="store_true", help="go on when standard input ends")
    return parser


def _stop_on_signal(aws: LocalAws) -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        aws.stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def _stop_with_input(aws: LocalAws) -> None:
    """Stop when the process at the other end of standard input ends in any way."""
    sys.stdin.read()
    aws.stopping.set()


if __name__ == "__main__":
    sys.exit(main())
