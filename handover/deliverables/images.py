"""The second deliverable: a sample of the images, the matrix and what explains it, and the evidence of a run."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from cdk.typography import typeset
from cli.cloud.environment import connect
from cli.cloud.records import recorded_run
from cli.cloud.results import MATRIX_FOLDER, last_run
from cli.sample import draw_sample
from contract.layout import ResultFile
from contract.summary import Summary
from handover.commands import results_of, run_fruits
from handover.deliverables.request import Request
from handover.deliverables.sample import copy_sample, download_sample
from handover.notebook.images import DRAWN_VIEWS
from handover.notebook.places import options_of
from handover.templates import Language, environment, fill_in

TEXTS = Path(__file__).parent
NAMES = {Language.FRENCH: "LISEZMOI.txt", Language.ENGLISH: "README.txt"}
"""Name of the text that says what the folder contains."""

SAMPLE, RESULTS, EVIDENCE = "images", "results", "evidence"
"""Folders within the deliverable."""

FILES = (
    ResultFile.MATRIX,
    ResultFile.EXPLAINED_VARIANCE,
    ResultFile.REJECTS,
    ResultFile.FINDINGS,
    ResultFile.REPORT,
    ResultFile.EXPLORER,
    ResultFile.SUMMARY,
    ResultFile.RUN_RECORD,
)
"""Files of a run that are handed over, as far as the run has them."""


def images_of(request: Request, scratch: Path) -> Path:
    """Make the folder of the deliverable, from a run on this machine or in the cloud, and return its path.

    Raises
    ------
    FruitsError
        If the run fails, or a criterion of the evidence is not met.
    """
    folder = scratch / "deliverable"
    folder.mkdir()
    facts = _of_cloud(request, folder, scratch) if request.environment else _of_machine(request, folder, scratch)
    (folder / NAMES[request.language]).write_text(_text(request.language, facts))
    return folder


def _text(language: Language, facts: Mapping[str, object]) -> str:
    """Return the text that says what the folder contains."""
    templates = environment(language)
    templates.trim_blocks = True
    written = fill_in(templates.from_string((TEXTS / f"contents.{language}.txt.j2").read_text()), **facts)
    return typeset(written) if language is Language.FRENCH else written


def _of_machine(request: Request, folder: Path, scratch: Path) -> dict[str, object]:
    """Run the pipeline here, and return the facts for the text."""
    images, output = request.images or scratch / "drawn", scratch / "output"
    if request.images is None:
        draw_sample(images, DRAWN_VIEWS)
    sampled = copy_sample(images, folder / SAMPLE)
    run_fruits("run", "--images", images, "--output", output, "--weights", request.weights)
    results = results_of(output)
    _copy_results(results, folder / RESULTS)
    run_fruits("matrix", "--output", output, "--force", folder / RESULTS / ResultFile.MATRIX)
    summary = Summary.from_json((results / ResultFile.SUMMARY).read_bytes())
    return {"summary": summary, "sampled": sampled, "drawn": request.images is None, "place": None, "is_local": False}


def _of_cloud(request: Request, folder: Path, scratch: Path) -> dict[str, object]:
    """Download results and evidence of an environment, and return the facts for the text."""
    deployment = connect(str(request.environment), request.endpoint_url)
    place = options_of(deployment)
    run_id = last_run(deployment)
    run_fruits("evidence", *place, "--run-id", run_id, "--output", folder / EVIDENCE)
    run_fruits("results", *place, "--run", run_id, scratch / RESULTS)
    _copy_results(scratch / RESULTS / run_id, folder / RESULTS)
    summary = recorded_run(deployment, run_id).summary
    sampled = download_sample(deployment, folder / SAMPLE)
    root = f"s3://{deployment.bucket}/"
    return {
        "summary": summary,
        "sampled": sampled,
        "drawn": False,
        "place": root,
        "is_local": deployment.is_local,
    }


def _copy_results(results: Path, target: Path) -> None:
    """Copy the files of a run that are handed over, and the folder of a matrix of several files."""
    target.mkdir()
    for name in FILES:
        if (results / name).is_file():
            shutil.copyfile(results / name, target / name)
    if (results / MATRIX_FOLDER).is_dir():
        shutil.copytree(results / MATRIX_FOLDER, target / MATRIX_FOLDER)
