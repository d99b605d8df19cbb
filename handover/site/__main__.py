"""`python -m handover.site` builds the site of docs/ in build/site: `make docs`."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from handover.folders import BUILD, ROOT
from handover.mains import run_main
from handover.site.sources import assemble
from spark_app.options import Parser

CONFIGURATION = Path(__file__).with_name("mkdocs.yml")
SOURCES = BUILD / "docs"
SITE = BUILD / "site"


def build() -> int:
    """Build the site; a warning of MkDocs is an error.

    Returns
    -------
    int
        Exit code of MkDocs.
    """
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--config-file", str(CONFIGURATION)]
    # Without the variable, Material advertises another program in every build.
    code = subprocess.run(command, check=False, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}).returncode
    if not code:
        _index_for_files(SITE)
    return code


def _index_for_files(site: Path) -> None:
    """Write the index of all languages as a script, because a page that was opened as a file can read no other file.

    MkDocs' plugin `offline` does so, but before the plugin for languages has put the indexes together.
    """
    index = site / "search" / "search_index.json"
    index.with_suffix(".js").write_text(f"var __index = {index.read_text()}")


def main(words: Sequence[str] | None = None) -> int:
    """Assemble and build the site.

    Returns
    -------
    int
        Exit code: 0 for success, 1 if MkDocs has found a mistake, 2 for a mistake in a page, 130 after Ctrl-C.
    """
    Parser(prog="python -m handover.site", description="Build the site of docs/ in build/site.").parse_args(words)
    return run_main("site", _assemble_and_build)


def _assemble_and_build() -> int:
    assemble(ROOT, SOURCES)
    return build()


if __name__ == "__main__":
    sys.exit(main())
