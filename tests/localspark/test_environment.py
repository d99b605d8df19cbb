"""Tests of what the environment of a local run is free of."""

import os
from pathlib import Path

import pytest

from localspark.session import local_session_conf

THEIRS = {
    "SPARK_HOME": "/opt/another-spark",
    "SPARK_CONF_DIR": "/etc/another-spark",
    "SPARK_LOCAL_DIRS": "/nowhere",
    "SPARK_REMOTE": "sc://cluster:15002",
    "SPARK_DIST_CLASSPATH": "/opt/hadoop/*",
    "PYSPARK_SUBMIT_ARGS": "--master yarn --packages com.example:nothing:1.0 pyspark-shell",
    "PYSPARK_DRIVER_PYTHON": "jupyter",
    "PYSPARK_PYTHON": "/opt/another-python",
    "HADOOP_CONF_DIR": "/etc/hadoop",
    "YARN_CONF_DIR": "/etc/hadoop",
}


def test_a_local_run_is_free_of_the_variables_of_another_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who use Spark for other things have variables set that would send a run to their cluster."""
    monkeypatch.setattr("os.environ", os.environ.copy() | THEIRS)
    with local_session_conf("local[1]", tmp_path / "log"):
        assert not THEIRS.items() & os.environ.items()
        ours = {name for name in os.environ if name.startswith(("SPARK", "PYSPARK", "HADOOP", "YARN"))}
    assert ours == {"SPARK_HOME", "PYSPARK_PYTHON"}
