"""Tests of the SPARK_HOME of local runs, and of the archive of its classes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

from localspark.class_archive import archive_options
from localspark.java import find_java
from localspark.session import local_session_conf
from localspark.spark_home import make_spark_home


def test_local_runs_have_all_of_spark_but_mllib(tmp_path: Path) -> None:
    """The folder contains every jar of PySpark but MLlib's, once, and making it again changes nothing."""
    home = tmp_path / "share" / "spark"
    make_spark_home(home)
    theirs = {jar.resolve() for jar in (Path(pyspark.__file__).parent / "jars").iterdir()}
    ours = [jar.resolve() for jar in (home / "jars").iterdir()]
    assert {jar.name.partition("_")[0] for jar in theirs - set(ours)} == {"spark-mllib"}
    assert len(ours) == len(set(ours)) == len(theirs) - 1
    assert (home / "bin/spark-submit").is_file()
    before = home.stat()
    make_spark_home(home)
    assert home.stat() == before
    assert [path.name for path in home.parent.iterdir()] == ["spark"]


def test_a_run_takes_its_classes_from_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The JVM of a run accepts the archive of `fruits setup`, and loads most classes of Spark from it."""
    monkeypatch.setenv("SPARK_HOME", os.environ.get("SPARK_HOME", ""))
    with local_session_conf("local[1]", tmp_path / "log") as conf:
        options = conf["spark.driver.extraJavaOptions"]
    assert archive_options(find_java(os.environ)) in options
    program = "from pyspark.sql import SparkSession; SparkSession.builder.getOrCreate().range(9).collect()"
    submit = {**conf, "spark.driver.extraJavaOptions": f"{options} -Xlog:class+load:file={tmp_path}/classes"}
    submit["spark.local.dir"] = submit["spark.sql.warehouse.dir"] = str(tmp_path)
    words = [word for name, value in submit.items() for word in ("--conf", f"'{name}={value}'")]
    subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYSPARK_SUBMIT_ARGS": " ".join([*words, "pyspark-shell"])},
        capture_output=True,
        check=True,
    )
    loaded = re.findall(r"(org\.apache\.spark\.\S+) source: (.*)", (tmp_path / "classes").read_text())
    # The JVM makes the classes of lambda expressions while a program runs, so no archive has them.
    sources = [source for name, source in loaded if "Lambda" not in name]
    assert len(sources) > 1000
    assert sum("shared objects file" in source for source in sources) > 0.9 * len(sources)
