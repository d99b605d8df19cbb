"""Tests that versions which are written in several places agree."""

import re
import tomllib
from pathlib import Path

import pyspark
import pytest

from cdk.settings import ENVIRONMENTS
from contract.versions import (
    ICEBERG,
    ICEBERG_AWS_BUNDLE,
    ICEBERG_RUNTIME,
    IMAGE_PYTHONS,
    S3_CLIENT,
    SPARK,
    SPARK_OF_RELEASE,
)

ROOT = Path(__file__).parents[2]
JARS = {jar.name for jar in (Path(pyspark.__file__).parent / "jars").iterdir()}


def test_spark_is_that_of_the_release() -> None:
    """The pinned and the installed Spark are the Spark of every environment's release."""
    pins = (ROOT / "requirements.txt").read_text()
    assert re.findall(r"^pyspark==(\S*)", pins, re.MULTILINE) == [pyspark.__version__] == [SPARK]
    for environment in ENVIRONMENTS.values():
        assert SPARK_OF_RELEASE[environment.release_label] == SPARK


def test_iceberg_is_made_for_this_spark_and_scala() -> None:
    """The name of the runtime contains this Spark and its Scala, and the AWS bundle has the same version."""
    (scala,) = re.findall(rf"spark-core_(\S*)-{re.escape(SPARK)}\.jar", " ".join(JARS))
    spark = SPARK.rpartition(".")[0]
    assert f"org.apache.iceberg:iceberg-spark-runtime-{spark}_{scala}:{ICEBERG}" == ICEBERG_RUNTIME
    assert ICEBERG_AWS_BUNDLE.endswith(f":{ICEBERG}")


def test_the_client_for_s3_is_of_the_hadoop_of_spark() -> None:
    """The S3 client has the version of the Hadoop in Spark; another version fails during a rehearsal."""
    (hadoop,) = (name for name in S3_CLIENT if "hadoop-aws" in name)
    assert f"hadoop-client-runtime-{hadoop.rpartition(':')[2]}.jar" in JARS


@pytest.mark.parametrize("python", IMAGE_PYTHONS)
def test_the_project_runs_on_the_pythons_of_the_cloud(python: str) -> None:
    """`requires-python` includes every Python of the cloud."""
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    least, most = (tuple(map(int, version.split("."))) for version in re.findall(r"[\d.]+", required))
    assert least[:2] <= tuple(map(int, python.split("."))) < most
