"""Tests of the configuration of every run."""

import pytest
from pyspark.errors import ArithmeticException, NumberFormatException
from pyspark.sql import SparkSession


def test_ansi_mode_stays_on(spark: SparkSession) -> None:
    """An overflow or a text that is no number fails a run: Spark before 4 made a wrong number or a null of it."""
    with pytest.raises(ArithmeticException):
        spark.sql("SELECT 2147483647 + 1").collect()
    with pytest.raises(NumberFormatException):
        spark.sql("SELECT CAST('many' AS INT)").collect()
