"""The second deliverable: a sample of the images, the matrix and what explains it, and the evidence of a run."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cdk.typography import typeset
from cli.cloud.environment import Deployment, connect
from cli.cloud.records import recorded_run
from cli.cloud.results import MATRIX_FOLDER, last_run
from cli.sample import draw_sample
from contract.layout import LATEST, ResultFile
from contract.summary import Summary
from handover.deliverable_request import VIEWS, Request
from handover.deliverable_sample import copy_sample, download_sample
from handover.templates import Language, environment
from spark_app.errors import FruitsError

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


class CommandFailedError(FruitsError):
    """A `fruits` command has failed. Its own message stands above."""


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
    written = templates.from_string((TEXTS / f"deliverable.{language}.txt.j2").read_text()).render(facts)
    return typeset(written) if language is Language.FRENCH else written


def _of_machine(request: Request, folder: Path, scratch: Path) -> dict[str, object]:
    """Run the pipeline here, and return the facts for the text."""
    images, output = request.images or scratch / "drawn", scratch / "output"
    if request.images is None:
        draw_sample(images, VIEWS)
    sampled = copy_sample(images, folder / SAMPLE)
    _fruits("run", "--images", str(images), "--output", str(output), "--weights", request.weights)
    results = output / json.loads((output / LATEST).read_text())["results"]
    _take(results, folder / RESULTS)
    _fruits("matrix", "--output", str(output), "--force", str(folder / RESULTS / ResultFile.MATRIX))
    summary = Summary.from_json((results / ResultFile.SUMMARY).read_bytes())
    return {"summary": summary, "sampled": sampled, "drawn": request.images is None, "place": None, "is_local": False}


def _of_cloud(request: Request, folder: Path, scratch: Path) -> dict[str, object]:
    """Download results and evidence of an environment, and return the facts for the text."""
    deployment = connect(str(request.environment), request.endpoint_url)
    place = _place_of(deployment)
    run_id = last_run(deployment)
    _fruits("evidence", *place, "--run-id", run_id, "--output", str(folder / EVIDENCE))
    _fruits("results", *place, "--run", run_id, str(scratch / RESULTS))
    _take(scratch / RESULTS / run_id, folder / RESULTS)
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


def _place_of(deployment: Deployment) -> Sequence[str]:
    endpoint = ("--endpoint-url", deployment.endpoint_url) if deployment.endpoint_url else ()
    return ("--env", deployment.environment, *endpoint)


def _take(results: Path, target: Path) -> None:
    """Copy the files of a run that are handed over, and the folder of a matrix of several files."""
    target.mkdir()
    for name in FILES:
        if (results / name).is_file():
            shutil.copyfile(results / name, target / name)
    if (results / MATRIX_FOLDER).is_dir():
        shutil.copytree(results / MATRIX_FOLDER, target / MATRIX_FOLDER)


def _fruits(*words: str) -> None:
    """Call a `fruits` command in a process of its own, because a process has one JVM.

    Raises
    ------
    CommandFailedError
        If the command fails.
    """
    done = subprocess.run([sys.executable, "-m", "cli.main", *words], check=False)
    if done.returncode:
        raise CommandFailedError(f"`fruits {words[0]}` failed, so there is no archive: the lines above say why.")
