"""The process that is the local AWS: ``python -m localaws.server --folder FOLDER``.

It says where it answers in one line of JSON, and lives until it is told to end, or until whoever started it is gone.
"""

import argparse
import json
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from localaws import cloudformation, functions, jobs, notifications, workflows
from localaws.account import LOG, LocalAws
from localaws.front import Front

HOST = "127.0.0.1"


def main(argv: Sequence[str] | None = None) -> int:
    """Be the local AWS until the end.

    Returns
    -------
    int
        Exit code: 0.
    """
    arguments = _parser().parse_args(argv)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=arguments.folder / LOG, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # not a line for every request
    server = make_server(HOST, arguments.port, _nothing_yet, threaded=True, request_handler=MotoRequestHandler)
    aws = LocalAws(
        port=server.server_port, folder=arguments.folder, pace=arguments.pace, spark_jars=tuple(arguments.spark_jars)
    )
    _set_up(aws, server)
    _end_when_told(aws, follow_parent=not arguments.stay)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"endpoint": aws.endpoint, "pid": os.getpid()}), flush=True)
    aws.stopping.wait()
    server.shutdown()
    _tear_down(aws)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localaws.server", description="An AWS of this machine.")
    parser.add_argument("--folder", type=Path, required=True, help="for scratch; removed at the end")
    parser.add_argument("--port", type=int, default=0, help="where it answers [any that is free]")
    parser.add_argument("--pace", type=float, default=1.0, help="how much shorter waits are than those of AWS [1]")
    parser.add_argument("--spark-jars", type=Path, nargs="*", default=[], help="jars that every Spark job gets")
    parser.add_argument("--stay", action="store_true", help="live on when standard input ends")
    return parser


def _nothing_yet(*_: object) -> list[bytes]:
    return []


def _set_up(aws: LocalAws, server: BaseWSGIServer) -> None:
    os.environ["MOTO_PORT"] = str(aws.port)
    for part in (notifications, functions, workflows, jobs, cloudformation):
        part.install(aws)
    server.app = Front(aws, DomainDispatcherApplication(create_backend_app))


def _end_when_told(aws: LocalAws, *, follow_parent: bool) -> None:
    def end(_signal: int, _frame: FrameType | None) -> None:
        aws.stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    if follow_parent:
        # The pipe ends with the process that holds its other end, however that one dies.
        threading.Thread(target=_end_with_input, args=(aws,), daemon=True).start()


def _end_with_input(aws: LocalAws) -> None:
    sys.stdin.read()
    aws.stopping.set()


def _tear_down(aws: LocalAws) -> None:
    jobs.close(aws)
    functions.close(aws)
    logging.shutdown()
    shutil.rmtree(aws.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
