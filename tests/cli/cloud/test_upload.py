"""Tests of `fruits upload`."""

import hashlib
import io
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from cli.cloud.environment import Deployment
from cli.cloud.errors import explain
from cli.cloud.parallel import AHEAD, THREADS
from cli.cloud.progress import plain_progress, transfer_progress
from cli.cloud.upload import BucketListing, StoredObject
from cli.main import main

FILES = {
    "no label.jpg": b"0",
    "Apple Braeburn/r 1.jpg": b"1",
    "Apple Braeburn/a+b #2.jpg": b"2",
    "Açaí 🍇/100 %.jpg": b"3" * 1000,
    "Training/Plum/empty.jpg": b"",
}

Objects = Callable[[], dict[str, bytes]]
Put = Callable[[str, bytes], None]
Before = Callable[[str, Callable[[dict[str, Any]], None]], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of files."""
    for name, body in FILES.items():
        path = tmp_path / "fruits" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return tmp_path / "fruits"


def _upload(folder: Path) -> int:
    return main(["upload", str(folder), "--env", "dev"])


def _expected(files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"images/{name}": body for name, body in files.items()}


def _refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "No."}}, "PutObject")


def test_every_file_becomes_an_image_under_its_own_name(
    folder: Path, deployment: Deployment, objects: Objects, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys keep spaces, signs and letters of any language, and the etag is the MD5, on which the next upload relies."""
    assert _upload(folder) == 0
    assert objects() == _expected(FILES)
    for key, body in objects().items():
        etag = deployment.s3.head_object(Bucket=deployment.bucket, Key=key)["ETag"]
        assert etag == f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
    out = capsys.readouterr().out
    assert out.startswith("5 files uploaded (1.0 KB), in 0:0")
    assert "The next run processes the images; follow it with `fruits status --env dev`." in out


def test_files_that_are_no_images_are_counted_and_stay(
    folder: Path, deployment: Deployment, objects: Objects, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a Mac or an editor adds to a folder is not uploaded, and the command says how many files it skipped."""
    assert deployment
    (folder / ".DS_Store").touch()
    (folder / "README.md").touch()
    assert _upload(folder) == 0
    assert objects() == _expected(FILES)
    assert "2 files were skipped, because their names are not those of images." in capsys.readouterr().out


def test_files_that_the_bucket_has_are_skipped(
    folder: Path, objects: Objects, before: Before, capsys: pytest.CaptureFixture[str]
) -> None:
    """A repeated upload sends new and changed files only, even if their size is unchanged."""
    _upload(folder)
    changed = {"no label.jpg": b"x", "Apple Braeburn/r 1.jpg": b"longer", "Plum/new.jpg": b"new"}
    (folder / "Plum").mkdir()
    for name, body in changed.items():
        (folder / name).write_bytes(body)
    sent: list[str] = []
    before("PutObject", lambda parameters: sent.append(parameters["Key"]))
    capsys.readouterr()
    assert _upload(folder) == 0
    assert objects() == _expected(FILES | changed)
    assert sorted(sent) == sorted(_expected(changed))
    assert "3 files uploaded (10 bytes), 3 skipped that were there already, in" in capsys.readouterr().out


def test_nothing_is_ever_deleted(folder: Path, put: Put, objects: Objects) -> None:
    """An upload of a folder of new photos leaves the old photos in the bucket."""
    put("images/Plum/old.jpg", b"old")
    assert _upload(folder) == 0
    assert objects()["images/Plum/old.jpg"] == b"old"


def test_files_that_fail_are_named_and_the_others_go_on(
    folder: Path, deployment: Deployment, objects: Objects, before: Before, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dead link, a pipe, an unfit name and a refusal of S3 are reported, with exit code 1; the rest is uploaded."""
    assert deployment
    (folder / "dead link.jpg").symlink_to("nowhere")
    (folder / "link.jpg").symlink_to(folder / "no label.jpg")
    os.mkfifo(folder / "pipe")
    (folder / "bell\a").touch()

    def refuse_one(parameters: dict[str, Any]) -> None:
        if parameters["Key"] == "images/Apple Braeburn/r 1.jpg":
            raise _refused("AccessDenied")

    before("PutObject", refuse_one)
    assert _upload(folder) == 1
    uploaded = FILES | {"link.jpg": FILES["no label.jpg"]}
    del uploaded["Apple Braeburn/r 1.jpg"]
    assert objects() == _expected(uploaded)
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines[:4]) == [
        f"failed: Apple Braeburn/r 1.jpg: {explain(_refused('AccessDenied'))}",
        "failed: bell\\x07: its name can't be used, because it contains control characters: rename it",
        "failed: dead link.jpg: the target of the link does not exist",
        "failed: pipe: it is not a regular file",
    ]
    assert lines[4].startswith("5 files uploaded (1.0 KB), 4 failed, in 0:")


def test_a_cause_that_is_not_the_files_ends_it(
    folder: Path, deployment: Deployment, before: Before, capsys: pytest.CaptureFixture[str]
) -> None:
    """After many refusals in succession, the upload ends, because the reason is not a single file."""
    assert deployment
    for number in range(3 * AHEAD):
        (folder / f"{number}").touch()
    asked: list[str] = []

    def refuse_all(parameters: dict[str, Any]) -> None:
        asked.append(parameters["Key"])
        raise _refused("AccessDenied")

    before("PutObject", refuse_all)
    assert _upload(folder) == 1
    assert f"Given up, because {AHEAD} files failed in succession. These credentials" in capsys.readouterr().err
    assert len(asked) < 3 * AHEAD
    _wait_for_threads()  # they would upload to the bucket of the next test


def _wait_for_threads() -> None:
    """Wait for the threads of an upload that has ended without them. They end with the process of the command."""
    for thread in threading.enumerate():
        if thread.name.startswith("fruits-"):
            thread.join(60)


def test_credentials_that_expire_on_the_way_end_it_with_one_sentence(
    folder: Path, deployment: Deployment, before: Before, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the credentials expire during an upload, it ends with one sentence, and no file is blamed."""
    assert deployment

    def expire(_: dict[str, Any]) -> None:
        raise _refused("ExpiredToken")

    before("PutObject", expire)
    assert _upload(folder) == 1
    out, err = capsys.readouterr()
    assert err == "fruits: The credentials for AWS have expired: log in again, then run the same command again.\n"
    assert "failed" not in out


def test_ctrl_c_ends_it_at_once_and_it_can_be_resumed(
    folder: Path, deployment: Deployment, objects: Objects, before: Before, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C does not wait for a hanging request, and the next upload skips what was uploaded before."""
    assert deployment
    names = [f"{number:02}" for number in range(2 * THREADS)]
    for name in names:
        (folder / name).write_text(name)
    line_is_cut = threading.Event()

    def hang(parameters: dict[str, Any]) -> None:
        if parameters["Key"].endswith("07"):
            os.kill(os.getpid(), signal.SIGINT)
            line_is_cut.wait(60)
            raise _refused("RequestTimeout")

    before("PutObject", hang)
    assert _upload(folder) == 130
    assert not line_is_cut.is_set()
    err = capsys.readouterr().err
    assert "fruits: Interrupted: " in err
    assert "Run the same command again to go on." in err
    line_is_cut.set()
    _wait_for_threads()
    assert "images/07" not in objects()

    before("PutObject", lambda _: None)
    assert _upload(folder) == 0
    assert objects() == _expected(FILES | {name: name.encode() for name in names})


@dataclass
class FewPerPage:
    """A client of S3 with three keys per page, which counts the pages."""

    keys: list[str]
    pages: int = field(default=0)

    def list_objects_v2(self, *, Bucket: str, Prefix: str, StartAfter: str) -> dict[str, Any]:  # noqa: ARG002 -- the parameters of S3
        """List keys in ascending order."""
        self.pages += 1
        left = [key for key in sorted(self.keys) if key.startswith(Prefix) and key > StartAfter]
        found = [{"Key": key, "Size": len(key), "ETag": f'"{key}"'} for key in left[:3]]
        return {"Contents": found, "IsTruncated": len(left) > 3} if found else {"IsTruncated": False}


names = st.sets(st.text("ab/", min_size=1, max_size=4).map("images/".__add__), max_size=12)


@given(stored=names, wanted=names)
def test_the_listing_finds_every_key_of_the_bucket_and_no_other(stored: set[str], wanted: set[str]) -> None:
    """Keys before, between and after the files of the folder do not disturb the listing."""
    listing = BucketListing(FewPerPage(sorted(stored)), "bucket")
    found = {key: listing.find(key) for key in sorted(wanted)}
    assert found == {key: StoredObject(len(key), key) if key in stored else None for key in wanted}


def test_the_listing_skips_pages_without_a_requested_key() -> None:
    """Two new photos cost two pages of the listing, and a whole folder costs every page once."""
    keys = [f"images/{number:04}.jpg" for number in range(900)]
    few = FewPerPage(keys)
    listing = BucketListing(few, "bucket")
    assert listing.find("images/0100.jpg")
    assert listing.find("images/0700.jpg")
    assert few.pages == 2
    every = FewPerPage(keys)
    listing = BucketListing(every, "bucket")
    assert all(listing.find(key) for key in keys)
    assert every.pages == 300


def test_without_a_terminal_there_is_a_line_every_few_seconds() -> None:
    """A log gets a line every few seconds, with the remaining time."""
    out, seconds = io.StringIO(), iter(range(100))
    progress = plain_progress(out, 20, lambda: next(seconds))
    for _ in range(20):
        progress.one_done()
    assert out.getvalue().splitlines() == [
        "  5 of 20 files, 0:15 left",
        "  10 of 20 files, 0:10 left",
        "  15 of 20 files, 0:05 left",
        "  20 of 20 files, 0:00 left",
    ]


def test_on_a_terminal_there_is_a_bar_and_lines_stay_as_they_are() -> None:
    """A name that looks like markup is printed as it is."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    with transfer_progress(out, 2) as progress:
        progress.one_done()
        progress.say("failed: [red]/a.jpg: it is not a regular file")
    assert "━" in out.getvalue()
    assert "1/2" in out.getvalue()
    assert "failed: [red]/a.jpg: it is not a regular file" in out.getvalue()
