"""A job of EMR Serverless becomes a spark-submit command for this machine."""

from itertools import pairwise
from pathlib import Path

import pytest

from localaws.account import LocalAwsError
from localaws.spark_submit import LOCAL, WITHOUT_EFFECT, S3Url, Size, Submission, command

CONF = {
    "spark.submit.pyFiles": "s3://assets/app.zip",
    "spark.jars": "s3://assets/one.jar,s3://assets/two.jar",
    "spark.archives": "s3://assets/worker.tgz#environment,s3://assets/model.tgz#model",
    "spark.emr-serverless.driverEnv.PYSPARK_PYTHON": "./environment/bin/python",
    "spark.executorEnv.PYSPARK_PYTHON": "./environment/bin/python",
    "spark.driver.cores": "2",
    "spark.driver.memory": "6g",
    "spark.driver.memoryOverhead": "2g",
    "spark.executor.cores": "1",
    "spark.executor.memory": "3072m",
    "spark.executor.memoryOverhead": "1g",
    "spark.dynamicAllocation.initialExecutors": "1",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.catalog.things": "org.apache.iceberg.spark.SparkCatalog",
}


def _submission(parameters: str) -> Submission:
    return Submission.parse(
        {
            "sparkSubmit": {
                "entryPoint": "s3://assets/main.py",
                "entryPointArguments": ["--mode", "update"],
                "sparkSubmitParameters": parameters,
            }
        }
    )


@pytest.fixture
def shipped() -> Submission:
    """Return a job with all kinds of configuration."""
    return _submission(" ".join(f"--conf {name}={value}" for name, value in CONF.items()))


def test_the_files_and_the_environment_of_a_job_are_read(shipped: Submission) -> None:
    """Archives have names; the driver has its own variables."""
    assert [url.key for url in shipped.files] == [
        *("main.py", "app.zip", "one.jar", "two.jar", "worker.tgz", "model.tgz")
    ]
    assert shipped.archives == {
        "environment": S3Url("assets", "worker.tgz"),
        "model": S3Url("assets", "model.tgz"),
    }
    assert shipped.environment == {"PYSPARK_PYTHON": "./environment/bin/python"}


def test_the_command_has_the_configuration_that_works_here(shipped: Submission) -> None:
    """It names staged files and one process, and no sizes of workers; configuration of executors is passed on."""
    paths = {url: Path("/staged") / url.key for url in shipped.files}
    line = command(shipped, paths, Path("/spark"), {"spark.driver.extraClassPath": "/client.jar"})
    conf = dict(word.split("=", 1) for option, word in pairwise(line) if option == "--conf")
    assert line[:3] == ["/spark/bin/spark-submit", "--master", "local[2]"]
    assert line[-3:] == ["/staged/main.py", "--mode", "update"]
    assert conf["spark.submit.pyFiles"] == "/staged/app.zip"
    assert conf["spark.jars"] == "/staged/one.jar,/staged/two.jar"
    assert conf["spark.driver.extraClassPath"] == "/client.jar"
    assert conf["spark.executorEnv.PYSPARK_PYTHON"] == "./environment/bin/python"
    assert LOCAL.items() <= conf.items()
    assert not conf.keys() & {*WITHOUT_EFFECT, "spark.archives"}


def test_a_job_that_would_use_hive_is_refused() -> None:
    """EMR Serverless has Hive's catalog in Glue by default, and jobs may not read it; a job here would not notice."""
    for parameters in ("", "--conf spark.sql.catalogImplementation=hive"):
        with pytest.raises(LocalAwsError, match=r"set spark\.sql\.catalogImplementation=in-memory"):
            command(_submission(parameters), {}, Path("/spark"), {})


def test_a_job_is_billed_for_its_driver_and_one_executor(shipped: Submission) -> None:
    """The sizes are those of its configuration, or the defaults of AWS."""
    assert shipped.size == Size(3, 12)
    assert _submission("").size == Size(8, pytest.approx(2 * 14 * 1.1))


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ("--conf spark.speculation=true", "spark.speculation"),
        ("--conf spark.sql.x", "spark.sql.x"),
        ("--packages a:b:1", "--packages"),
        ("--verbose --conf spark.sql.x=1", "--verbose"),
        ("--conf", "--conf"),
    ],
)
def test_unknown_parameters_are_refused(parameters: str, named: str) -> None:
    """The message names the parameter or the configuration."""
    with pytest.raises(LocalAwsError, match=named):
        _submission(parameters)


@pytest.mark.parametrize(
    ("parameters", "attribute"),
    [
        ("--conf spark.archives=s3://assets/a.tgz", "archives"),
        ("--conf spark.jars=https://somewhere/a.jar", "jars"),
        ("--conf spark.jars=/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar", "jars"),
        ("--conf spark.submit.pyFiles=s3://assets/", "py_files"),
        ("--conf spark.driver.memory=much", "size"),
    ],
)
def test_a_wrong_file_or_size_is_refused(parameters: str, attribute: str) -> None:
    """An archive has a name, a file is in S3, an amount of memory has a unit."""
    with pytest.raises(LocalAwsError):
        getattr(_submission(parameters), attribute)


def test_only_spark_jobs_are_known() -> None:
    """Hive jobs are refused."""
    with pytest.raises(LocalAwsError, match="hive"):
        Submission.parse({"hive": {}})
