"""Installs locked wheels for another machine, and deletes the files that no program needs at run time."""

import shutil
import subprocess
import sys
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

from cdk.packaging.archives import names_below
from cdk.packaging.package import PackagingError
from cdk.settings import Architecture

NEWEST_GLIBC = 34
"""Minor version of glibc in Amazon Linux 2023, the system of EMR and Lambda. Wheels for older versions run there."""

MACHINES = {Architecture.ARM64: "aarch64", Architecture.X86_64: "x86_64"}

LEFT_OUT = {
    "bin/*": "commands that contain the path of the Python that installed them",
    ".lock": "records of the installer",
    "*.dist-info/RECORD": "records of the installer",
    "*.dist-info/INSTALLER": "records of the installer",
    "*.dist-info/REQUESTED": "records of the installer",
    "*.dist-info/uv_cache.json": "records of the installer",
    "*/__pycache__/*": "compiled by the Python that runs the package",
    "*/tests/*": "tests",
    "*/conftest.py": "tests",
    "*/include/*": "for compilers",
    "*.h": "for compilers",
    "*.hpp": "for compilers",
    "*.c": "for compilers",
    "*.cc": "for compilers",
    "*.f": "for compilers",
    "*.f90": "for compilers",
    "*.a": "for compilers",
    "*.pxd": "for Cython",
    "*.pxi": "for Cython",
    "*.pyx": "for Cython",
    "*.pyi": "for type checkers",
}
"""Pattern of paths → reason why the files are left out. An asterisk matches slashes, too."""


def install_wheels(lock: Path, folder: Path, architecture: Architecture, python: str) -> None:
    """Install locked packages for another machine. Only wheels are installed, so that no code of a package runs.

    uv is used because pip evaluates the markers of a lock for the Python that runs pip, not for the requested one.

    Parameters
    ----------
    lock
        Requirements with hashes.
    folder
        Target of the installation.
    architecture, python
        Architecture and version of Python of the machine, which runs Amazon Linux 2023.

    Raises
    ------
    PackagingError
        If a wheel is missing, or its hash does not match.
    """
    exact = ["--only-binary", ":all:", "--no-deps", "--require-hashes", "--link-mode", "copy"]
    machine = ["--python-version", python, "--python-platform", f"{MACHINES[architecture]}-manylinux_2_{NEWEST_GLIBC}"]
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", *exact, *machine]
    answer = subprocess.run(  # noqa: S603 -- the installer of this environment
        [*command, "--target", folder, "--requirement", lock], capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise PackagingError(f"uv can't install {lock}:\n{answer.stderr.strip()}")


def check_pure(folder: Path) -> None:
    """Check that packages run on every processor.

    Raises
    ------
    PackagingError
        If a file is compiled for one processor.
    """
    if compiled := next((name for name in names_below(folder) if ".so" in Path(name).suffixes), None):
        raise PackagingError(
            f"{compiled} is compiled for one processor: the functions may use only pure Python packages."
        )


def leave_out(folder: Path, patterns: Sequence[str], on_demand: Collection[str] = ()) -> None:
    """Delete files whose paths match a pattern, and check that no remaining library is linked to one of them.

    Parameters
    ----------
    on_demand
        Names of libraries that others name only to load them if a program asks for what they do.

    Raises
    ------
    PackagingError
        If a remaining library is linked to a deleted one.
    """
    names = names_below(folder)
    gone = {name for name in names if any(fnmatch(name, pattern) for pattern in patterns)}
    staying = [folder / name for name in names if name not in gone and ".so" in name]
    _check_links(staying, [name for name in gone if name.rpartition("/")[2] not in on_demand])
    for name in gone:
        (folder / name).unlink()


def keep_services(folder: Path, services: Sequence[str]) -> None:
    """Delete the SDK's descriptions of all other AWS services. They make up nine tenths of its size.

    Parameters
    ----------
    folder
        Folder of the packages.
    """
    for data in (folder / "botocore" / "data", folder / "boto3" / "data"):
        for described in data.iterdir():
            if described.is_dir() and described.name not in services:
                shutil.rmtree(described)


def _check_links(staying: Iterable[Path], gone: Iterable[str]) -> None:
    # The libraries can't be loaded here. A library contains the names of the libraries that it is linked to as strings
    # between zero bytes.
    libraries = [name.rsplit("/", 1)[-1] for name in gone if ".so" in name]
    for path in staying:
        body = path.read_bytes()
        if needed := next((name for name in libraries if b"\0%s\0" % name.encode() in body), None):
            raise PackagingError(f"{path.name} is linked to {needed}, which is left out of the package.")
