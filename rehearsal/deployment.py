"""The CDK command against the local AWS: bootstrap, synth, deploy, update, destroy."""

import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from cdk.packaging.package import ROOT
from cdk.settings import Architecture
from cli.cloud.environment import Deployment, connect
from contract.environments import ContextKey, stack_name
from contract.versions import IMAGE_PYTHONS
from localaws.account import ACCOUNT, REGION
from localaws.host import Host
from rehearsal.errors import RehearsalError

QUOTED_LINES = 15
"""Number of lines of the output of the CDK command that an error message quotes."""

ARCHITECTURES = {
    "x86_64": Architecture.X86_64,
    "amd64": Architecture.X86_64,
    "arm64": Architecture.ARM64,
    "aarch64": Architecture.ARM64,
}


def deploy(host: Host, scratch: Path, environment: str, tell: Callable[[str], None]) -> Deployment:
    """Deploy an environment to an empty local AWS.

    Parameters
    ----------
    scratch
        Folder for the synthesised stack, and for the logs of the CDK command.
    tell
        Function that gets a sentence about each finished step.

    Raises
    ------
    RehearsalError
        If the CDK command fails.
    """
    with ThreadPoolExecutor() as executor:
        # The two commands are independent of each other, and each keeps one core busy.
        synthesis = executor.submit(synthesize, host, scratch, environment)
        bootstrap(host, scratch)
        tell("the account is bootstrapped")
        synthesis.result()
    tell(f"{stack_name(environment)} is synthesised, with all checks")
    deploy_assembly(host, scratch, _assembly(scratch))
    return deployed(host, environment)


def update(
    host: Host,
    scratch: Path,
    environment: str,
    settings: Mapping[str, object] | None = None,
    assembly: Path | None = None,
) -> Deployment:
    """Deploy an environment once more, over the one that is deployed.

    Parameters
    ----------
    settings
        Settings that differ from those of a rehearsal: name → value, as JSON has it.
    assembly
        Folder for the synthesised stack; by default, that of the deployment before.

    Raises
    ------
    RehearsalError
        If the CDK command fails, for instance because the update was rolled back.
    """
    folder = assembly or _assembly(scratch)
    synthesize(host, scratch, environment, settings, folder)
    deploy_assembly(host, scratch, folder)
    return deployed(host, environment)


def deploy_assembly(host: Host, scratch: Path, assembly: Path) -> None:
    """Deploy a synthesised stack, which a test may have changed.

    Raises
    ------
    RehearsalError
        If the CDK command fails.
    """
    _cdk(host, scratch, "deploy", "--app", str(assembly), "--require-approval", "never")


def deployed(host: Host, environment: str) -> Deployment:
    """Connect to a deployed environment as the administrator of the local AWS."""
    return connect(environment, host.endpoint, host.session)


def destroy(host: Host, scratch: Path, environment: str) -> None:
    """Destroy an environment.

    Raises
    ------
    RehearsalError
        If the CDK command fails.
    """
    if not (_assembly(scratch) / "manifest.json").exists():
        synthesize(host, scratch, environment)
    _cdk(host, scratch, "destroy", "--app", str(_assembly(scratch)), "--force")


def synthesize(
    host: Host,
    scratch: Path,
    environment: str,
    settings: Mapping[str, object] | None = None,
    assembly: Path | None = None,
) -> None:
    """Synthesise an environment for the processor and the Python of this machine, with weights that need no download.

    Parameters
    ----------
    settings, assembly
        As for `update`.

    Raises
    ------
    RehearsalError
        If AWS does not have this Python, or if the CDK command fails.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    if python not in IMAGE_PYTHONS:
        raise RehearsalError(
            f"A rehearsal needs Python {' or '.join(IMAGE_PYTHONS)}, which the cloud has, and this is Python {python}: "
            f"install one of them, delete .venv, and run make again."
        )
    values = {
        "weights": "seeded",
        "architecture": ARCHITECTURES[platform.machine().lower()],
        "python": python,
        **(settings or {}),
    }
    context = {ContextKey.ENVIRONMENT: environment, ContextKey.REHEARSAL: json.dumps(values)}
    arguments = [argument for name, value in context.items() for argument in ("--context", f"{name}={value}")]
    _cdk(host, scratch, "synth", "--quiet", "--output", str(assembly or _assembly(scratch)), *arguments)


def bootstrap(host: Host, scratch: Path) -> None:
    """Prepare the account for CDK: create the bucket for its assets, and its roles."""
    # In the root folder, the CDK command would find cdk.json and run the app, which takes seconds.
    _cdk(host, scratch, "bootstrap", f"aws://{ACCOUNT}/{REGION}", place=scratch)


def _assembly(scratch: Path) -> Path:
    return scratch / "cdk.out"


def _cdk(host: Host, scratch: Path, command: str, *arguments: str, place: Path = ROOT) -> None:
    binaries = Path(sys.executable).parent
    log = scratch / f"cdk-{command}.log"
    with log.open("wb") as output:
        code = _run([str(binaries / "cdk"), command, *arguments], place, _environment(host, binaries, scratch), output)
    if code:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        raise RehearsalError("\n".join([f"`cdk {command}` failed. Its output ends with:", *lines[-QUOTED_LINES:]]))


def _environment(host: Host, binaries: Path, scratch: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **host.variables,
        # A rehearsal must never reach an account that this machine has credentials for.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        # CloudFormation gets the URL of the template. moto reads bucket and key from its path if this is the host.
        "AWS_ENDPOINT_URL_S3_FOR_CLOUDFORMATION": host.endpoint.replace("127.0.0.1", "localhost"),
        # The CDK command is a Node program, and Node is in the same folder.
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(scratch),
    }


def _run(program: list[str], place: Path, environment: dict[str, str], output: IO[bytes]) -> int:
    """Run a program, and return its exit code. If this process is interrupted, kill it with all that it has started."""
    with subprocess.Popen(
        program,
        cwd=place,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            return process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
