"""Tests of the making of the notebooks: they are what their text makes, and their first cell finds the project."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from handover.notebook.making import NOTEBOOKS, SOURCE, notebook_in, text_of
from handover.templates import Language

SETUP = "setup"
"""Tag of the cell that finds the project."""


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


def test_the_first_cell_clones_and_makes_a_project_that_is_missing(tmp_path: Path) -> None:
    """On a platform without the project, the cell clones the repository, calls make, and finds both."""
    project = tmp_path / "origin"
    (project / "handover" / "notebook").mkdir(parents=True)
    (project / "handover" / "notebook" / "places.py").write_text("")
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
