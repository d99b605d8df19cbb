"""Which part may import what: read from the imports, so that a shortcut fails here and not in a Lambda."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"contract", "spark_app", "lambdas", "cdk", "cli", "rehearsal", "benchmarks", "tests"}

ALLOWED = {
    "contract": {"contract"},
    "spark_app/numerics": {"spark_app.numerics", "numpy"},
    "lambdas": {
        "lambdas",
        "contract",
        "boto3",
        "botocore",
        "aws_lambda_powertools",
        "mypy_boto3_dynamodb",
        "mypy_boto3_emr_serverless",
        "mypy_boto3_s3",
        "mypy_boto3_stepfunctions",
    },
    "cdk": {"cdk", "contract", "aws_cdk", "cdk_nag", "constructs"},
    "cdk/settings.py": {"contract"},
    "cdk/packaging": {"cdk.packaging", "cdk.settings", "contract"},
    "cdk/stateless/workflow_definition.py": {"contract"},
}
"""Folder → all that it may import beside the standard library."""

FORBIDDEN = {
    "contract": OURS - {"contract"},
    "spark_app": {"lambdas", "cdk", "cli", "rehearsal", "benchmarks", "tests"},
    "cli": {"lambdas", "rehearsal", "benchmarks", "tests"},
    "rehearsal": {"lambdas", "spark_app", "cli", "benchmarks", "tests"},
}
"""Folder → what of ours it may not import."""


def _imports(folder: str) -> Iterator[tuple[str, str]]:
    place = ROOT / folder
    for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            yield from ((str(file.relative_to(ROOT)), name) for name in names)


def _is_within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("folder", ALLOWED)
def test_a_part_imports_what_it_is_allowed_and_nothing_else(folder: str) -> None:
    """Standard library only, NumPy only, or what AWS gives: each part has its own list."""
    allowed = ALLOWED[folder] | sys.stdlib_module_names
    assert [(file, name) for file, name in _imports(folder) if not _is_within(name, allowed)] == []


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_no_part_imports_what_stands_above_it(folder: str) -> None:
    """Nothing depends on the command, the benchmarks or the tests; the contract depends on nothing of ours."""
    assert [(file, name) for file, name in _imports(folder) if _is_within(name, FORBIDDEN[folder])] == []


@pytest.mark.parametrize(
    ("library", "module"), [("obstore", "spark_app/storage.py"), ("jinja2", "spark_app/report/page.py")]
)
def test_a_library_with_one_owner_is_imported_there_only(library: str, module: str) -> None:
    """One module knows the storage library, one the template library: either can be exchanged in one place."""
    users = {
        file
        for folder in ("contract", "spark_app", "cli")
        for file, name in _imports(folder)
        if _is_within(name, {library})
    }
    assert users == {module}
