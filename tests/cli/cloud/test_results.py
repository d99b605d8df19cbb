"""Tests of `fruits results`."""

import json
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from cli.main import main
from contract.digest import Digest
from contract.findings import FindingsSummary, Kind
from contract.summary import MatrixFile, Summary
from contract.workflow import RunRecord

RUN = "20261120T121530Z-3fa94c"
OLD = "20261119T080000Z-aaaaaa"

Publish = Callable[..., None]
Put = Callable[[str, bytes], None]
Before = Callable[[str, Callable[[dict[str, Any]], None]], None]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def published(publish: Publish, put: Put, record: RunRecord, summary: Summary) -> None:
    """Publish a run whose matrix is one file."""
    publish(RUN, record, summary)
    put(f"results/{RUN}/pca.csv", b"key,pc_1\n")


def _results(*arguments: str) -> int:
    return main(["results", *arguments, "--env", "dev"])


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("published")
def test_the_last_complete_results_are_downloaded(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command downloads all files of the run into a folder of its name; the paths that it prints exist."""
    assert _results() == 0
    assert _files(here) == {f"results/{RUN}/{name}" for name in ("pca.csv", "report.html", "run.json", "summary.json")}
    assert (here / f"results/{RUN}/pca.csv").read_bytes() == b"key,pc_1\n"
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("4 files downloaded (")
    assert lines[1] == f"  matrix   results/{RUN}/pca.csv  (90,378 images x 185 components)"
    assert lines[2] == f"  report   results/{RUN}/report.html"
    assert lines[3:] == []


def test_only_parts_that_exist_are_listed(
    publish: Publish, put: Put, summary: Summary, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The explorer of superseded results is deleted, though their summary still names it."""
    publish(RUN, None, replace(summary, explorer=Digest.of(b"")))
    put(f"results/{RUN}/rejects.csv", b"key\n")
    assert _results("--json") == 0
    listed = json.loads(capsys.readouterr().out)["files"]
    assert set(listed) == {"report", "refused"}
    assert all((here / path).is_file() for path in listed.values())


def test_the_findings_are_downloaded_and_counted(
    publish: Publish, put: Put, summary: Summary, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results with findings contain their file, and the command says how many there are."""
    counts = dict.fromkeys(map(str, Kind), 0) | {Kind.DUPLICATE: 2, Kind.DARK: 1}
    findings = FindingsSummary(
        counts=counts,
        images={},
        unmeasured=0,
        unjudged=0,
        has_all_pairs=True,
        has_neighbours=True,
        file=Digest.of(b"key\n"),
    )
    publish(RUN, None, replace(summary, findings=findings))
    put(f"results/{RUN}/findings.csv", b"key\n")
    assert _results() == 0
    assert (here / f"results/{RUN}/findings.csv").read_bytes() == b"key\n"
    assert f"  findings results/{RUN}/findings.csv  (3 findings)" in capsys.readouterr().out.splitlines()


def test_the_files_of_a_large_matrix_are_gathered(
    publish: Publish, put: Put, summary: Summary, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command reads in the summary which files, some of them of earlier runs, belong to the matrix."""
    files = [f"pca/{OLD}/matrix/{OLD}-00000.csv", f"pca/{OLD}/matrix/{RUN}-00001.csv"]
    publish(RUN, None, replace(summary, matrix=[MatrixFile(file=file, first_key="", rows=1) for file in files]))
    for file in [*files, f"pca/{OLD}/matrix/not-of-this-run.csv"]:
        put(file, file.encode())
    assert _results("fetched") == 0
    assert {name for name in _files(here / f"fetched/{RUN}") if "csv" in name} == {
        f"matrix/{OLD}-00000.csv",
        f"matrix/{RUN}-00001.csv",
    }
    assert (here / f"fetched/{RUN}/matrix/{OLD}-00000.csv").read_text() == files[0]
    matrix = f"  matrix   fetched/{RUN}/matrix  (90,378 images x 185 components, 2 files)"
    assert matrix in capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("published")
def test_an_older_run_is_downloaded_by_its_id(
    publish: Publish, record: RunRecord, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command downloads the record of a run that failed."""
    publish(OLD, replace(record, state="FAILED"))
    assert _results("--run", OLD) == 0
    assert _files(here) == {f"results/{OLD}/run.json"}
    assert f"published no results; its record is in results/{OLD}." in capsys.readouterr().out


@pytest.mark.usefixtures("published")
def test_unchanged_files_are_skipped(put: Put, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Changed files are replaced, even of the same size, and a program that reads the old file can go on reading it."""
    _results()
    old = (here / f"results/{RUN}/pca.csv").open("rb")
    (here / f"results/{RUN}/report.html").write_bytes(b"<html></hmtl>")
    put(f"results/{RUN}/pca.csv", b"key,pc_2\n")
    capsys.readouterr()
    assert _results() == 0
    assert capsys.readouterr().out.startswith("2 files downloaded (22 bytes), 2 skipped that were there already.\n")
    assert (here / f"results/{RUN}/report.html").read_bytes() == b"<html></html>"
    assert (here / f"results/{RUN}/pca.csv").read_bytes() == b"key,pc_2\n"
    with old:
        assert old.read() == b"key,pc_1\n"


@pytest.mark.usefixtures("published")
def test_a_download_that_breaks_off_leaves_no_half_file(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failed download leaves the old file, does not stop the others, and gives exit code 1; a retry succeeds."""
    _results()
    for path in (here / f"results/{RUN}").iterdir():
        path.write_text("as before")
    whole = StreamingBody.iter_chunks

    def break_off(body: StreamingBody, chunk_size: int) -> Any:  # noqa: ANN401 -- an iterator
        for chunk in whole(body, chunk_size):
            yield chunk[:5]
            if chunk == b"key,pc_1\n":
                raise ConnectionResetError(104, "Connection reset by peer")
            yield chunk[5:]

    with monkeypatch.context() as patch:
        patch.setattr(StreamingBody, "iter_chunks", break_off)
        assert _results() == 1
    out = capsys.readouterr().out
    assert "failed: pca.csv: Connection reset by peer" in out
    assert "3 files downloaded" in out
    assert (here / f"results/{RUN}/pca.csv").read_text() == "as before"
    assert len(list((here / f"results/{RUN}").iterdir())) == 4
    assert _results() == 0
    assert (here / f"results/{RUN}/pca.csv").read_bytes() == b"key,pc_1\n"


def test_a_missing_file_of_the_matrix_is_reported(
    publish: Publish, summary: Summary, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the matrix of an old run was deleted, the command says so and downloads all other files."""
    gone = MatrixFile(file=f"pca/{OLD}/matrix/{OLD}-00000.csv", first_key="", rows=1)
    publish(RUN, None, replace(summary, matrix=[gone]))
    assert _results() == 1
    assert (
        f"failed: matrix/{OLD}-00000.csv: GetObject failed: The specified key does not exist" in capsys.readouterr().out
    )
    assert _files(here) == {f"results/{RUN}/{name}" for name in ("report.html", "summary.json")}


@pytest.mark.usefixtures("published")
def test_ctrl_c_leaves_whole_files_only(here: Path, before: Before, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends the command at once with exit code 130, leaves no incomplete file, and the same command goes on."""
    line_is_cut = threading.Event()

    def hang(parameters: dict[str, Any]) -> None:
        if parameters["Key"].endswith("report.html"):
            os.kill(os.getpid(), signal.SIGINT)
            line_is_cut.wait(60)
            raise ClientError({"Error": {"Code": "RequestTimeout", "Message": ""}}, "GetObject")

    before("GetObject", hang)
    assert _results() == 130
    assert "Run the same command again for the rest." in capsys.readouterr().err
    line_is_cut.set()
    for thread in threading.enumerate():
        if thread.name.startswith("fruits-"):
            thread.join(60)
    assert not [name for name in _files(here) if "report" in name or "partial" in name]
    before("GetObject", lambda _: None)
    assert _results() == 0


@pytest.mark.usefixtures("published")
def test_names_in_the_bucket_cannot_leave_the_folder(put: Put, here: Path) -> None:
    """A name with `..` in the bucket can't make the command write outside of its folder."""
    put(f"results/{RUN}/../../escaped.txt", b"")
    put(f"results/{RUN}//escaped.txt", b"")
    assert _results("deep/inside") == 0
    assert not [name for name in _files(here) if "escaped" in name]


@pytest.mark.usefixtures("published")
def test_a_folder_that_cannot_be_written_is_a_mistake(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If the folder can't be written, the command prints one sentence, and exits with code 2."""
    (here / "results").write_text("a file")
    assert _results() == 2
    assert f"fruits: Can't write to results/{RUN}: " in capsys.readouterr().err


@pytest.mark.usefixtures("published")
def test_a_damaged_pointer_is_named(put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged `latest.json` is no environment without results: the command says which file is damaged."""
    put("results/latest.json", b"{")
    assert _results() == 1
    assert "results/latest.json in the bucket" in capsys.readouterr().err


@pytest.mark.parametrize("run_id", ["../../.ssh", "/etc"])
@pytest.mark.usefixtures("published")
def test_a_pointer_to_another_place_writes_nothing(
    put: Put, here: Path, run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pointer whose run is no run id downloads nothing, to no folder, and one sentence says that it is damaged."""
    put(
        "results/latest.json",
        json.dumps({"run_id": run_id, "results": f"results/{run_id}/", "finished_at": ""}).encode(),
    )
    put(f"results/{run_id}/authorized_keys", b"theirs")
    assert _results("down/here") == 1
    assert _files(here) == set()
    assert "results/latest.json in the bucket" in (told := capsys.readouterr().err)
    assert "no run id" in told
    assert told.count("\n") == 1


def test_a_matrix_in_another_place_is_not_downloaded(
    publish: Publish, put: Put, summary: Summary, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A summary that names a file outside of the pipeline's folders counts as damaged: nothing of it is taken."""
    publish(RUN, None, summary)
    hostile = json.loads(summary.to_json()) | {"matrix": [{"file": "images/..", "first_key": "", "rows": 1}]}
    del hostile["checksum"]
    put(f"results/{RUN}/summary.json", json.dumps(hostile).encode())
    assert _results() == 0
    assert _files(here) == {f"results/{RUN}/report.html", f"results/{RUN}/summary.json"}
    assert "has published no results" in capsys.readouterr().out
