"""Tests of the notebook: it is what its text makes, and it runs from the first cell to the last."""

import json
import os
import re
import string
import subprocess
import sys
import tomllib
from pathlib import Path

import boto3
import numpy as np
import pytest

from cli.cloud.environment import Deployment
from cli.sample import BROKEN
from contract.environments import Output
from handover.errors import FailedError
from handover.notebook import NOTEBOOKS, SETUP, SOURCE, notebook_in, text_of
from handover.notebook_commands import Fruits
from handover.notebook_images import BROKEN_FOLDER, prepare_images
from handover.notebook_places import RegionError, cloud_of, object_place, residence_of, variables_of
from handover.notebook_words import WORDS, Speaker
from handover.templates import Language
from spark_app.engine.model import ExportedModel
from spark_app.engine.weights import Weights
from spark_app.errors import ImagesError, UsageError
from tests.conftest import VIEWS
from tests.handover.notebooks import Executed, command, executed, save_exported
from tests.made_once import made_once

PICTURES = 10 * VIEWS
FIGURES = 9
"""Counts, grid, preprocessing, broadcast, rates, scree, plane, space, and timings."""


@pytest.fixture(scope="session")
def in_french(
    tmp_path_factory: pytest.TempPathFactory, sample: Path, seeded: Weights, exported: ExportedModel
) -> Executed:
    """Execute the notebook in French, on this machine, on drawn pictures.

    A folder above the images has the name of theirs, as on a disk for data: /data/images/me.
    """

    def make(folder: Path) -> None:
        model = save_exported(folder / "model", seeded, exported)
        executed(folder / "images" / "executed", "--images", sample, "--weights", model)

    folder = made_once(tmp_path_factory, "notebook", make) / "images" / "executed"
    return Executed(folder / "fruits-local-fr.ipynb", folder / "fruits-local-fr.html")


@pytest.mark.parametrize("language", Language)
def test_the_committed_notebook_is_what_the_command_makes(language: Language) -> None:
    """The notebooks that platforms open have the text and the code of `notebooks/fruits.py`, and no outputs."""
    notebook = SOURCE.with_name(NOTEBOOKS[language]).read_text()
    assert notebook == text_of(notebook_in(language)), "run `make notebooks`"
    assert all(not cell.get("outputs") for cell in json.loads(notebook)["cells"])


def test_both_notebooks_have_the_same_code_and_as_much_text() -> None:
    """Only the cell that names the language differs, and each text has its translation in the same place."""
    french, english = (notebook_in(language).cells for language in (Language.FRENCH, Language.ENGLISH))
    assert [cell.cell_type for cell in french] == [cell.cell_type for cell in english]
    pairs = list(zip(french, english, strict=True))
    different = [one.source for one, other in pairs if one.cell_type == "code" and one.source != other.source]
    assert different == ['LANGUAGE = "fr"']
    assert all(one.source != other.source for one, other in pairs if one.cell_type == "markdown")


def test_the_notebook_runs_to_its_end_without_noise(in_french: Executed) -> None:
    """Every cell of code is executed; none fails, and none prints a warning."""
    assert in_french.noise == ""
    assert all(cell.execution_count for cell in in_french.cells)
    assert in_french.figures == FIGURES
    assert in_french.page.read_text().count('src="data:image/png;base64') == in_french.figures


def test_the_notebook_loses_no_image(in_french: Executed) -> None:
    """The didactic UDF, mapInArrow and the product give a row or a refusal for each of the images."""
    sentence = f"{PICTURES + len(BROKEN)} images = {PICTURES} lignes + {len(BROKEN)} fichiers refusés"
    assert in_french.said.count(sentence) == 3
    assert "binaryFile de Spark en aurait omis 1" in in_french.said


def test_the_ways_to_compute_agree(in_french: Executed) -> None:
    """Features of three UDFs and of the product differ by rounding only; so do the coordinates of three PCAs."""
    found = re.findall(r"écart entre les caractéristiques de .*: (\S+)\.", in_french.said)
    assert len(found) == 3
    assert all(float(difference) < 1e-3 for difference in found)
    assert "Relue\N{NO-BREAK SPACE}: même SHA-256" in in_french.said
    assert "1 calculée" in in_french.said


def test_the_notebook_cleans_up(in_french: Executed) -> None:
    """Neither temporary files nor the copy of the matrix are left, but the results of the product are."""
    [output] = in_french.notebook.parent.glob("output-*")
    assert not (output / "scratch").exists()
    assert list((output / "objects").iterdir()) == []
    assert len(list(output.glob("pipeline/results/*/report.html"))) == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--images", "missing"], "There is no folder missing"),
        (["--most-images", "0"], "--most-images must be at least 1"),
        (["--endpoint-url", "http://127.0.0.1:1"], "--endpoint-url is for --where rehearsal only"),
    ],
)
def test_a_mistake_is_one_sentence(options: list[str], sentence: str, tmp_path: Path) -> None:
    """A mistake in the options ends with exit code 2, and starts no kernel."""
    done = command("execute", "--folder", tmp_path / "executed", *options)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert sentence in done.stderr
    assert not (tmp_path / "executed").exists()


def test_a_cell_that_fails_is_one_sentence(tmp_path: Path) -> None:
    """The command quotes the error of the cell, ends with exit code 1, and keeps the notebook that shows it."""
    done = command("execute", "--folder", tmp_path, "--where", "rehearsal", "--endpoint-url", "no URL")
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.startswith("handover.notebook:")]
    assert "--endpoint-url must be a URL" in line
    assert "Traceback" not in done.stderr
    assert (tmp_path / "fruits-rehearsal-fr.ipynb").is_file()


def test_images_are_copied_evenly_and_broken_files_are_added(sample: Path, tmp_path: Path) -> None:
    """At most so many images are copied, of all varieties alike, and the given folder stays as it is."""
    before = sorted(sample.rglob("*"))
    copy = prepare_images(sample, tmp_path / "images", 20)
    copied = [path.parent.name for path in copy.rglob("*.jpg") if path.parent.name != BROKEN_FOLDER]
    assert len(copied) <= 20
    assert len(set(copied)) == 10
    assert {path.name for path in (copy / BROKEN_FOLDER).iterdir()} == set(BROKEN)
    assert sorted(sample.rglob("*")) == before


def test_without_images_there_is_a_sentence(tmp_path: Path) -> None:
    """A missing folder and an empty one are named."""
    with pytest.raises(ImagesError, match="There is no folder"):
        prepare_images(tmp_path / "missing", tmp_path / "images", 1)
    with pytest.raises(ImagesError, match="There are no images"):
        prepare_images(tmp_path, tmp_path / "images", 1)


def _cloud(endpoint: str, region: str) -> Deployment:
    """Make a bucket in a Region."""
    session, bucket = boto3.Session(region_name=region), f"fruits-{region}"
    cloud = Deployment(
        environment="dev", region=region, outputs={Output.BUCKET: bucket}, session=session, endpoint_url=endpoint
    )
    if not any(found["Name"] == bucket for found in cloud.s3.list_buckets()["Buckets"]):
        cloud.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item] # a literal
    return cloud


def test_a_bucket_outside_of_the_union_is_refused(aws: str) -> None:
    """London has a name like those of Regions in the European Union; S3 says where a bucket is."""
    assert residence_of(_cloud(aws, "eu-west-3")).region == "eu-west-3"
    with pytest.raises(RegionError, match="eu-west-2, which is not in the European Union"):
        residence_of(_cloud(aws, "eu-west-2"))


def test_an_object_is_written_read_back_and_removed(aws: str, tmp_path: Path) -> None:
    """A folder and a bucket do the same, and nothing is left in either."""
    cloud = _cloud(aws, "eu-west-1")
    for place in (object_place(None, tmp_path), object_place(cloud, tmp_path)):
        place.write("matrix.csv", b"key,pc_1")
        assert place.read("matrix.csv") == b"key,pc_1"
        place.remove("matrix.csv")
    assert list(tmp_path.iterdir()) == []
    assert "Contents" not in cloud.s3.list_objects_v2(Bucket=cloud.bucket)


def test_a_place_is_local_a_rehearsal_or_dev() -> None:
    """Another word is refused with those that are allowed; `local` needs no cloud."""
    assert cloud_of("local") is None
    assert variables_of(None) == {}
    with pytest.raises(UsageError, match="WHERE must be local, rehearsal, dev, not 'prod'"):
        cloud_of("prod")


def test_a_failed_command_fails_its_cell(capsys: pytest.CaptureFixture[str]) -> None:
    """The last line of the command is the error."""
    with pytest.raises(FailedError, match=r"ended with exit code 2: .*There is no folder"):
        Fruits()("run", "--images", "missing", "--output", "out")
    assert "There is no folder" in capsys.readouterr().out


def test_each_sentence_has_the_same_values_in_both_languages() -> None:
    """A translation leaves out no value, and adds none."""
    for kind in tomllib.loads(WORDS.read_text()).values():
        for name, words in kind.items():
            fields = [{field for _, field, *_ in string.Formatter().parse(words[language])} for language in Language]
            assert fields[0] == fields[1], name


def test_numbers_are_written_as_the_language_does() -> None:
    """French has a comma, and a narrow space between thousands."""
    french, english = Speaker("fr"), Speaker("en")
    assert (english.number(12_345), french.number(12_345)) == ("12,345", "12\N{NARROW NO-BREAK SPACE}345")
    assert (english.number(1.5), french.number(0.995)) == ("1.50", "0,995")
    assert english.number(3.2e-5) == "3e-05"


def test_the_first_cell_clones_and_makes_a_project_that_is_missing(tmp_path: Path) -> None:
    """On a platform without the project, the cell clones the repository, calls make, and finds both."""
    project = tmp_path / "origin"
    (project / "handover").mkdir(parents=True)
    (project / "handover" / "notebook_places.py").write_text("")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = f".venv/lib/{version}/site-packages"
    recipe = f".venv/ready:\n\tmkdir -p {packages} && echo \"PYTHON = '$(PYTHON)'\" > {packages}/made_by_make.py\n"
    (project / "Makefile").write_text(recipe)
    author = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "--quiet"], ["add", "."], [*author, "commit", "--quiet", "--message", "all"]):
        subprocess.run(["git", *words], cwd=project, check=True)  # noqa: S607 -- as the cell calls it
    [cell] = [cell for cell in notebook_in(Language.ENGLISH).cells if SETUP in cell.metadata.get("tags", [])]
    here = tmp_path / "here"
    here.mkdir()
    program = (
        f"WHERE, REPOSITORY = 'local', {str(project)!r}\n{cell.source}\nimport made_by_make\nprint(made_by_make.PYTHON)"
    )
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    # -I: without the project, in which the tests run, and which is installed here.
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=here, env=clean, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == sys.executable
    assert (here / "fruits" / "handover").is_dir()


def test_the_words_of_the_figures_exist() -> None:
    """Every word that the code asks for is in the file of words."""
    words = tomllib.loads(WORDS.read_text())
    code = SOURCE.read_text() + (SOURCE.parents[1] / "handover" / "notebook_figures.py").read_text()
    assert set(re.findall(r"say\.name\(\"(\w+)\"", code)) <= words["names"].keys()
    assert set(re.findall(r"\bsay\(\s*\"(\w+)\"", code)) == words["sentences"].keys()
    assert np.all([len(both) == len(Language) for kind in words.values() for both in kind.values()])
