"""A package: its name, what goes into it, and how it is built."""

import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""Of the repository."""

BUILD = ROOT / "build"
"""Where packages lie once they are built."""


class PackagingError(Exception):
    """A package can't be built; the message says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A file that is shipped.

    Attributes
    ----------
    name
        Such as ``worker-arm64-python313``.
    suffix
        ``.tgz``, ``.zip`` or ``.jar``. Spark knows archives by it, and unzips without keeping the executable bit.
    inputs_hash
        SHA-256 of all that decides about the content.
    arguments
        Of the command that builds the package, such as ``("worker", "--architecture", "ARM64", "--python", "3.13")``.
    make
        Builds it: takes an empty folder to work in, and the path of the file to write.
    """

    name: str
    suffix: str
    inputs_hash: str
    arguments: tuple[str, ...]
    make: Callable[[Path, Path], None] = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9-]+", self.name):
            raise PackagingError(f"The name of a package is of lower-case letters, digits and dashes: {self.name!r}.")
        if self.suffix not in {".tgz", ".zip", ".jar"}:
            raise PackagingError(f"A package is a .tgz, a .zip or a .jar, not {self.suffix!r}.")
        if not re.fullmatch(r"[0-9a-f]{64}", self.inputs_hash):
            raise PackagingError(f"The inputs of {self.name} have no SHA-256: {self.inputs_hash!r}.")

    @property
    def asset_hash(self) -> str:
        """The source hash of the asset. CDK makes the object's key of it alone, so the suffix must be in it."""
        return f"{self.inputs_hash}{self.suffix}"

    @property
    def command(self) -> list[str]:
        """The command that builds the package, and prints the path of the file and nothing else.

        It fails if the inputs have changed since: what lies under a hash must be what the hash is of.
        """
        return [sys.executable, "-m", "cdk.packaging", *self.arguments, "--inputs", self.inputs_hash]

    @property
    def file_name(self) -> str:
        """Under which it lies in the folder of packages."""
        return f"{self.name}-{self.inputs_hash[:16]}{self.suffix}"


def build(package: Package, folder: Path = BUILD) -> Path:
    """Build a package, unless it is there already.

    Parameters
    ----------
    package
        What to build.
    folder
        Where it is looked for, and written: under its name only when it is complete.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    PackagingError
        If it can't be built.
    """
    target = folder / package.file_name
    if not target.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{package.name}-", dir=folder) as scratch:
            stage, partial = Path(scratch) / "stage", Path(scratch) / target.name
            stage.mkdir()
            package.make(stage, partial)
            partial.replace(target)
    return target


def hash_of(files: Mapping[str, Path], *facts: str) -> str:
    """Hash all that decides about the content of a package.

    Parameters
    ----------
    files
        Name → file: of both name and content.
    facts
        Whatever else.

    Returns
    -------
    str
        SHA-256, hexadecimal.
    """
    contents = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    return hashlib.sha256(json.dumps([contents, facts], sort_keys=True).encode()).hexdigest()
