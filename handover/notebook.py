"""`python -m handover.notebook make|execute`: makes the notebooks in both languages of one text, and executes one.

`notebooks/fruits.py` is the text, in the percent format of jupytext. A cell whose metadata have a ``lang`` is left out
of the notebook in the other language, so that the code stands once.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cdk.typography import typeset
from cli.written_files import make_folder
from handover.commands import project_environment
from handover.errors import FailedError
from handover.mains import run_main
from handover.notebook_places import Where
from handover.templates import Language
from spark_app.errors import SettingsError
from spark_app.options import Parser, count, path

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]

SOURCE = ROOT / "notebooks" / "fruits.py"
"""The text of the notebook."""

NOTEBOOKS = {Language.FRENCH: "fruits.ipynb", Language.ENGLISH: "fruits.en.ipynb"}
"""Names of the notebooks, beside their text. That of the jury, in French, has the short name."""

EXECUTED = ROOT / "build" / "notebooks"
"""Default folder of executed notebooks."""

LONGEST_CELL = 1800
"""Seconds after which a cell fails."""

SECONDS_TO_END = 5
"""Seconds after which an interrupted kernel is interrupted again: between two cells, it does not notice."""

PARAMETERS, INJECTED, SETUP = "parameters", "injected-parameters", "setup"
"""Tags of the cell of the parameters, of that of an execution, and of the cell that finds the project."""

QUIET = "--IPKernelApp.log_level=ERROR"
"""Option of the kernel, which would warn that it answers this machine without encryption."""


class NotebookError(FailedError):
    """A cell of the notebook has failed."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How a notebook is executed.

    Attributes
    ----------
    where
        A value of `Where`.
    images
        Folder of images; `None` for drawn pictures.
    weights
        As of `fruits run`.
    folder
        Folder for the executed notebook, and for what it computes.
    endpoint_url
        Endpoint of a local AWS; `None` for that of `fruits rehearse up`.
    most_images
        Most images that the notebook copies.
    """

    language: Language = Language.FRENCH
    where: Where = Where.LOCAL
    images: Path | None = None
    weights: str = "imagenet"
    folder: Path = EXECUTED
    endpoint_url: str | None = None
    most_images: int = 1000

    def __post_init__(self) -> None:
        if self.images is not None and not self.images.is_dir():
            raise SettingsError(f"There is no folder {self.images}: --images must be a folder of images.")
        if self.most_images < 1:
            raise SettingsError(f"--most-images must be at least 1, not {self.most_images}.")
        if self.endpoint_url is not None and self.where is not Where.REHEARSAL:
            raise SettingsError("--endpoint-url is for --where rehearsal only: leave it out.")

    @property
    def parameters(self) -> dict[str, str | int | None]:
        """Values of the parameters of the notebook."""
        weights = Path(self.weights).expanduser()
        return {
            "WHERE": str(self.where),
            "IMAGES": str(self.images.resolve()) if self.images else None,
            "WEIGHTS": str(weights.resolve()) if weights.exists() else self.weights,
            "OUTPUT": str(self.folder.resolve() / f"output-{self.where}-{self.language}"),
            "MOST_IMAGES": self.most_images,
            "ENDPOINT_URL": self.endpoint_url,
        }


@dataclass(frozen=True)
class ExecutedNotebook:
    """The files of an executed notebook: with its outputs as a notebook, and as one page of HTML."""

    notebook: Path
    page: Path


def notebook_in(language: Language) -> "NotebookNode":
    """Return the notebook in a language, without outputs."""
    import jupytext

    notebook: NotebookNode = jupytext.read(SOURCE, fmt="py:percent")
    notebook.cells = [cell for cell in notebook.cells if cell.metadata.pop("lang", language) == language]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03}"  # a random id would change the file without a change of the text
        if language is Language.FRENCH and cell.cell_type == "markdown":
            cell.source = typeset(cell.source)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def text_of(notebook: "NotebookNode") -> str:
    """Return the content of the file of a notebook."""
    import nbformat

    return f"{nbformat.writes(notebook)}\n"  # type: ignore[no-untyped-call] # it has no types


def make() -> list[Path]:
    """Write the notebooks of both languages beside their text, and return their paths."""
    paths = []
    for language, name in NOTEBOOKS.items():
        paths.append(SOURCE.with_name(name))
        paths[-1].write_text(text_of(notebook_in(language)))
    return paths


def execute(execution: Execution) -> ExecutedNotebook:
    """Execute a notebook, and write it with its outputs. If a cell fails, the file shows its error.

    Raises
    ------
    NotebookError
        If a cell fails.
    OutputError
        If the folder can't be written.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = notebook_in(execution.language)
    _insert_parameters(notebook, execution)
    make_folder(execution.folder)
    stem = f"fruits-{execution.where}-{execution.language}"
    files = ExecutedNotebook(execution.folder / f"{stem}.ipynb", execution.folder / f"{stem}.html")
    client = NotebookClient(
        notebook,
        timeout=LONGEST_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(ROOT)}},
        extra_arguments=[QUIET],
        coalesce_streams=True,  # the lines of a cell are one text
    )
    try:
        _execute(client)
    except CellExecutionError as error:
        raise NotebookError(f"A cell of the notebook failed: {error.ename}: {error.evalue} {_see(files)}") from error
    except (CellTimeoutError, DeadKernelError) as error:
        raise NotebookError(f"The notebook ended early: {str(error).splitlines()[0]} {_see(files)}") from error
    finally:
        nbformat.write(notebook, files.notebook)  # type: ignore[no-untyped-call] # as above
    files.page.write_text(_page_of(notebook, execution.language))
    return files


def _execute(client: "NotebookClient") -> None:
    """Execute a notebook in another thread: in the main one, nbclient takes Ctrl-C for itself, and fails of it."""
    with ThreadPoolExecutor(1) as executor:
        executed = executor.submit(client.execute, env=project_environment())
        try:
            executed.result()
        except KeyboardInterrupt:
            while not executed.done():
                _interrupt(client)
                wait([executed], SECONDS_TO_END)
            raise


def _interrupt(client: "NotebookClient") -> None:
    """Send Ctrl-C to the kernel, whose cell then fails, and to the commands that it has started."""
    if client.km is not None:
        with suppress(RuntimeError):  # it has not started yet, or it has ended already
            asyncio.run(client.km.interrupt_kernel())  # type: ignore[arg-type]  # nbclient declares the manager without async


def _see(files: ExecutedNotebook) -> str:
    return f"({files.notebook} shows it)"


def _insert_parameters(notebook: "NotebookNode", execution: Execution) -> None:
    """Insert a cell with the parameters behind that of their defaults."""
    from nbformat.v4 import new_code_cell

    number = next(number for number, cell in enumerate(notebook.cells) if PARAMETERS in cell.metadata.get("tags", []))
    lines = [f"{name} = {value!r}" for name, value in execution.parameters.items()]
    cell = new_code_cell("\n".join(lines), id=INJECTED, metadata={"tags": [INJECTED]})  # type: ignore[no-untyped-call] # as above
    notebook.cells.insert(number + 1, cell)


def _page_of(notebook: "NotebookNode", language: Language) -> str:
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(language_code=language, embed_images=True)  # type: ignore[no-untyped-call] # as above
    page, _ = exporter.from_notebook_node(notebook)
    return str(page)


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
