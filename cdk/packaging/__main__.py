"""`python -m cdk.packaging`: builds packages and prints their paths. The CDK command calls it before an upload."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from cdk.packaging.catalogue import Packages, packages_for
from cdk.packaging.package import Package, PackagingError, build
from cdk.settings import Architecture
from contract.versions import IMAGE_PYTHONS
from spark_app.engine.weights import WeightsKind
from spark_app.errors import FruitsError
from spark_app.options import Parser

ALL = "all"


def main(argv: Sequence[str] | None = None) -> int:
    """Build one package and print its path, or build all packages and print a table.

    Returns
    -------
    int
        Exit code: 0 for success, 1 for a failure, 2 for a mistake of the user.
    """
    arguments = _parser().parse_args(argv)
    try:
        packages = packages_for(arguments.architecture, arguments.python, arguments.weights)
        if arguments.package == ALL:
            lines = _build_all(packages)
        else:
            lines = iter([_build_one(getattr(packages, arguments.package), arguments.inputs)])
        for line in lines:
            print(line, flush=True)  # noqa: T201 -- this is a command
    except (PackagingError, FruitsError) as error:
        print(f"packaging: {error}", file=sys.stderr)  # noqa: T201 -- this is a command
        return error.exit_code if isinstance(error, FruitsError) else 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m cdk.packaging", description="Build the packages that a deployment ships.")
    parser.add_argument("package", choices=[*Packages.names(), ALL])
    parser.add_argument("--architecture", type=Architecture, choices=list(Architecture), default=Architecture.ARM64)
    parser.add_argument(
        "--python",
        choices=IMAGE_PYTHONS,
        default=IMAGE_PYTHONS[0],
        help="version of Python of the workers and the functions [%(default)s]",
    )
    parser.add_argument(
        "--weights",
        default=WeightsKind.IMAGENET,
        help="weights of the model: imagenet, seeded, or a file [%(default)s]",
    )
    parser.add_argument("--inputs", metavar="SHA256", help="fail if the hash of the inputs is not this one")
    return parser


def _build_one(package: Package, inputs: str | None) -> str:
    if inputs not in {None, package.inputs_hash}:
        raise PackagingError(f"The inputs of {package.name} have changed since the synthesis: synthesise again.")
    return str(build(package))


def _build_all(packages: Packages) -> Iterator[str]:
    for package in packages:
        path = build(package)
        yield f"{package.name:<22}{path.stat().st_size / 1e6:7.1f} MB  {path}"


if __name__ == "__main__":
    sys.exit(main())
