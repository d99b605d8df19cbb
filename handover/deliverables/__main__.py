"""`python -m handover.deliverables --name "Nom Prénom"`: makes the archive that the school asks for.

It contains the executed notebook, a sample of the images with the matrix that the pipeline made of all of them, and the
presentation. `make deliverables` calls it.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from cli.written_files import try_folder
from handover.deliverables.making import make
from handover.deliverables.names import Naming, month_of
from handover.deliverables.request import FOLDER, Request
from handover.mains import run_main
from handover.templates import Language
from spark_app.options import Parser, path


def main(words: Sequence[str] | None = None) -> int:
    """Make the archive; a mistake is one sentence and exit code 2, a failure one and 1, an interruption one and 130."""
    options = _parser().parse_args(words)
    return run_main("deliverables", lambda: _make_or_check(options), "There is no new archive.")


def _make_or_check(options: argparse.Namespace) -> int:
    request = _request(options)
    try_folder(request.folder)  # the archive comes last, after minutes
    if not options.check:
        print(make(request))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m handover.deliverables", description="Make the archive that the school asks for.")
    parser.add_argument("--name", default="", metavar="NAME", help="family name and first names; required")
    parser.add_argument("--date", metavar="MMAAAA", help="month in which the project began [this month]")
    parser.add_argument("--language", choices=list(Language), default=Language.FRENCH, help="[%(default)s]")
    parser.add_argument("--images", type=path, metavar="FOLDER", help="folder of images [drawn pictures]")
    parser.add_argument("--weights", default="seeded", help="as for `fruits run` [%(default)s]")
    parser.add_argument("--env", metavar="NAME", help="hand over results and evidence of this environment")
    parser.add_argument("--endpoint-url", metavar="URL", help="endpoint of a local AWS, such as that of a rehearsal")
    parser.add_argument("--folder", type=path, default=FOLDER, help="folder of the archive [build/deliverables]")
    parser.add_argument("--check", action="store_true", help="check these options, and make nothing")
    return parser


def _request(options: argparse.Namespace) -> Request:
    month = month_of(datetime.now(UTC).date()) if options.date is None else options.date
    return Request(
        naming=Naming(name=options.name, month=month),
        language=Language(options.language),
        images=options.images,
        weights=options.weights,
        environment=options.env,
        endpoint_url=options.endpoint_url,
        folder=options.folder,
    )


if __name__ == "__main__":
    sys.exit(main())
