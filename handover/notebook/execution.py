"""How a notebook is executed: with other parameters, in a kernel of this Python, and written with its outputs."""

import asyncio
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.written_files import make_folder
from handover.commands import project_environment
from handover.errors import FailedError
from handover.folders import BUILD, ROOT
from handover.notebook.making import notebook_in
from handover.notebook.places import Where
from handover.templates import Language
from spark_app.errors import SettingsError

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

EXECUTED = BUILD / "notebooks"
"""Default folder of executed notebooks."""

LONGEST_CELL = 1800
"""Seconds after which a cell fails."""

SECONDS_TO_END = 5
"""Seconds after which an interrupted kernel is interrupted again, because it ignores Ctrl-C between two cells."""

PARAMETERS, INJECTED = "parameters", "injected-parameters"
"""Tags of the cell of the parameters, and of that which an execution adds."""

QUIET = "--IPKernelApp.log_level=ERROR"
"""Option of the kernel, which would otherwise warn that its connections are not encrypted."""


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
        As for `fruits run`.
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


def execute(execution: Execution) -> ExecutedNotebook:
    """Execute a notebook, and write it with its outputs. If a cell fails, the file shows its error.

    What the kernel itself prints, such as an error of its own end after Ctrl-C, is in a log beside the notebook.

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
        _execute(client, execution.folder / f"{stem}.log")
    except CellExecutionError as error:
        raise NotebookError(f"A cell of the notebook failed: {error.ename}: {error.evalue} {_see(files)}") from error
    except (CellTimeoutError, DeadKernelError) as error:
        raise NotebookError(f"The notebook ended early: {str(error).splitlines()[0]} {_see(files)}") from error
    finally:
        nbformat.write(notebook, files.notebook)  # type: ignore[no-untyped-call] # it has no types
    files.page.write_text(_page_of(notebook, execution.language))
    return files


def _execute(client: "NotebookClient", log: Path) -> None:
    """Execute a notebook in another thread: in the main one, nbclient handles Ctrl-C itself, and fails."""
    with ThreadPoolExecutor(1) as executor, log.open("wb") as stderr:
        executed = executor.submit(client.execute, env=project_environment(), stderr=stderr)
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
        with suppress(RuntimeError):  # the kernel has not started yet, or it has ended already
            asyncio.run(client.km.interrupt_kernel())  # type: ignore[arg-type] # nbclient starts an asynchronous manager


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
