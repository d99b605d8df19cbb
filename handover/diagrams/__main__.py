"""`python -m handover.diagrams` draws the diagrams of the documents as Mermaid text: `make diagrams`.

The texts are written to docs/diagrams, and into the pages that contain the marker of a diagram.
"""

import sys
from collections.abc import Sequence

from handover.diagrams.drawing import FOLDER, files, synthesised_template, with_diagrams
from handover.diagrams.template_graph import TemplateGraph
from handover.folders import DOCS
from handover.mains import run_main
from handover.templates import language_of
from spark_app.options import Parser


def main(words: Sequence[str] | None = None) -> int:
    """Write the diagrams, and the pages that contain them.

    Returns
    -------
    int
        Exit code: 0 for success, 2 if a diagram does not fit its source, 130 after Ctrl-C.
    """
    Parser(prog="python -m handover.diagrams", description="Draw the diagrams of docs/ anew.").parse_args(words)
    return run_main("diagrams", _write_all)


def _write_all() -> int:
    graph = TemplateGraph(synthesised_template())
    drawn = files(graph)
    FOLDER.mkdir(exist_ok=True)
    for file, text in drawn.items():
        file.write_text(text)
    for page in sorted(DOCS.glob("*.md")):
        page.write_text(with_diagrams(page.read_text(), graph, language_of(page.name)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
