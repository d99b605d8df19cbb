"""A package of a deployment, and how it is built."""

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""Root folder of the repository."""

BUILD = ROOT / "build"
"""Folder of the built packages."""


class PackagingError(Exception):
    """A package can't be built; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A file that a deployment ships.

    Attributes
    ----------
    name
        Name such as ``worker-arm64-python313``.
    suffix
        ``.tgz``, ``.zip`` or ``.jar``. Spark recognises an archive by its suffix, and does not keep the executable bits
        of a ZIP archive.
    inputs_hash
        SHA-256 of everything that determines the content.
    arguments
        Arguments of the command that builds the package, such as
        ``("worker", "--architecture", "ARM64", "--python", "3.13")``.
    make
        Function that builds the package. It takes an empty folder for its work and the path of the file to write.
    """

    name: str
    suffix: str
    inputs_hash: str
    arguments: tuple[str, ...]
    make: Callable[[Path, Path], None] = field(repr=False, compare=False)

    @property
    def asset_hash(self) -> str:
        """Source hash of the asset. It ends in the suffix, because CDK uses nothing else in the key of the object."""
        return f"{self.inputs_hash}{self.suffix}"

    @property
    def command(self) -> list[str]:
        """Command that builds the package and prints the path of its file.

        The command fails if the inputs no longer match the hash, because the key of the object contains the hash.
        """
        return [sys.executable, "-m", "cdk.packaging", *self.arguments, "--inputs", self.inputs_hash]

    @property
    def file_name(self) -> str:
        """Name of the file in the folder of the built packages."""
        return f"{self.name}-{self.inputs_hash[:16]}{self.suffix}"


def build(package: Package, folder: Path = BUILD) -> Path:
    """Build a package unless its file exists, and return the path of the file.

    The file appears under its name only when it is complete.

    Parameters
    ----------
    folder
        Folder that contains the files of packages.

    Raises
    ------
    PackagingError
        If the package can't be built.
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
    """Return the SHA-256 of the inputs of a package.

    Parameters
    ----------
    files
        Name → path of a file; the hash depends on the name and on the content of the file.
    facts
        Other inputs.
    """
    contents = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    return hashlib.sha256(json.dumps([contents, facts], sort_keys=True).encode()).hexdigest()
