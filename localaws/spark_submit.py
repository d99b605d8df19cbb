"""From the job driver of StartJobRun to a command line of spark-submit for this machine. Pure."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from localaws.account import LocalAwsError

PY_FILES, JARS, ARCHIVES = "spark.submit.pyFiles", "spark.jars", "spark.archives"
"""Where a job names the files that EMR Serverless stages for it."""

DRIVER_ENV = "spark.emr-serverless.driverEnv."

PASSED_ON = ("spark.executorEnv.", "spark.sql.", "spark.hadoop.")
"""Beginnings of the names of configuration that means here what it means in the cloud."""

WITHOUT_EFFECT = {
    "spark.driver.cores": "one process of this machine stands for all workers; it sizes the bill only",
    "spark.driver.memory": "as the cores; a heap of 4 GB may be more than this machine has",
    "spark.driver.memoryOverhead": "as the memory",
    "spark.executor.cores": "as those of the driver",
    "spark.executor.memory": "as that of the driver",
    "spark.executor.memoryOverhead": "as the memory",
    "spark.dynamicAllocation.initialExecutors": "there are no executors beside the driver",
    "spark.dynamicAllocation.maxExecutors": "as the initial ones",
}
"""Configuration that is checked, and then left out → why."""

MASTER = "local[2]"

LOCAL = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # The job is over before the optimising compiler would pay off, and the classes come from jars that were checked.
    "spark.driver.extraJavaOptions": (
        "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
    ),
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    # A bucket is a folder of the local AWS, not a host of its own.
    "spark.sql.catalog.lake.s3.path-style-access": "true",
    # EMR's Spark knows s3://; a plain one reads and writes it with Hadoop's client, as EMR does since 7.10.
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    "spark.hadoop.fs.s3a.path.style.access": "true",
    "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
}
"""What is configured beside, for Spark in one process and an AWS on this machine."""

_CORES, _HEAP_GB = "4", "14g"
_OVERHEAD = 0.1
"""What EMR Serverless gives where a job doesn't say: vCPUs, heap, and the share of it that comes on top."""


@dataclass(frozen=True)
class S3Url:
    """An object of S3, by its URL."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL.

        Raises
        ------
        LocalAwsError
            If it is none of S3.
        """
        match = re.fullmatch(r"s3://([^/]+)/([^#]+)", url)
        if not match:
            raise LocalAwsError(f"A file of a job lies in S3, not at {url!r}.")
        return cls(match[1], match[2])


@dataclass(frozen=True)
class Size:
    """Of the workers of a job, together."""

    vcpus: float
    memory_gb: float


@dataclass(frozen=True)
class Submission:
    """What a job asks for.

    Attributes
    ----------
    entry_point
        The main file.
    arguments
        Of the main file.
    conf
        Spark's configuration.
    """

    entry_point: S3Url
    arguments: tuple[str, ...]
    conf: Mapping[str, str]

    @classmethod
    def parse(cls, job_driver: Mapping[str, Any]) -> Self:
        """Read the job driver of StartJobRun.

        Raises
        ------
        LocalAwsError
            If it holds anything that would have no effect here without a reason.
        """
        if set(job_driver) != {"sparkSubmit"}:
            raise LocalAwsError(f"A job is submitted with spark-submit here, not with {sorted(job_driver)}.")
        driver = job_driver["sparkSubmit"]
        return cls(
            entry_point=S3Url.parse(driver["entryPoint"]),
            arguments=tuple(driver.get("entryPointArguments", ())),
            conf=_conf(driver.get("sparkSubmitParameters", "")),
        )

    @property
    def py_files(self) -> tuple[S3Url, ...]:
        """Python packages for the job's path."""
        return tuple(S3Url.parse(url) for url in _listed(self.conf, PY_FILES))

    @property
    def jars(self) -> tuple[S3Url, ...]:
        """Java packages for the job's path."""
        return tuple(S3Url.parse(url) for url in _listed(self.conf, JARS))

    @property
    def archives(self) -> dict[str, S3Url]:
        """Name of a folder of the job → the archive that is unpacked there."""
        parts = [url.partition("#") for url in _listed(self.conf, ARCHIVES)]
        if unnamed := [url for url, _, name in parts if not re.fullmatch(r"[\w.-]+", name)]:
            raise LocalAwsError(f"An archive is named after a '#', {unnamed[0]!r} is not.")
        return {name: S3Url.parse(url) for url, _, name in parts}

    @property
    def files(self) -> tuple[S3Url, ...]:
        """All that is staged."""
        return (self.entry_point, *self.py_files, *self.jars, *self.archives.values())

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of the driver."""
        return {
            name.removeprefix(DRIVER_ENV): value for name, value in self.conf.items() if name.startswith(DRIVER_ENV)
        }

    @property
    def size(self) -> Size:
        """What the driver and one executor have, which is what such a job is billed for at least."""
        sizes = [_worker_size(self.conf, who) for who in ("driver", "executor")]
        return Size(sum(size.vcpus for size in sizes), sum(size.memory_gb for size in sizes))


def command(
    submission: Submission, paths: Mapping[S3Url, Path], spark_home: Path, local: Mapping[str, str]
) -> list[str]:
    """Compose the command that runs a job in its folder.

    Parameters
    ----------
    submission
        The job.
    paths
        Where its staged files lie.
    spark_home
        Of the Spark that runs it.
    local
        Configuration that this machine adds to `LOCAL`: the class path and the endpoint.
    """
    staged = {PY_FILES: submission.py_files, JARS: submission.jars}
    conf = {
        **{name: value for name, value in submission.conf.items() if name.startswith(PASSED_ON)},
        **{name: ",".join(str(paths[url]) for url in urls) for name, urls in staged.items() if urls},
        **LOCAL,
        **local,
    }
    options = [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    spark_submit = str(spark_home / "bin" / "spark-submit")
    return [spark_submit, "--master", MASTER, *options, str(paths[submission.entry_point]), *submission.arguments]


def _conf(parameters: str) -> dict[str, str]:
    words = shlex.split(parameters)
    options = dict(zip(words[::2], words[1::2], strict=False))
    if len(words) % 2 or set(words[::2]) - {"--conf"}:
        strange = next((word for word in options if word != "--conf"), words[-1])
        raise LocalAwsError(f"Of the parameters of spark-submit only --conf NAME=VALUE is known here, not {strange!r}.")
    conf = {}
    for name, sign, value in (word.partition("=") for word in words[1::2]):
        if not sign or not _is_known(name):
            raise LocalAwsError(f"What the configuration {name!r} of Spark would do is not known here.")
        conf[name] = value
    return conf


def _is_known(name: str) -> bool:
    return name in {PY_FILES, JARS, ARCHIVES, *WITHOUT_EFFECT} or name.startswith((DRIVER_ENV, *PASSED_ON))


def _listed(conf: Mapping[str, str], name: str) -> list[str]:
    return [part for part in conf.get(name, "").split(",") if part]


def _worker_size(conf: Mapping[str, str], who: str) -> Size:
    heap = _gigabytes(conf.get(f"spark.{who}.memory", _HEAP_GB))
    overhead = conf.get(f"spark.{who}.memoryOverhead")
    return Size(
        float(conf.get(f"spark.{who}.cores", _CORES)), heap + (_gigabytes(overhead) if overhead else _OVERHEAD * heap)
    )


def _gigabytes(text: str) -> float:
    match = re.fullmatch(r"(\d+)([gm]?)b?", text.lower())
    if not match:
        raise LocalAwsError(f"{text!r} is no amount of memory that is known here: write 4g or 4096m.")
    return int(match[1]) if match[2] == "g" else int(match[1]) / 1024
