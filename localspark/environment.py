"""The variables by which an environment configures another Spark, which a local run must not take over."""

from collections.abc import Iterable, MutableMapping

FOREIGN = ("SPARK_", "PYSPARK_", "HADOOP_", "YARN_", "HIVE_")
"""Prefixes of the variables that Spark, its launcher, PySpark and Hadoop's libraries read."""


def foreign_variables(names: Iterable[str]) -> list[str]:
    """Return the names of the variables that configure Spark."""
    return [name for name in names if name.startswith(FOREIGN)]


def remove_foreign_variables(environment: MutableMapping[str, str]) -> None:
    """Remove the variables that configure Spark: those who use Spark for other things have some of them set."""
    for name in foreign_variables(environment):
        del environment[name]
