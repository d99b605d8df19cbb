"""Tests of how a job of EMR Serverless becomes a command line of this machine."""

from itertools import pairwise
from pathlib import Path

import pytest

from cdk.settings import ENVIRONMENTS
from cdk.stateless.assets import PublishedFile
from cdk.stateless.spark import Program, spark_submit_parameters
from localaws.account import LocalAwsError
from localaws.spark_submit import LOCAL, WITHOUT_EFFECT, S3Url, Size, Submission, command

PROGRAM = Program(
    entry_point=PublishedFile("assets", "main.py"),
    application=PublishedFile("assets", "app.zip"),
    environment=PublishedFile("assets", "worker.tgz"),
    model=PublishedFile("assets", "model.tgz"),
    jars=(PublishedFile("assets", "one.jar"), PublishedFile("assets", "two.jar")),
)


def _submission(parameters: str) -> Submission:
    return Submission.parse(
        {
            "sparkSubmit": {
                "entryPoint": PROGRAM.entry_point.url,
                "entryPointArguments": ["--mode", "update"],
                "sparkSubmitParameters": parameters,
            }
        }
    )


@pytest.fixture
def shipped() -> Submission:
    """Return a job as the stack submits it."""
    return _submission(spark_submit_parameters(ENVIRONMENTS["dev"], PROGRAM))


def test_what_the_stack_submits_is_understood(shipped: Submission) -> None:
    """Its files, its archives with their names, and the variables of its driver."""
    assert [url.key for url in shipped.files] == [
        *("main.py", "app.zip", "one.jar", "two.jar", "worker.tgz", "model.tgz")
    ]
    assert shipped.archives == {
        "environment": S3Url("assets", "worker.tgz"),
        "model": S3Url("assets", "model.tgz"),
    }
    assert shipped.environment["PYSPARK_PYTHON"] == "./environment/bin/python"
    assert shipped.environment["AWS_REGION"] == ENVIRONMENTS["dev"].region


def test_the_command_has_what_works_here_and_leaves_the_rest(shipped: Submission) -> None:
    """Files of this machine, one process, and no sizes of workers; what is meant for the executors goes as it is."""
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


def test_a_job_is_billed_for_its_driver_and_one_executor(shipped: Submission) -> None:
    """By the sizes that it asks for, or those that AWS takes."""
    capacity = ENVIRONMENTS["dev"].capacity
    workers = (capacity.driver, capacity.executor)
    assert shipped.size == Size(sum(one.vcpus for one in workers), sum(one.memory_gb for one in workers))
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
def test_what_is_not_understood_is_refused(parameters: str, named: str) -> None:
    """And named: nothing is silently left out."""
    with pytest.raises(LocalAwsError, match=named):
        _submission(parameters)


@pytest.mark.parametrize(
    ("parameters", "attribute"),
    [
        ("--conf spark.archives=s3://assets/a.tgz", "archives"),
        ("--conf spark.jars=https://somewhere/a.jar", "jars"),
        ("--conf spark.submit.pyFiles=s3://assets/", "py_files"),
        ("--conf spark.driver.memory=much", "size"),
    ],
)
def test_a_file_or_a_size_that_is_none_is_refused(parameters: str, attribute: str) -> None:
    """An archive has a name, a file lies in S3, memory has a unit."""
    with pytest.raises(LocalAwsError):
        getattr(_submission(parameters), attribute)


def test_only_spark_jobs_are_known() -> None:
    """Hive is not."""
    with pytest.raises(LocalAwsError, match="hive"):
        Submission.parse({"hive": {}})
