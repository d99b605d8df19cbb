"""The package of the Spark workers: Python packages, and a launcher that gives these priority over the image's."""

from collections import Counter
from pathlib import Path
from string import Template

from cdk.packaging.archives import names_below, pack
from cdk.packaging.package import Package, PackagingError, hash_of
from cdk.packaging.wheels import LEFT_OUT, install_wheels, keep_services, leave_out
from cdk.settings import Architecture

LAUNCHER = """\
#!/bin/sh
# Runs the Python $python of the image, with the packages of this archive before all others.
here=$$(CDPATH= cd -- "$$(dirname -- "$$0")/.." && pwd) || exit 1
export PYTHONPATH="$$here/site-packages$${PYTHONPATH:+:$$PYTHONPATH}"
for place in "$$(command -v python$python)" $places; do
    [ -x "$$place" ] && exec "$$place" "$$@"
done
echo "fruits: Python $python is neither on the PATH ($$PATH) nor one of $places: set another in cdk/settings.py" >&2
exit 127
"""

PLACES = ("/usr/bin", "/usr/local/bin")
"""Folders in which Amazon Linux 2023, and AWS's guide to custom images, install Python."""

LEFT_OUT_OF_WORKER = {
    "pyarrow/*flight*": "remote procedure calls; 33 MB",
    "pyarrow/*_s3*": "Arrow's access to S3, for which the pipeline uses obstore; 17 MB",
    "pyarrow/libarrow_python*.so": "copy of a library under the name for linkers",
    "pyarrow/libarrow_python*.so.*.*.*": "copy of a library under its full version",
    "ai_edge_litert/libLiteRtWebGpuAccelerator.so": "for graphics processors; 19 MB",
    "ai_edge_litert/libLiteRt.so": "for programs in C; the Python module contains its own copy; 8 MB",
    "ai_edge_litert/tools/*": "tools that rewrite networks; 8 MB",
    "ai_edge_litert/vendors/*": "for processors of phones; 5 MB",
}
"""Pattern of paths → reason why the files are left out, in addition to `LEFT_OUT`."""

ON_DEMAND = ("libLiteRtWebGpuAccelerator.so",)
"""Library that LiteRT loads for programs that ask for a graphics processor."""

JOB_SERVICES = ("s3", "sts")
"""AWS service that a job calls from Python, and STS, which may provide its credentials."""

LIMIT_MB = 130
"""Maximum size of the archive, which every worker fetches and unpacks before its first image."""


def worker_package(root: Path, architecture: Architecture, python: str) -> Package:
    """Describe the archive of the workers, which contains ``bin/python`` and ``site-packages``."""
    lock = root / "spark_app" / "requirements.txt"
    here = Path(__file__).parent
    code = {name: here / name for name in ("worker.py", "wheels.py", "archives.py")}
    return Package(
        name=f"worker-{architecture.replace('_', '-').lower()}-python{python.replace('.', '')}",
        suffix=".tgz",
        inputs_hash=hash_of({"lock": lock, **code}, architecture, python),
        arguments=("worker", "--architecture", str(architecture), "--python", python),
        make=lambda stage, target: _make(lock, architecture, python, stage, target),
    )


def _make(lock: Path, architecture: Architecture, python: str, stage: Path, target: Path) -> None:
    packages = stage / "site-packages"
    install_wheels(lock, packages, architecture, python)
    leave_out(packages, [*LEFT_OUT, *LEFT_OUT_OF_WORKER], ON_DEMAND)
    keep_services(packages, JOB_SERVICES)
    (stage / "bin").mkdir()
    (stage / "bin" / "python").write_text(launcher(python))
    pack(stage, target)
    check_size(target, packages)


def launcher(python: str) -> str:
    """Return the script that a job uses as its Python. It executes the Python of the image."""
    return Template(LAUNCHER).substitute(python=python, places=" ".join(f"{place}/python{python}" for place in PLACES))


def check_size(archive: Path, packages: Path) -> None:
    """Check that the archive is not too large.

    Raises
    ------
    PackagingError
        If the archive is too large; the message names the largest packages.
    """
    megabytes = archive.stat().st_size / 1e6
    if megabytes <= LIMIT_MB:
        return
    sizes: Counter[str] = Counter()
    for name in names_below(packages):
        sizes[name.split("/")[0]] += (packages / name).stat().st_size
    largest = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sizes.most_common(5))
    raise PackagingError(
        f"The archive of the workers has {megabytes:.0f} MB, more than {LIMIT_MB}. Largest unpacked: {largest}."
    )
