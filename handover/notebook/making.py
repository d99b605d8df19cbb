"""The notebooks in both languages, made of one text.

`notebooks/fruits.py` is the text, in the percent format of jupytext. A cell whose metadata have a ``lang`` is left out
of the notebook in the other language, so that the code stands once.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from cdk.typography import typeset
from handover.folders import ROOT
from handover.templates import Language

if TYPE_CHECKING:
    from nbformat import NotebookNode

SOURCE = ROOT / "notebooks" / "fruits.py"
"""The text of the notebook."""

NOTEBOOKS = {Language.FRENCH: "fruits.ipynb", Language.ENGLISH: "fruits.en.ipynb"}
"""Names of the notebooks, beside their text. That of the jury, in French, has the short name."""


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
