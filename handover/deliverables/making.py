"""The making of the archive, from the presentation to the notebook."""

from pathlib import Path

from cli.cloud.errors import explained_errors
from handover.deliverables.archive import Parts, pack
from handover.deliverables.images import images_of
from handover.deliverables.request import Request
from spark_app.scratch import session_folder


def make(request: Request) -> Path:
    """Make the archive, and return its path.

    Raises
    ------
    FruitsError
        If the notebook, the run, the presentation or the evidence fails.
    """
    with session_folder() as scratch:
        presentation = _presentation(request, scratch / "presentation")  # first: what it lacks is found at once
        with explained_errors():
            images = images_of(request, scratch)
        notebook, page = _notebook(request, scratch)
        parts = Parts(notebook=notebook, page=page, images=images, presentation=presentation)
        return pack(parts, request.naming, request.folder)


def _presentation(request: Request, folder: Path) -> Path:
    from handover.slides import build_pdf

    print("The presentation is built.", flush=True)
    return build_pdf(request.language, folder, request.images)


def _notebook(request: Request, scratch: Path) -> tuple[Path, Path]:
    from handover.notebook.execution import Execution, execute

    print("The notebook is executed, which takes some minutes.", flush=True)
    files = execute(
        Execution(
            language=request.language, images=request.images, weights=request.weights, folder=scratch / "notebook"
        )
    )
    return files.notebook, files.page
