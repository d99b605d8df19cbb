"""Python packages for another machine: wheels as they were locked, without what no program needs to run."""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

from cdk.packaging.archives import names_below
from cdk.packaging.package import PackagingError
from cdk.settings import Architecture

NEWEST_GLIBC = 34
"""Minor version of the C library of Amazon Linux 2023, which EMR and Lambda run on. Wheels for older ones run there."""

MACHINES = {Architecture.ARM64: "aarch64", Architecture.X86_64: "x86_64"}

LEFT_OUT = {
    "bin/*": "commands that name the Python of the machine that installed them",
    ".lock": "what the installer notes down of an installation",
    "*.dist-info/RECORD": "as above",
    "*.dist-info/INSTALLER": "as above",
    "*.dist-info/REQUESTED": "as above",
    "*.dist-info/uv_cache.json": "as above",
    "*/__pycache__/*": "made anew where it fits",
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
"""Pattern → reason. An asterisk stands for slashes, too."""


def install_wheels(lock: Path, folder: Path, architecture: Architecture, python: str) -> None:
    """Install locked packages for another machine, from wheels alone: nothing is compiled, nothing is run.

    uv installs them, since pip chooses the lines of a lock by the Python that runs it, not by the one asked for.

    Parameters
    ----------
    lock
        Requirements with hashes.
    folder
        Where to.
    architecture, python
        Processor and version of Python of the machine that the packages are for; it runs Amazon Linux 2023.

    Raises
    ------
    PackagingError
        If a wheel can't be had, or is not the locked one.
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
    """See that packages run on every processor.

    Raises
    ------
    PackagingError
        If a file of theirs is compiled for one.
    """
    if compiled := next((name for name in names_below(folder) if ".so" in Path(name).suffixes), None):
        raise PackagingError(f"{compiled} is compiled for one processor: the functions take packages of Python alone.")


def leave_out(folder: Path, patterns: Sequence[str]) -> None:
    """Delete files by patterns of their names, and see that nothing that stays is linked to one of them.

    Raises
    ------
    PackagingError
        If a library that stays needs one that goes.
    """
    names = names_below(folder)
    gone = {name for name in names if any(fnmatch(name, pattern) for pattern in patterns)}
    _check_links([folder / name for name in names if name not in gone and ".so" in name], gone)
    for name in gone:
        (folder / name).unlink()


def keep_services(folder: Path, services: Sequence[str]) -> None:
    """Keep what the SDK knows of some services of AWS, of its 400: the rest is nine tenths of its size.

    Parameters
    ----------
    folder
        Of the packages.
    services
        Those that are called, and the one that credentials may come from.
    """
    for data in (folder / "botocore" / "data", folder / "boto3" / "data"):
        for described in data.iterdir():
            if described.is_dir() and described.name not in services:
                shutil.rmtree(described)


def _check_links(staying: Iterable[Path], gone: Iterable[str]) -> None:
    # The machine that these libraries are for is not at hand. The names of the libraries that one is linked to lie in
    # it as texts that end in a zero.
    libraries = [name.rsplit("/", 1)[-1] for name in gone if ".so" in name]
    for path in staying:
        body = path.read_bytes()
        if needed := next((name for name in libraries if b"\0%s\0" % name.encode() in body), None):
            raise PackagingError(f"{path.name} is linked to {needed}, which is left out of the package.")
