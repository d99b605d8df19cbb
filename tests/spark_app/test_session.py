"""Tests of the session of Spark."""

import os

import pytest
from pyspark.errors import ArithmeticException, NumberFormatException
from pyspark.sql import SparkSession


def test_ansi_mode_stays_on(spark: SparkSession) -> None:
    """An overflow or a malformed number fails a run; without ANSI mode, Spark gives a wrong number or null."""
    with pytest.raises(ArithmeticException):
        spark.sql("SELECT 2147483647 + 1").collect()
    with pytest.raises(NumberFormatException):
        spark.sql("SELECT CAST('many' AS INT)").collect()


def test_programs_that_a_run_starts_do_not_find_its_jvm(spark: SparkSession) -> None:
    """The port and the secret of the JVM are in no environment variable, which each child process would inherit."""
    assert spark.sparkContext._gateway is not None  # noqa: SLF001 -- PySpark has no public name for it
    assert not [name for name in os.environ if name.startswith("PYSPARK_GATEWAY")]
