"""Which package may use which: read from the imports, and from the programs that the packages start."""

import ast
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MAY_USE: dict[str, set[str]] = {
    "contract": set(),
    "spark_app": {"contract"},
    "lambdas": {"contract"},
    "localspark": {"contract", "spark_app"},
    "cdk": {"contract", "spark_app", "lambdas", "localspark"},
    "cli": {"contract", "spark_app", "localspark", "cdk"},
    "localaws": set(),
    "rehearsal": {"contract", "spark_app", "localspark", "cdk", "cli", "localaws"},
    "benchmarks": {"contract", "spark_app", "localspark", "cdk", "cli"},
    "handover": {"contract", "spark_app", "localspark", "cdk", "cli", "rehearsal"},
}
MAY_USE["tests"] = set(MAY_USE)
"""Package → the packages of this repository that it may import, or start as a program."""

COMMAND = "fruits"
"""The program that `cli.main` is installed as."""

AWS_OF_LAMBDAS = {
    "boto3",
    "botocore",
    "aws_lambda_powertools",
    "mypy_boto3_dynamodb",
    "mypy_boto3_emr_serverless",
    "mypy_boto3_s3",
    "mypy_boto3_stepfunctions",
}

ALLOWED = {
    "contract": {"contract"},
    "spark_app/numerics": {"spark_app.numerics", "numpy", "threadpoolctl"},
    "lambdas": {"lambdas", "contract", *AWS_OF_LAMBDAS},
    "cdk/settings.py": {"contract"},
    "cdk/stateful": {"cdk", "contract", "aws_cdk", "cdk_nag", "constructs"},
    "cdk/stateless": {"cdk", "contract", "aws_cdk", "cdk_nag", "constructs"},
    "cdk/stateless/workflow_definition.py": {"contract"},
    "cdk/packaging": {"cdk.packaging", "cdk.settings", "contract", "localspark.jars", "spark_app"},
}
"""Folder or file → all that it may import beside the standard library."""


def _files(place: str) -> Iterator[Path]:
    path = ROOT / place
    yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _started(tree: ast.AST) -> Iterator[str]:
    """Find the modules that a file starts: behind `-m`, by a dotted name, or as the installed command."""
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple):
            words = [_word(element) for element in node.elts]
            yield from (after for option, after in pairwise(words) if option == "-m")
            if words and Path(words[0]).name == COMMAND:
                yield "cli.main"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_module(node.value):
            yield node.value


def _word(node: ast.AST) -> str:
    """Return the last constant of an expression such as `str(binaries / "fruits")`; empty if there is none."""
    words = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return words[-1] if words else ""


def _is_module(text: str) -> bool:
    """Whether a text is the dotted name of a module of this repository, such as `cli.main`."""
    parts = text.split(".")
    return len(parts) > 1 and all(map(str.isidentifier, parts)) and (ROOT / Path(*parts)).with_suffix(".py").is_file()


def _used_by(package: str, *, root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Find what a package uses of this repository: the file that does so, and the module."""
    for file in sorted((root / package).rglob("*.py")):
        tree = ast.parse(file.read_text())
        for module in (*_imported(tree), *_started(tree)):
            if module.partition(".")[0] in MAY_USE.keys() - {package}:
                yield str(file.relative_to(root)), module


@pytest.mark.parametrize("package", MAY_USE)
def test_a_package_uses_only_what_stands_below_it(package: str) -> None:
    """No package imports one above it, and none starts one above it as a program."""
    assert [use for use in _used_by(package) if use[1].partition(".")[0] not in MAY_USE[package]] == []


def test_no_package_uses_itself_in_a_circle() -> None:
    """The packages have an order in which each uses only earlier ones."""
    placed: set[str] = set()
    while ready := [package for package, below in MAY_USE.items() if package not in placed and below <= placed]:
        placed.update(ready)
    assert placed == MAY_USE.keys()


@pytest.mark.parametrize(
    "violation",
    [
        "from cli.main import main",
        "import rehearsal.rehearse",
        'subprocess.run([sys.executable, "-m", "cli.main", "export"])',
        'subprocess.run((sys.executable, "-m", "rehearsal"))',
        'run_python("cli.main", "export")',
        'subprocess.Popen([str(binaries / "fruits"), "run"])',
        'subprocess.run(["fruits", "rehearse"])',
    ],
)
def test_a_planted_violation_is_found(violation: str, tmp_path: Path) -> None:
    """An import from above, a module started from above, and the installed command are found alike."""
    (tmp_path / "cdk").mkdir()
    (tmp_path / "cdk" / "planted.py").write_text(violation)
    [(file, module)] = {(file, module) for file, module in _used_by("cdk", root=tmp_path)}
    assert file == "cdk/planted.py"
    assert module.partition(".")[0] not in MAY_USE["cdk"]


@pytest.mark.parametrize("place", ALLOWED)
def test_a_part_imports_what_it_is_allowed_and_nothing_else(place: str) -> None:
    """Standard library only, NumPy only, or what AWS gives: each part has its own list."""
    allowed = ALLOWED[place] | sys.stdlib_module_names
    imports = [(str(file), name) for file in _files(place) for name in _imported(ast.parse(file.read_text()))]
    assert [use for use in imports if not _is_within(use[1], allowed)] == []


def _is_within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize(
    ("library", "owners"),
    [
        ("obstore", {"spark_app/storage.py", "spark_app/google_storage.py", "spark_app/azure_storage.py"}),
        ("jinja2", {"spark_app/report/page.py", "cli/contact_sheet.py", "cli/cloud/evidence/pages.py"}),
        ("pyiceberg", {"cli/table_files.py"}),
    ],
)
def test_a_library_with_owners_is_imported_there_only(library: str, owners: set[str]) -> None:
    """Few modules know each of these libraries, so that it can be exchanged there."""
    users = {
        str(file.relative_to(ROOT))
        for package in ("contract", "spark_app", "cli")
        for file in _files(package)
        if any(_is_within(name, {library}) for name in _imported(ast.parse(file.read_text())))
    }
    assert users == owners


def test_the_local_aws_knows_nothing_of_this_project() -> None:
    """No file of it names the project."""
    assert [str(file) for file in _files("localaws") if "fruit" in file.read_text().lower()] == []
