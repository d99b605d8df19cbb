"""The CDK command against the local AWS: bootstrap, deploy, destroy."""

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from contract.environments import stack_name
from contract.versions import IMAGE_PYTHONS
from localaws.account import ACCOUNT, REGION
from localaws.host import Host
from localaws.leftovers import leftovers
from rehearsal.errors import RehearsalError

__all__ = ["bootstrap", "deploy", "destroy", "leftovers", "outputs_of", "synthesize"]

LINES = 15
"""Of what the CDK command said, in the message of an error."""

ROOT = Path(__file__).parents[1]
"""Root folder of the repository."""

ARCHITECTURES = {"x86_64": "X86_64", "amd64": "X86_64", "arm64": "ARM64", "aarch64": "ARM64"}


def deploy(host: Host, scratch: Path, environment: str, tell: Callable[[str], None]) -> dict[str, str]:
    """Deploy an environment to a local AWS that is empty.

    Parameters
    ----------
    host
        The local AWS.
    scratch
        Folder for the synthesised stack, and the log of the CDK command.
    environment
        Name of the environment.
    tell
        Is told what is done.

    Returns
    -------
    dict
        Outputs of the stack.

    Raises
    ------
    RehearsalError
        If the CDK command fails.
    """
    with ThreadPoolExecutor() as executor:
        # Two programs, two cores: neither needs what the other makes.
        synthesis = executor.submit(synthesize, host, scratch, environment)
        bootstrap(host, scratch)
        tell("the account is bootstrapped")
        synthesis.result()
    tell(f"{stack_name(environment)} is synthesised, with all checks")
    _cdk(host, scratch, "deploy", "--app", str(_assembly(scratch)), "--require-approval", "never")
    return outputs_of(host, stack_name(environment))


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


def synthesize(host: Host, scratch: Path, environment: str) -> None:
    """Synthesise an environment for the processor and the Python of this machine, with weights that need no download.

    Raises
    ------
    RehearsalError
        If the cloud has no such Python, or the CDK command fails.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    if python not in IMAGE_PYTHONS:
        raise RehearsalError(
            f"The cloud has Python {' and '.join(IMAGE_PYTHONS)}, and this environment Python {python}, which can't "
            f"rehearse it: install one of them, delete .venv, and run make again."
        )
    machine = {"architecture": ARCHITECTURES[platform.machine().lower()], "python": python}
    context = {"env": environment, "weights": "seeded", **machine}
    arguments = [argument for name, value in context.items() for argument in ("--context", f"{name}={value}")]
    _cdk(host, scratch, "synth", "--quiet", "--output", str(_assembly(scratch)), *arguments)


def bootstrap(host: Host, scratch: Path) -> None:
    """Prepare the account for CDK: the bucket of its assets, and its roles."""
    # Not where the settings of our app are: it would be asked first, and takes seconds to answer.
    _cdk(host, scratch, "bootstrap", f"aws://{ACCOUNT}/{REGION}", place=scratch)


def outputs_of(host: Host, stack: str) -> dict[str, str]:
    """Read the outputs of a stack."""
    [description] = host.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}


def _assembly(scratch: Path) -> Path:
    return scratch / "cdk.out"


def _cdk(host: Host, scratch: Path, command: str, *arguments: str, place: Path = ROOT) -> None:
    binaries = Path(sys.executable).parent
    log = scratch / f"cdk-{command}.log"
    with log.open("wb") as output:
        code = _run([str(binaries / "cdk"), command, *arguments], place, _environment(host, binaries, scratch), output)
    if code:
        said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        raise RehearsalError("\n".join([f"`cdk {command}` has failed. Its last words:", *said[-LINES:]]))


def _environment(host: Host, binaries: Path, scratch: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **host.variables,
        # Whatever accounts this machine knows: no rehearsal ever reaches one.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        # Where CloudFormation is told to find templates: moto takes the path for bucket and key if this is the host.
        "AWS_ENDPOINT_URL_S3_FOR_CLOUDFORMATION": host.endpoint.replace("127.0.0.1", "localhost"),
        # The CDK command is a program of Node, which lies beside it.
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(scratch),
    }


def _run(program: list[str], place: Path, environment: dict[str, str], output: IO[bytes]) -> int:
    """Run a program to its end, or until this one is interrupted: then it ends with all that it has started."""
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
