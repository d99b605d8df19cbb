"""The packages of a deployment."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from cdk.packaging.package import ROOT, Package
from cdk.packaging.recipes import application_package, bundle_package, jar_package, model_package
from cdk.packaging.worker import worker_package
from cdk.settings import Architecture
from contract.functions import Function
from localspark.jars import Jars


@dataclass(frozen=True, kw_only=True)
class Packages:
    """All packages of a deployment.

    Attributes
    ----------
    worker
        Python packages of the Spark workers.
    application
        Code of the Spark application.
    model
        Exported network.
    start_run, record_run, drain
        Code of the Lambda functions.
    iceberg_runtime, iceberg_aws_bundle
        Jars of Iceberg for Spark, and of the classes that it needs for S3 and Glue.
    """

    worker: Package
    application: Package
    model: Package
    start_run: Package
    record_run: Package
    drain: Package
    iceberg_runtime: Package
    iceberg_aws_bundle: Package

    def __iter__(self) -> Iterator[Package]:
        return (getattr(self, name) for name in self.names())

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the packages."""
        return [field.name for field in fields(cls)]


def packages_for(architecture: Architecture, python: str, weights: str, root: Path = ROOT) -> Packages:
    """Describe the packages of a deployment, without building them.

    Parameters
    ----------
    architecture
        Architecture of the workers.
    python
        Version of Python of the workers and the functions, such as ``3.13``.
    weights
        ``imagenet``, ``seeded``, or the path of an ``.h5`` or ``.keras`` file.
    root
        Root folder of the repository.

    Raises
    ------
    PackagingError
        If the weights do not exist.
    """
    return Packages(
        worker=worker_package(root, architecture, python),
        application=application_package(root),
        model=model_package(root, weights),
        start_run=bundle_package(root, Function.START_RUN, python),
        record_run=bundle_package(root, Function.RECORD_RUN, python),
        drain=bundle_package(root, Function.DRAIN, python),
        iceberg_runtime=jar_package("iceberg_runtime", Jars.ICEBERG_RUNTIME),
        iceberg_aws_bundle=jar_package("iceberg_aws_bundle", Jars.ICEBERG_AWS_BUNDLE),
    )
