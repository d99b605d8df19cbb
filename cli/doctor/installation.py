"""Checks of what `make` installs: Python, its packages, Java, Spark with its jars, Node and the CDK command."""

import os
import platform
import sys
import zipfile
import zlib
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from cli.doctor.checks import Check, Finding, fail, ok, skip, warn
from cli.doctor.programs import answer_of
from contract.versions import ICEBERG, IMAGE_PYTHONS, JAVAS, SPARK

LOCK = Path(__file__).parents[2] / "requirements.txt"
"""The pinned packages; a checkout has this file."""

PYTHONS = ((3, 11, 4), (3, 14))
"""First version of Python that the project supports, and the first one that it does not support any more."""

SECONDS = 30
"""Longest time that a program may take to say its version."""

NAMED = 3
"""Number of packages that a finding names."""


def installation_checks() -> list[Check]:
    """Return the checks of the installation."""
    return [
        Check("python", python),
        Check("packages", packages),
        Check("java", java),
        Check("spark", spark),
        Check("iceberg", iceberg),
        Check("node", node),
        Check("cdk", cdk),
    ]


def python(version: tuple[int, int, int] = sys.version_info[:3]) -> Finding:
    """Check that the project supports this Python, and that a rehearsal works with it."""
    found, (first, beyond) = ".".join(map(str, version)), PYTHONS
    if not first <= version < beyond:
        return fail(found, "Install Python 3.13, 3.12 or 3.11 (at least 3.11.4), delete .venv, and run `make`.")
    minor = ".".join(map(str, version[:2]))
    if minor not in IMAGE_PYTHONS:
        cloud = " or ".join(IMAGE_PYTHONS)
        return warn(found, f"Runs work, but the cloud has Python {cloud}, so that a rehearsal needs one of these.")
    return ok(f"{found}, {platform.machine()}")


def packages(lock: Path = LOCK) -> Finding:
    """Compare the installed packages with the lock."""
    if not lock.is_file():
        return skip("there is no requirements.txt beside this installation")
    installed = {_plain_name(found.name): found.version for found in distributions()}
    pinned = dict(_pinned(lock.read_text()))
    missing = sorted(name for name in pinned if name not in installed)
    others = sorted(name for name, version in pinned.items() if installed.get(name, version) != version)
    if not missing and not others:
        return ok(f"all {len(pinned)} of requirements.txt")
    parts = [f"missing: {_some(missing)}"] if missing else []
    parts += [f"of another version: {_some([f'{name} {installed[name]}' for name in others])}"] if others else []
    return (fail if missing else warn)("; ".join(parts), "Run `make .venv/ready`, which installs the pinned packages.")


def _pinned(lock: str) -> Iterator[tuple[str, str]]:
    """Yield name and version of the packages of a lock that this machine needs."""
    from packaging.requirements import Requirement

    for line in lock.splitlines():
        text = line.removesuffix("\\").strip()
        if text and not text.startswith(("#", "--")):
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate():
                yield _plain_name(requirement.name), str(requirement.specifier).removeprefix("==")


def _plain_name(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def java() -> Finding:
    """Start the Java that Spark will use."""
    from localspark.java import find_java

    home = find_java(os.environ)
    answer = _answer([str(home / "bin" / "java"), "-version"])
    if answer is None:
        versions = " or ".join(JAVAS)
        return fail(f"the Java in {home} does not start", f"Set JAVA_HOME to a Java {versions}, or run `make` again.")
    return ok(f"{answer.splitlines()[0]}, in {home}")


def spark() -> Finding:
    """Check that Spark is set up for local runs, and starts fast."""
    from localspark.class_archive import archive_options
    from localspark.java import find_java
    from localspark.spark_home import spark_home

    home = spark_home()
    if not (home / "jars").is_dir() or any(not jar.exists() for jar in (home / "jars").iterdir()):
        return fail(f"{home} lacks jars", f"Delete {home}, and run `fruits setup`.")
    if not archive_options(find_java(os.environ)):
        return warn(f"{SPARK}, without the archive of Java classes", "Run `fruits setup`: runs start 2 s earlier then.")
    return ok(SPARK)


def iceberg() -> Finding:
    """Read the Iceberg runtime to its end: each file in a jar has a checksum."""
    from localspark.jars import iceberg_jar

    jar = iceberg_jar()
    advice = f"Delete the folder {jar.parent}, and run `fruits setup`."
    try:
        with zipfile.ZipFile(jar) as archive:
            damaged = archive.testzip()
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        return fail(f"{jar.name} can't be read: {error}", advice)
    return fail(f"{damaged} in {jar.name} is damaged", advice) if damaged else ok(f"{ICEBERG}, undamaged")


def node() -> Finding:
    """Ask Node for its version: deployments need it."""
    return _program("node", ["--version"])


def cdk() -> Finding:
    """Ask the CDK command for its version: deployments need it."""
    return _program("cdk", ["--version"])


def _program(name: str, arguments: list[str]) -> Finding:
    program = Path(sys.prefix) / "bin" / name
    if not program.exists():
        return warn("missing; only deployments and rehearsals need it", "Run `make .venv/ready`.")
    answer = _answer([str(program), *arguments])
    if answer is None:
        return warn(f"{program} does not start", "Run `make clean`, and then `make .venv/ready`.")
    return ok(answer.splitlines()[0])


def _answer(command: list[str]) -> str | None:
    """Return what a program prints; `None` if it fails, is missing, or prints nothing."""
    done = answer_of(command, SECONDS)
    return (done.stdout.strip() or done.stderr.strip() or None) if done else None
