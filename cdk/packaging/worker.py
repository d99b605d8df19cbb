"""The Python packages of the Spark workers, and a launcher that puts them before those of the image."""

from collections import Counter
from pathlib import Path
from string import Template

from cdk.packaging.archives import names_below, pack
from cdk.packaging.package import Package, PackagingError, hash_of
from cdk.packaging.wheels import LEFT_OUT, install_wheels, keep_services, leave_out
from cdk.settings import Architecture

LAUNCHER = """\
#!/bin/sh
# The image's Python $python, with the packages of this archive before all others.
here=$$(CDPATH= cd -- "$$(dirname -- "$$0")/.." && pwd) || exit 1
export PYTHONPATH="$$here/site-packages$${PYTHONPATH:+:$$PYTHONPATH}"
for place in "$$(command -v python$python)" $places; do
    [ -x "$$place" ] && exec "$$place" "$$@"
done
echo "fruits: Python $python is neither on the PATH ($$PATH) nor one of $places: set another in cdk/settings.py" >&2
exit 127
"""

PLACES = ("/usr/bin", "/usr/local/bin")
"""Folders in which Amazon Linux 2023, and AWS' guide to custom images, install Python."""

LEFT_OUT_HERE = {
    "pyarrow/*flight*": "remote procedure calls; 33 MB",
    "pyarrow/*_s3*": "Arrow's access to S3: ours is obstore; 17 MB",
    "pyarrow/libarrow_python*.so": "copies of a library, by the name that linkers look for",
    "pyarrow/libarrow_python*.so.*.*.*": "as above, by its full version",
    "onnxruntime/capi/libonnxruntime.so*": "for programs in C: the Python module has it all inside; 29 MB",
    "onnxruntime/transformers/*": "tools that rewrite networks",
    "onnxruntime/quantization/*": "as above",
    "onnxruntime/tools/*": "as above",
}
"""Pattern → reason, beside those of every package."""

SERVICES = ("s3", "sts")
"""Of AWS, that a job calls from Python, and the one that its credentials may come from."""

LIMIT_MB = 130
"""A larger archive is a mistake: every worker fetches and unpacks it before its first image."""


def worker_package(root: Path, architecture: Architecture, python: str) -> Package:
    """Describe the archive of the workers: ``bin/python`` and ``site-packages``.

    Parameters
    ----------
    root
        Of the repository.
    architecture, python
        Processor and version of Python of the workers.
    """
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
    leave_out(packages, [*LEFT_OUT, *LEFT_OUT_HERE])
    keep_services(packages, SERVICES)
    (stage / "bin").mkdir()
    (stage / "bin" / "python").write_text(launcher(python))
    pack(stage, target)
    check_size(target, packages)


def launcher(python: str) -> str:
    """Compose the script that a job runs as its Python: it executes the Python of the image."""
    return Template(LAUNCHER).substitute(python=python, places=" ".join(f"{place}/python{python}" for place in PLACES))


def check_size(archive: Path, packages: Path) -> None:
    """See that the archive is not too large.

    Raises
    ------
    PackagingError
        If it is; the message names the largest packages.
    """
    megabytes = archive.stat().st_size / 1e6
    if megabytes <= LIMIT_MB:
        return
    sizes: Counter[str] = Counter()
    for name in names_below(packages):
        sizes[name.split("/")[0]] += (packages / name).stat().st_size
    largest = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sizes.most_common(5))
    raise PackagingError(
        f"The archive of the workers has {megabytes:.0f} MB, more than {LIMIT_MB}. Largest, unpacked: {largest}."
    )
