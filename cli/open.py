"""`fruits open`: opens the last report or explorer in a browser, and prints where it is."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from cli.cloud.environment import add_environment_arguments
from cli.last_results import output_here
from cli.subcommands import Subcommands, add_subcommand
from contract.documents import DocumentError
from contract.layout import LATEST, LATEST_PAGE, RESULTS, ResultFile, results_folder
from contract.runs import is_run_id
from contract.summary import Latest
from spark_app.errors import OutputError, UsageError
from spark_app.options import filled, path
from spark_app.place import Place
from spark_app.settings import as_url


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits open`."""
    parser = add_subcommand(subcommands, "open")
    parser.add_argument("--output", type=filled, metavar="FOLDER", help="output of this machine, as for `fruits run`")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--report",
        dest="file",
        action="store_const",
        const=ResultFile.REPORT,
        default=ResultFile.REPORT,
        help="open the report [the default]",
    )
    what.add_argument(
        "--explorer", dest="file", action="store_const", const=ResultFile.EXPLORER, help="open the explorer"
    )
    parser.add_argument("--run", metavar="ID", help="a run, by the name of its folder [the last complete one]")
    parser.add_argument(
        "--folder",
        type=path,
        default=None,
        metavar="FOLDER",
        help="where files of an environment are stored [the cache of this user]",
    )
    parser.add_argument("--print", action="store_true", help="print where it is, and open nothing")
    add_environment_arguments(parser, is_optional=True)
    parser.set_defaults(command=_open)


def _open(arguments: argparse.Namespace) -> int:
    if arguments.run is not None and not is_run_id(arguments.run):
        raise UsageError(f"--run must be an id such as 20261120T121530Z-3fa94c, not {arguments.run!r}.")
    page = _page(arguments)
    print(page, flush=True)
    if arguments.print:
        return 0
    bookmark = Place(as_url(arguments.output)).local_path / LATEST_PAGE if arguments.output else None
    if bookmark and bookmark.is_file():
        print(f"For a bookmark that leads to the last report at any time: {bookmark}")
    if has_display(os.environ, sys.platform) and not _opens(page):
        print("No browser could be started: open the file yourself.", file=sys.stderr)
    return 0


def _page(arguments: argparse.Namespace) -> Path:
    if (root := output_here(arguments)) is not None:
        if arguments.folder is not None:
            raise UsageError("--folder is for an environment: pages of --output stay where they are, so leave it out.")
        if not root.is_local:
            raise UsageError(
                f"This command opens pages on this machine: download {root.display}/{RESULTS}, and open a page of it."
            )
        return page_of_output(root, arguments.run, arguments.file)
    from cli.cloud.pages import page_of_environment

    return page_of_environment(arguments)


def page_of_output(root: Place, run_id: str | None, file: ResultFile) -> Path:
    """Return the path of a page of the results of a run of this machine.

    Parameters
    ----------
    run_id
        `None` for the last complete run.

    Raises
    ------
    UsageError
        If there are no results, or if they lack the page.
    """
    run_id = run_id or _last_run(root)
    page = root.local_path / results_folder(run_id) / file
    if not page.parent.is_dir():
        raise OutputError(f"There are no results of run {run_id} in {root.display}.")
    if not page.is_file():
        raise OutputError(missing(run_id, file))
    return page


def missing(run_id: str, file: ResultFile) -> str:
    """Return the sentence about results that lack a page."""
    if file == ResultFile.EXPLORER:
        return (
            f"The results of run {run_id} have no explorer, because they contain no images, come from an earlier "
            "version, or are superseded and their explorer is deleted: leave out --explorer for the report."
        )
    return f"The results of run {run_id} have no {file}: a later run writes them anew."


def _last_run(root: Place) -> str:
    try:
        return Latest.from_json((root.local_path / LATEST).read_bytes()).run_id
    except (OSError, DocumentError) as error:
        raise OutputError(f"There are no complete results in {root.display}: `fruits run` makes them.") from error


def has_display(environment: Mapping[str, str], platform: str) -> bool:
    """Return whether a browser can show a page; without a display, Python would start a browser in the terminal."""
    if platform in {"darwin", "win32"}:
        return True
    return any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _opens(page: Path) -> bool:
    import webbrowser

    return webbrowser.open(page.as_uri())
