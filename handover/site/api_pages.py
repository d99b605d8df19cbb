"""The pages of the reference of the API: one for each package, with all of its modules."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("contract", "spark_app", "localspark", "lambdas", "cdk", "cli")
"""The packages of the reference; each package below them has a page of its own."""

INDEX = """# API

The reference is made of the docstrings of the packages. It is for those who change the code; users need the
[commands](../commands.md) only. Packages depend on each other in the order of this table.

| package | content |
|---|---|
"""

FRENCH = """# {title}

La référence de l’API est tirée des docstrings du code\N{NO-BREAK SPACE}; elle n’existe qu’en
<a href="../../api/{page}.html">anglais</a>.
"""
"""A page of the French site, so that the reference is built and found once."""


def api_pages(root: Path) -> Iterator[tuple[str, str]]:
    """Make the pages: the path below the sources of the site, and the Markdown.

    Parameters
    ----------
    root
        Folder that contains the packages.
    """
    packages = [package for name in PACKAGES for package in _packages(root / name)]
    named = [(_dotted(package, root), package) for package in packages]
    rows = (f"| [`{name}`]({name}.md) | {_summary(package)} |\n" for name, package in named)
    yield "api/index.md", INDEX + "".join(rows)
    yield "api/index.fr.md", FRENCH.format(title="API", page="index")
    for name, package in named:
        entries = [f"::: {name}.{module.stem}\n" for module in modules(package)]
        yield f"api/{name}.fr.md", FRENCH.format(title=name, page=name)
        yield f"api/{name}.md", "\n".join([f"# {name}\n", f"{_summary(package)}\n", *entries])


def modules(package: Path) -> list[Path]:
    """List the modules of a package that have something to show."""
    return [file for file in sorted(package.glob("*.py")) if not file.name.startswith("__")]


def _packages(top: Path) -> Iterator[Path]:
    """Find a package and those below it that contain modules."""
    for initial in sorted(top.rglob("__init__.py")):
        if modules(initial.parent):
            yield initial.parent


def _dotted(package: Path, root: Path) -> str:
    return ".".join(package.relative_to(root).parts)


def _summary(package: Path) -> str:
    """Return the first sentence of the docstring of a package."""
    described = ast.get_docstring(ast.parse((package / "__init__.py").read_text()))
    return (described or "").partition("\n\n")[0].replace("\n", " ")
