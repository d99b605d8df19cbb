"""All packages of a deployment."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from cdk.packaging.package import ROOT, Package
from cdk.packaging.recipes import application_package, bundle_package, jar_package, model_package
from cdk.packaging.worker import worker_package
from cdk.settings import Architecture
from localspark.jars import Jars


@dataclass(frozen=True, kw_only=True)
class Packages:
    """What a deployment ships.

    Attributes
    ----------
    worker
        Python packages of the Spark workers: ``spark.archives=…#environment``.
    application
        Our code: ``--py-files``.
    model
        The exported network: ``spark.archives=…#model``.
    start_run, record_run
        The Lambda functions.
    iceberg_runtime, iceberg_aws_bundle
        Iceberg for Spark, and what it needs on AWS: ``--jars``.
    """

    worker: Package
    application: Package
    model: Package
    start_run: Package
    record_run: Package
    iceberg_runtime: Package
    iceberg_aws_bundle: Package

    def __iter__(self) -> Iterator[Package]:
        return (getattr(self, name) for name in self.names())

    @classmethod
    def names(cls) -> list[str]:
        """Name the packages."""
        return [field.name for field in fields(cls)]


def packages_for(architecture: Architecture, python: str, weights: str, root: Path = ROOT) -> Packages:
    """Describe the packages of a deployment; none is built.

    Parameters
    ----------
    architecture
        Of the workers.
    python
        Version of Python of the workers and the functions, such as ``3.13``.
    weights
        ``imagenet``, ``seeded``, or the path of an ``.h5`` or ``.keras`` file.
    root
        Of the repository.

    Raises
    ------
    PackagingError
        If there are no such weights.
    """
    return Packages(
        worker=worker_package(root, architecture, python),
        application=application_package(root),
        model=model_package(root, weights),
        start_run=bundle_package(root, "start_run", python),
        record_run=bundle_package(root, "record_run", python),
        iceberg_runtime=jar_package("iceberg_runtime", Jars.ICEBERG_RUNTIME),
        iceberg_aws_bundle=jar_package("iceberg_aws_bundle", Jars.ICEBERG_AWS_BUNDLE),
    )
