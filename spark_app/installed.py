"""What is installed: the program itself, and the packages on which its results depend."""

import sys
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import contract

PACKAGES = ("numpy", "pyarrow", "pillow", "pillow-heif", "ai-edge-litert", "obstore")
"""Packages whose versions a summary names, beside Spark and Iceberg."""

CACHE = "__pycache__"


def package_versions() -> dict[str, str]:
    """Return the version of each of `PACKAGES`."""
    return {name: version(name) for name in PACKAGES}


def program_digest() -> str:
    """Return a digest of Python, Spark, `PACKAGES`, and of all files of this program that a run uses.

    The version number of the program would not do: it stays the same while a developer changes the program.
    """
    facts = [sys.version, _version_of_spark(), *package_versions().values()]
    for folder in (Path(__file__).parent, Path(contract.__file__).parent):
        files = (path for path in folder.rglob("*") if path.is_file() and CACHE not in path.parts)
        facts += [f"{path.relative_to(folder)} {sha256(path.read_bytes()).hexdigest()}" for path in sorted(files)]
    return sha256("\n".join(facts).encode()).hexdigest()


def _version_of_spark() -> str:
    """Return the version of the package `pyspark`. A cluster has Spark without this package."""
    try:
        return version("pyspark")
    except PackageNotFoundError:
        return "of the cluster"
