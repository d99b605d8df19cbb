"""Tests of the configuration of Spark."""

import pytest
from pyspark.errors import ArithmeticException, NumberFormatException
from pyspark.sql import SparkSession


def test_ansi_mode_stays_on(spark: SparkSession) -> None:
    """An overflow or a malformed number fails a run; without ANSI mode, Spark gives a wrong number or null."""
    with pytest.raises(ArithmeticException):
        spark.sql("SELECT 2147483647 + 1").collect()
    with pytest.raises(NumberFormatException):
        spark.sql("SELECT CAST('many' AS INT)").collect()
