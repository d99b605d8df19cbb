"""Tests of the packages that a deployment ships.

The tests need no network, because `make packages`, which `make test` calls, has built the packages.

"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pyspark
import pytest

from cdk.packaging import ROOT, Package, PackagingError, build, packages_for
from cdk.packaging.__main__ import main
from cdk.packaging.archives import EPOCH_SECONDS, MANIFEST, check, names_below, pack, read_manifest
from cdk.packaging.package import hash_of
from cdk.packaging.recipes import FUNCTION_SERVICES, MAVEN_COORDINATES
from cdk.packaging.wheels import NEWEST_GLIBC, check_pure, leave_out
from cdk.packaging.worker import LIMIT_MB, check_size, launcher
from cdk.settings import Architecture
from contract.summary import Latest, Summary
from localspark.java import find_java
from spark_app.engine.model import model_id_of
from spark_app.engine.weights import Weights
from spark_app.errors import WeightsError
from tests.shipped import HERE, IS_PYTHON_OF_THE_IMAGE, OTHER, OWN_PYTHON, SHIPPED, WORKERS

PYTHON = Path(os.path.realpath(sys._base_executable))  # noqa: SLF001 -- Python without the packages of this project
SPARK = Path(pyspark.__file__).parent

runs_here = pytest.mark.skipif(
    sys.platform != "linux" or not IS_PYTHON_OF_THE_IMAGE,
    reason="the packages are for Linux and a Python of the image",
)


def _unpacked(package: Package, folder: Path) -> Path:
    if package.suffix == ".tgz":
        with tarfile.open(build(package)) as archive:
            archive.extractall(folder, filter="data")
    else:
        shutil.unpack_archive(build(package), folder, "zip")
    return folder


def _run_clean(command: list[str | Path], folder: Path, **environment: str) -> str:
    """Run a command as on a machine with Python and without the packages of this project."""
    answer = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": f"{PYTHON.parent}:/usr/bin:/bin", "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Return a copy of the sources that a test may change."""
    for folder in ("contract", "lambdas", "spark_app"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements.txt", tmp_path)
    return tmp_path


def _hashes(
    root: Path, architecture: Architecture = HERE, weights: str = "seeded", python: str = OWN_PYTHON
) -> dict[str, str]:
    packages = packages_for(architecture, python, weights, root)
    return {name: getattr(packages, name).asset_hash for name in packages.names()}


def _changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("contract/layout.py", {"application", "start_run", "record_run", "drain"}),
        ("spark_app/pipeline.py", {"application"}),
        ("spark_app/report/report.html.j2", {"application"}),
        ("spark_app/explorer/explore.html", {"application"}),
        ("spark_app/explorer/explore.css", {"application"}),
        ("spark_app/explorer/explore.js", {"application"}),
        ("spark_app/engine/network.py", {"application", "model"}),
        ("spark_app/requirements.txt", {"worker"}),
        ("lambdas/__init__.py", {"start_run", "record_run", "drain"}),
        ("lambdas/record_run/job.py", {"record_run"}),
        ("lambdas/requirements.txt", {"start_run", "record_run", "drain"}),
    ],
)
def test_a_changed_file_renames_the_packages_it_goes_into(sources: Path, file: str, changed: set[str]) -> None:
    """A change of a file changes the names of exactly the packages that contain it."""
    before = _hashes(sources)
    assert _hashes(sources) == before
    with (sources / file).open("a") as opened:
        opened.write("\n# changed\n")
    assert _changed(before, _hashes(sources)) == changed


def test_versions_settings_and_places_rename_what_they_decide_about(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another Iceberg, architecture, Python, Keras or weights file changes a name; another folder does not."""
    before = _hashes(sources)
    assert before == _hashes(ROOT)
    assert _changed(before, _hashes(sources, OTHER)) == {"worker"}
    assert _changed(before, _hashes(sources, python="3.99")) == {"worker", "start_run", "record_run", "drain"}
    (sources / "weights.h5").write_bytes(b"one")
    one = _hashes(sources, weights=str(sources / "weights.h5"))
    (sources / "weights.h5").write_bytes(b"another")
    another = _hashes(sources, weights=str(sources / "weights.h5"))
    assert _changed(before, one) == _changed(one, another) == {"model"}

    pins = (sources / "requirements.txt").read_text()
    (sources / "requirements.txt").write_text(re.sub("^keras==.*", "keras==99.0", pins, flags=re.MULTILINE))
    assert _changed(before, _hashes(sources)) == {"model"}
    (sources / "requirements.txt").write_text(pins)
    other_jars = {jars: (*coordinates, "another:1") for jars, coordinates in MAVEN_COORDINATES.items()}
    monkeypatch.setattr("cdk.packaging.recipes.MAVEN_COORDINATES", other_jars)
    assert _changed(before, _hashes(sources)) == {"iceberg_runtime", "iceberg_aws_bundle"}


@pytest.mark.parametrize("weights", ["imagnet", "missing.h5", "spark_app"])
def test_weights_that_are_not_there_are_found_out_at_synthesis(weights: str) -> None:
    """Weights that do not exist raise an error at synthesis."""
    with pytest.raises(WeightsError, match=weights):
        packages_for(HERE, OWN_PYTHON, weights)


def test_the_key_of_a_package_ends_as_its_file_does() -> None:
    """The asset hash ends in the suffix of the file, by which Spark recognises an archive."""
    assert [Path(package.asset_hash).suffix for package in SHIPPED] == [
        *(".tgz", ".zip", ".tgz", ".zip", ".zip", ".zip", ".jar", ".jar")
    ]


def test_a_package_appears_when_it_is_complete_and_is_built_once(tmp_path: Path) -> None:
    """A failed build leaves no file, and a package is built once."""
    builds = []

    def make(stage: Path, target: Path) -> None:
        target.write_text("half")
        builds.append(stage)
        if len(builds) == 1:
            raise PackagingError("no network")

    package = Package(name="thing", suffix=".zip", inputs_hash="0" * 64, arguments=("thing",), make=make)
    with pytest.raises(PackagingError, match="no network"):
        build(package, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert build(package, tmp_path) == build(package, tmp_path) == tmp_path / f"thing-{'0' * 16}.zip"
    assert len(builds) == 2


def test_the_command_prints_the_path_alone() -> None:
    """The command prints only the path; it fails if the inputs differ from those of the synthesis."""
    answer = subprocess.run(SHIPPED.application.command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout == f"{build(SHIPPED.application)}\n"
    stale = [*SHIPPED.application.command[:-1], hash_of({}, "other inputs")]
    answer = subprocess.run(stale, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "changed since the synthesis" in answer.stderr


def test_a_mistake_of_the_user_exits_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    """Weights that do not exist give one sentence and exit code 2, as in the other commands."""
    assert main(["model", "--weights", "missing.h5"]) == 2
    assert (
        capsys.readouterr().err
        == "packaging: Weights must be imagenet, seeded, or an existing .h5 or .keras file, not 'missing.h5'.\n"
    )


def test_the_application_is_the_same_file_whenever_it_is_built(tmp_path: Path) -> None:
    """Two builds of the application are equal, byte for byte."""
    first, second = (build(SHIPPED.application, tmp_path / name) for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes() == build(SHIPPED.application).read_bytes()


@pytest.mark.parametrize("name", ["model", "start_run"])
def test_the_same_files_are_the_same_archive(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same files make the same archive, whatever their times and permissions are."""
    package: Package = getattr(SHIPPED, name)
    folder = _unpacked(package, tmp_path / "files")
    (folder / MANIFEST).unlink()
    for file in folder.rglob("*"):
        os.utime(file, (1e9, 1e9))
        file.chmod(0o700)
    monkeypatch.setattr("time.time", lambda: 1e9)
    pack(folder, tmp_path / f"again{package.suffix}")
    assert (tmp_path / f"again{package.suffix}").read_bytes() == build(package).read_bytes()


@pytest.mark.parametrize("name", ["worker", "application", "model", "start_run", "record_run", "drain"])
def test_a_manifest_lists_all_that_is_in_a_package(name: str, tmp_path: Path) -> None:
    """The manifest of a package lists all other files with their hashes."""
    folder = _unpacked(getattr(SHIPPED, name), tmp_path)
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names_below(folder)}
    del found[MANIFEST]
    assert read_manifest(build(getattr(SHIPPED, name))) == found


def test_a_file_that_is_not_in_the_manifest_is_found(tmp_path: Path) -> None:
    """The check of an archive finds a file that is not in the manifest, and one with another content."""
    archive = tmp_path / "application.zip"
    for file in ("added.py", "spark_app/main.py"):
        shutil.copy(build(SHIPPED.application), archive)
        with zipfile.ZipFile(archive) as packed:
            contents = {name: packed.read(name) for name in packed.namelist()}
        with zipfile.ZipFile(archive, "w") as packed:
            for name, body in (contents | {file: b"pass"}).items():
                packed.writestr(name, body)
        with pytest.raises(PackagingError, match=file):
            check(archive)


@pytest.mark.parametrize("architecture", Architecture)
def test_the_libraries_of_a_worker_run_on_its_processor_and_system(architecture: Architecture) -> None:
    """Every library is compiled for the architecture and needs no newer glibc than EMR has."""
    machine = {Architecture.ARM64: 183, Architecture.X86_64: 62}[architecture]
    glibc = []
    with tarfile.open(build(WORKERS[architecture])) as archive:
        for entry in archive:
            body = archive.extractfile(entry).read()
            if body.startswith(b"\x7fELF"):
                assert int.from_bytes(body[18:20], "little") == machine, entry.name
                glibc.append(max((int(minor) for minor in re.findall(rb"\0GLIBC_2\.(\d+)", body)), default=0))
    assert len(glibc) > 50
    assert 0 < max(glibc) <= NEWEST_GLIBC


@pytest.mark.parametrize("architecture", Architecture)
def test_a_worker_fetches_what_it_needs_and_little_else(architecture: Architecture) -> None:
    """The archive has no tests, headers or records of the machine that packed it, and one executable file."""
    path = build(WORKERS[architecture])
    with tarfile.open(path) as archive:
        entries = archive.getmembers()
    assert path.stat().st_size < LIMIT_MB * 1e6
    assert [entry.name for entry in entries if entry.mode != 0o644] == ["bin/python"]
    assert {(entry.isfile(), entry.uid, entry.gid, entry.uname, entry.mtime) for entry in entries} == {
        (True, 0, 0, "", EPOCH_SECONDS)
    }
    parts = r"/tests/|/include/|/RECORD$|__pycache__|\.(pyi|pxd|h|a)$|botocore/data/ec2/"
    needless = parts + r"|-packages/(bin|tensorflow|keras|pyspark)"
    assert [entry.name for entry in entries if re.search(needless, entry.name)] == []


def test_a_package_that_grows_too_large_says_what_it_is_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of an archive that is too large names its largest packages."""
    monkeypatch.setattr("cdk.packaging.worker.LIMIT_MB", 1)
    for name, megabytes in (("small", 1), ("large", 3)):
        (tmp_path / "packages" / name).mkdir(parents=True)
        (tmp_path / "packages" / name / "lib.so").write_bytes(bytes(megabytes * 1_000_000))
    (tmp_path / "archive").write_bytes(bytes(2_000_000))
    with pytest.raises(PackagingError, match=r"has 2 MB, more than 1\. .* large 3 MB, small 1 MB"):
        check_size(tmp_path / "archive", tmp_path / "packages")


def test_a_library_that_another_is_linked_to_is_not_left_out(tmp_path: Path) -> None:
    """A deletion of a library that a remaining one is linked to raises an error."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/libneeded.so.2").touch()
    (tmp_path / "lib/module.so").write_bytes(b"\x7fELF..\0libneeded.so.2\0..")
    with pytest.raises(PackagingError, match=r"module\.so is linked to libneeded\.so\.2"):
        leave_out(tmp_path, ["lib/libneeded*"])
    leave_out(tmp_path, ["lib/libneeded*"], on_demand=["libneeded.so.2"])
    assert names_below(tmp_path) == ["lib/module.so"]


def test_a_function_takes_no_package_that_is_compiled_for_a_processor(tmp_path: Path) -> None:
    """A compiled file in the bundle of a function raises an error, because one bundle serves all processors."""
    (tmp_path / "fast").mkdir()
    (tmp_path / "fast/module.py").touch()
    check_pure(tmp_path)
    (tmp_path / "fast/_speedups.cpython-313-aarch64-linux-gnu.so").touch()
    with pytest.raises(PackagingError, match="_speedups"):
        check_pure(tmp_path)


@pytest.mark.parametrize("lock", ["spark_app/requirements.txt", "lambdas/requirements.txt"])
def test_what_is_shipped_has_the_versions_that_are_tested(lock: str) -> None:
    """Every locked package has the version of requirements.txt."""
    tested, shipped = (
        set(re.findall(r"^([\w.-]+==[\w.]+)", (ROOT / file).read_text(), re.MULTILINE))
        for file in ("requirements.txt", lock)
    )
    assert len(shipped) > 5
    assert shipped - tested == set()


@pytest.mark.parametrize("folder", ["", "spark_app/", "lambdas/"])
def test_every_locked_package_has_hashes(folder: str) -> None:
    """What is installed and shipped names no URL, and is what was locked, wherever it is downloaded from."""
    for lock in ROOT.glob(f"{folder}requirements*.txt"):
        hashes = r"(    --hash=sha256:[0-9a-f]{64} \\\n)*    --hash=sha256:[0-9a-f]{64}\n"
        pin = rf"[\w.-]+(\[[\w,]+\])?==[\w.]+( ; .*)? \\\n{hashes}"
        assert re.fullmatch(f"({pin})+", lock.read_text()), lock


@pytest.mark.parametrize("function", FUNCTION_SERVICES)
def test_a_function_runs_on_its_bundle_alone(function: str, tmp_path: Path) -> None:
    """With its bundle and Python alone, a handler can be imported, and its clients can be made."""
    (tmp_path / "elsewhere").mkdir()
    bundle = _unpacked(getattr(SHIPPED, function), tmp_path / "bundle")
    source = "".join(file.read_text() for file in (bundle / "lambdas" / function).glob("*.py"))
    called = set(re.findall(r'boto3\.client\("(.*?)"', source))
    assert called | {"sts"} == set(FUNCTION_SERVICES[function])
    program = (
        f"import sys; sys.path.insert(0, {str(bundle)!r})\n"
        f"import boto3, lambdas.{function}.handler as module\n"
        f"assert callable(module.handler)\n"
        f"for name in {sorted(called)}: boto3.client(name, region_name='eu-west-1')\n"
    )
    _run_clean([PYTHON, "-I", "-S", "-c", program], tmp_path / "elsewhere")


@pytest.fixture(scope="module")
def job_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder as a job run has it in the cloud: the unpacked archives and the entry point."""
    folder = tmp_path_factory.mktemp("job")
    _unpacked(SHIPPED.worker, folder / "environment")
    _unpacked(SHIPPED.model, folder / "model")
    shutil.copy(ROOT / "spark_app/main.py", folder / "entry.py")
    return folder


@runs_here
def test_the_packages_of_a_worker_come_before_those_of_the_image(job_folder: Path, tmp_path: Path) -> None:
    """All packages come from the archive, although Spark and the image put others on the path."""
    image = tmp_path / "image"
    (image / "numpy").mkdir(parents=True)
    (image / "numpy/__init__.py").write_text("raise ImportError('this is the numpy of the image')")
    path = [image, build(SHIPPED.application), *(SPARK / "python/lib").glob("*.zip")]
    program = """
import json, sys, spark_app.main, spark_app.report.page
import ai_edge_litert.interpreter, arro3.core, jinja2, numpy, obstore, pandas, PIL, pillow_heif
import pyarrow.csv, pyarrow.parquet
print(json.dumps({name: module.__file__ for name, module in sys.modules.items() if getattr(module, "__file__", None)}))
"""
    answer = _run_clean(
        [job_folder / "environment/bin/python", "-c", program], tmp_path, PYTHONPATH=os.pathsep.join(map(str, path))
    )
    origins = json.loads(answer)
    assert origins["spark_app.main"].startswith(str(build(SHIPPED.application)))
    allowed = (f"{job_folder}/environment/site-packages/", *(str(place) for place in path[1:]), str(PYTHON.parents[1]))
    assert [origin for origin in origins.values() if not origin.startswith(allowed)] == []
    for name in ("numpy", "ai_edge_litert", "obstore", "pandas", "pyarrow", "PIL", "jinja2"):
        assert origins[name].startswith(f"{job_folder}/environment/site-packages/")


def test_the_launcher_finds_the_python_of_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher finds Python on the PATH or in its usual folders; without one, it prints these and what to do."""
    monkeypatch.setattr("cdk.packaging.worker.PLACES", (str(tmp_path / "first"), str(tmp_path / "second")))
    command = tmp_path / "environment/bin/python"
    command.parent.mkdir(parents=True)
    command.write_text(launcher("3.99"))
    command.chmod(0o755)
    missing = subprocess.run([command], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    assert missing.returncode == 127
    assert all(place in missing.stderr for place in ("/usr/bin:/bin", "first/python3.99", "second/python3.99"))
    for place in ("second", "first", "path"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "python3.99").write_text(f'#!/bin/sh\necho {place} "$PYTHONPATH" "$@"\n')
        (tmp_path / place / "python3.99").chmod(0o755)
        answer = _run_clean([command, "a b"], tmp_path, PATH=f"{tmp_path}/path:/usr/bin:/bin", PYTHONPATH="theirs")
        assert answer == f"{place} {tmp_path}/environment/site-packages:theirs a b\n"


@runs_here
def test_a_job_runs_on_what_is_shipped(job_folder: Path, images: Path, tmp_path: Path, seeded: Weights) -> None:
    """With Spark, Java and Python alone, a job run computes what a local run computes, and survives any image."""
    output = tmp_path / "output"
    (images / "Plum/poison.jpg").write_text("POISON SIGSEGV ")
    interpreter = dict.fromkeys(("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"), "./environment/bin/python")
    quick = {  # the settings of `fruits run`, since this test is not about the distribution of work
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
    }
    options = ["--master", "local[2]", *(word for name in quick for word in ("--conf", f"{name}={quick[name]}"))]
    shipped = ["--py-files", build(SHIPPED.application), "--jars", build(SHIPPED.iceberg_runtime)]
    arguments = ["--images", images.as_uri(), "--output", output.as_uri(), "--weights", "./model"]
    _run_clean(
        [SPARK / "bin/spark-submit", *options, *shipped, "entry.py", *arguments, "--catalog", "hadoop"],
        job_folder,
        SPARK_HOME=str(SPARK),
        JAVA_HOME=str(find_java(os.environ)),
        SPARK_LOCAL_IP="127.0.0.1",
        PYTHONPATH=str(ROOT / "tests/spark_app/poison"),
        **interpreter,
    )
    results = output / Latest.from_json((output / "results/latest.json").read_bytes()).results
    summary = Summary.from_json((results / "summary.json").read_bytes())
    assert (summary.model_id, summary.weights.kind) == (model_id_of(seeded), "seeded")
    assert summary.counts.images == len((results / "pca.csv").read_text().splitlines()) - 1 == 60
    locked = dict(re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "spark_app/requirements.txt").read_text(), re.MULTILINE))
    assert {name: version for name, version in summary.versions.items() if name in locked}.items() <= locked.items()
    assert summary.versions.keys() & locked.keys() >= {"numpy", "ai-edge-litert", "pillow", "pyarrow"}
    assert "</html>" in (results / "report.html").read_text()
    assert "SIGSEGV killed the decoder" in (results / "rejects.csv").read_text()
