"""`python -m handover.notebook make|execute`: makes the notebooks in both languages of one text, and executes one."""

import argparse
import sys
from collections.abc import Sequence

from handover.folders import ROOT
from handover.mains import run_main
from handover.notebook.execution import EXECUTED, Execution, execute
from handover.notebook.making import make
from handover.notebook.places import Where
from handover.templates import Language
from spark_app.options import Parser, count, path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; a mistake is one sentence and exit code 2, a failed cell one and 1, Ctrl-C one and 130."""
    options = _parser().parse_args(arguments)
    return run_main("handover.notebook", lambda: _make_or_execute(options))


def _make_or_execute(options: argparse.Namespace) -> int:
    if options.command == "make":
        print("\n".join(str(path.relative_to(ROOT)) for path in make()))
        return 0
    files = execute(_execution(options))
    print(f"notebook {files.notebook}\npage     {files.page}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m handover.notebook", description="Make or execute the notebook.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("make", help="write the notebooks in both languages, without outputs")
    one = commands.add_parser("execute", help="execute a notebook; write it with its outputs, and as HTML")
    one.add_argument("--language", choices=list(Language), default=Language.FRENCH, help="[%(default)s]")
    one.add_argument("--where", choices=list(Where), default=Where.LOCAL, help="[%(default)s]")
    one.add_argument("--images", type=path, metavar="FOLDER", help="folder of images [drawn pictures]")
    one.add_argument("--weights", default="imagenet", help="as for `fruits run` [%(default)s]")
    one.add_argument("--folder", type=path, default=EXECUTED, help="folder for the executed notebook [%(default)s]")
    one.add_argument("--endpoint-url", metavar="URL", help="endpoint of a local AWS [that of `fruits rehearse up`]")
    one.add_argument("--most-images", type=count, default=1000, metavar="N", help="images at most [%(default)s]")
    return parser


def _execution(options: argparse.Namespace) -> Execution:
    return Execution(
        language=Language(options.language),
        where=Where(options.where),
        images=options.images,
        weights=options.weights,
        folder=options.folder,
        endpoint_url=options.endpoint_url,
        most_images=options.most_images,
    )


if __name__ == "__main__":
    sys.exit(main())
