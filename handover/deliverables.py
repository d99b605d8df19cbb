"""`python -m handover.deliverables --name "Nom Prénom"`: makes the archive that the school asks for.

It contains the executed notebook, a sample of the images with the matrix that the pipeline made of all of them, and the
presentation. `make deliverables` calls it.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cli.cloud.errors import explained_errors
from cli.written_files import try_folder
from handover.deliverable_archive import Parts, pack
from handover.deliverable_images import images_of
from handover.deliverable_names import Naming, month_of
from handover.deliverable_request import FOLDER, Request
from handover.mains import run_main
from handover.templates import Language
from spark_app.options import Parser, path
from spark_app.scratch import session_folder


def make(request: Request) -> Path:
    """Make the archive, and return its path.

    Raises
    ------
    FruitsError
        If the notebook, the run, the presentation or the evidence fails.
    """
    with session_folder() as scratch:
        presentation = _presentation(request, scratch / "presentation")  # first, because it fails at once if it does
        with explained_errors():
            images = images_of(request, scratch)
        notebook, page = _notebook(request, scratch)
        parts = Parts(notebook=notebook, page=page, images=images, presentation=presentation)
        return pack(parts, request.naming, request.folder)


def _presentation(request: Request, folder: Path) -> Path:
    from handover.slides import build

    print("The presentation is built.", flush=True)
    files = build(folder, request.images)
    return next(file for file in files if file.name.endswith(f".{request.language}.pdf"))


def _notebook(request: Request, scratch: Path) -> tuple[Path, Path]:
    from handover.notebook import Execution, execute

    print("The notebook is executed, which takes some minutes.", flush=True)
    files = execute(
        Execution(
            language=request.language, images=request.images, weights=request.weights, folder=scratch / "notebook"
        )
    )
    return files.notebook, files.page


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
    parser = Parser(prog="deliverables", description="Make the archive that the school asks for.")
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
