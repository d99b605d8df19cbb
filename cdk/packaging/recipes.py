"""The contents of all packages but that of the workers: the application, the model, the functions, the jars."""

import hashlib
import re
import shutil
from pathlib import Path

from cdk.packaging.archives import copy_files, pack
from cdk.packaging.package import Package, PackagingError, hash_of
from cdk.packaging.wheels import LEFT_OUT, check_pure, install_wheels, keep_services, leave_out
from cdk.settings import Architecture
from contract.functions import Function
from localspark.jars import MAVEN_COORDINATES, Jars, fetched
from spark_app.engine.weights import WeightsKind
from spark_app.errors import WeightsError
from spark_app.local_files import user_path

HERE = Path(__file__).parent
CODE = {name: HERE / name for name in ("recipes.py", "archives.py")}
CODE_OF_BUNDLES = {**CODE, "wheels.py": HERE / "wheels.py"}

FUNCTION_SERVICES = {
    Function.START_RUN: ("dynamodb", "s3", "stepfunctions", "sts"),
    Function.RECORD_RUN: ("emr-serverless", "s3", "sts"),
    Function.DRAIN: ("emr-serverless", "events", "stepfunctions", "sts"),
}
"""AWS services that each function calls, and STS, which may provide its credentials."""

SHIPPED_SUFFIXES = {".py", ".j2", ".html", ".css", ".js"}
"""Suffixes of the files of the packages that run in the cloud: modules, and what they make pages of."""

EXPLORER_PROGRAM = "spark_app/explorer/explore.js"

EXPORT_CODE = (
    *(f"engine/{name}" for name in ("card", "export", "model", "network", "litert_engine", "preprocessing", "weights")),
    "npz",
)
"""Modules of `spark_app` that determine the content of an exported model."""

EXPORT_TOOLS = ("keras", "tensorflow", "tensorflow-cpu")


def application_package(root: Path) -> Package:
    """Describe the application: a ZIP archive from which Python imports.

    Raises
    ------
    PackagingError
        If the program of the explorer's page, which is not a source but built, does not exist.
    """
    files = _sources(root, "contract", "spark_app")
    if EXPLORER_PROGRAM not in files:
        raise PackagingError(f"{root / EXPLORER_PROGRAM} has not been built: run make {EXPLORER_PROGRAM}.")
    return Package(
        name="application",
        suffix=".zip",
        inputs_hash=hash_of(files | CODE),
        arguments=("application",),
        make=lambda stage, target: _pack_files(files, stage, target),
    )


def bundle_package(root: Path, function: Function, python: str) -> Package:
    """Describe the bundle of a Lambda function: its code, and the packages that it needs for a version of Python."""
    own = _sources(root, "contract", f"lambdas/{function}") | {"lambdas/__init__.py": root / "lambdas/__init__.py"}
    lock = root / "lambdas" / "requirements.txt"
    return Package(
        name=function.replace("_", "-"),
        suffix=".zip",
        inputs_hash=hash_of({**own, "lock": lock, **CODE_OF_BUNDLES}, function, python),
        arguments=(function.value, "--python", python),
        make=lambda stage, target: _make_bundle(own, lock, function, python, stage, target),
    )


def model_package(root: Path, weights: str) -> Package:
    """Describe the exported network.

    Parameters
    ----------
    weights
        ``imagenet``, ``seeded``, or the path of an ``.h5`` or ``.keras`` file.

    Raises
    ------
    PackagingError
        If the weights do not exist.
    """
    kind, location, identity = _identify(weights)
    exporting = {name: root / "spark_app" / f"{name}.py" for name in EXPORT_CODE}
    pins = _lines_of(root / "requirements.txt", rf"({'|'.join(EXPORT_TOOLS)})==")
    return Package(
        name=f"model-{kind}",
        suffix=".tgz",
        inputs_hash=hash_of(exporting | CODE, identity, *pins),
        arguments=("model", "--weights", location),
        make=lambda stage, target: _make_model(location, stage, target),
    )


def jar_package(name: str, jars: Jars) -> Package:
    """Describe a jar of Maven Central, which is shipped unchanged; `name` is its attribute of `Packages`."""
    return Package(
        name=jars,
        suffix=".jar",
        inputs_hash=hash_of({}, *MAVEN_COORDINATES[jars]),
        arguments=(name,),
        make=lambda _, target: _copy_jar(jars, target),
    )


def _sources(root: Path, *folders: str) -> dict[str, Path]:
    return {
        path.relative_to(root).as_posix(): path
        for folder in folders
        for path in sorted((root / folder).rglob("*"))
        if path.suffix in SHIPPED_SUFFIXES
    }


def _pack_files(files: dict[str, Path], stage: Path, target: Path) -> None:
    copy_files(files, stage)
    pack(stage, target)


def _make_bundle(own: dict[str, Path], lock: Path, function: Function, python: str, stage: Path, target: Path) -> None:
    install_wheels(lock, stage, Architecture.ARM64, python)
    check_pure(stage)
    leave_out(stage, [*LEFT_OUT])
    keep_services(stage, FUNCTION_SERVICES[function])
    _pack_files(own, stage, target)


def _identify(weights: str) -> tuple[str, str, str]:
    """Return the kind, the location and the identity of weights."""
    if weights in {WeightsKind.IMAGENET, WeightsKind.SEEDED}:
        return weights, weights, weights
    path = user_path(weights).resolve()
    if path.suffix not in {".h5", ".keras"} or not path.is_file():
        raise WeightsError(f"Weights must be imagenet, seeded, or an existing .h5 or .keras file, not {weights!r}.")
    return WeightsKind.FILE, str(path), hashlib.sha256(path.read_bytes()).hexdigest()


def _make_model(weights: str, stage: Path, target: Path) -> None:
    # A synthesis does not need the libraries of the engine.
    from spark_app.engine.model import FILES
    from spark_app.engine.provision import export_weights
    from spark_app.settings import Engine

    export_weights(weights, stage)
    (stage / FILES[Engine.TENSORFLOW]).unlink()  # the workers have no TensorFlow
    pack(stage, target)


def _copy_jar(jars: Jars, target: Path) -> None:
    [jar] = fetched(jars)
    shutil.copyfile(jar, target)


def _lines_of(file: Path, beginning: str) -> list[str]:
    """Return the lines that match at their beginning. If none does, a name has changed, which is an error."""
    lines = [line for line in file.read_text().splitlines() if re.match(beginning, line)]
    if not lines:
        raise PackagingError(f"{file} has no line that begins with {beginning}.")
    return lines
