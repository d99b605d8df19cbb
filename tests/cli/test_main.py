"""Tests of what all commands do with mistakes of their user."""

from pathlib import Path

import pytest

from cli.main import main


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sample", "a file"], "Can't write to a file"),
        (["sample", "a file/x"], "Can't write to a file/x"),
        (["sample", ""], "FOLDER must not be empty"),
        (["sample", "x", "--views", "0"], "--views must be at least 1, not 0"),
        (["sample", "x", "--views", "many"], "--views must be a whole number"),
        (["demo", "a file"], "Can't write to a file/images"),
        (["demo", ""], "FOLDER must not be empty"),
        (["demo", "x", "--components", "0"], "--components must be"),
        (["demo", "x", "--catalog", "glue"], "--catalog glue works in the cloud only"),
        (
            ["export", "--weights", "nope", "x"],
            "--weights must be imagenet, seeded, or an .h5 or .keras file, not 'nope'",
        ),
        (["export", "--weights", "", "x"], "--weights must not be empty"),
        (["export", ""], "FOLDER must not be empty"),
        (["export", "--weights", "seeded", "a file/x"], "Can't write to"),
        (["notify", "--images", "", "--output", "x"], "--images must not be empty"),
        (["notify", "--images", "pictures", "--output", ""], "--output must not be empty"),
        (["notify", "--images", "pictures", "--output", "x", ""], "PATH must not be empty"),
        (["notify", "--images", "pictures", "--output", "x", "../y"], "../y does not lie below"),
        (["notify", "--images", "http://x/y", "--output", "x"], "http://x/y is neither a folder nor a bucket"),
        (["run", "--images", "s3://", "--output", "x"], "s3:// is neither a folder nor a bucket"),
        (["run", "--images", "pictures", "--output", "ftp://x"], "ftp://x is neither a folder nor a bucket"),
        (["export", "--weights", "seeded", "pictures"], "contains other files, such as 'Plum'"),
        (["features", "--output", "", "x.npz"], "--output must not be empty"),
        (["features", "--output", "x", ""], "FILE must not be empty"),
        (["upload", "", "--env", "dev"], "FOLDER must not be empty"),
        (["results", "", "--env", "dev"], "FOLDER must not be empty"),
        (["start", "--mode", "foo", "--env", "dev"], "--mode must be update, reconcile, reprocess or maintain"),
        (["start", "--env", "dev"], "the following arguments are required: --mode"),
        (["reprocess", "--mode", "update", "--env", "dev"], "unrecognized arguments: --mode update"),
        (["logs", "--env", "dev", "--level", "loud"], "--level must be all, info, warning or error, not 'loud'"),
        (["logs", "--env", "dev", "--run", "x"], "--run must be an id such as 20261120T121530Z-3fa94c, not 'x'"),
        (["logs", "--env", "dev", "--hours", "2", "--follow"], "--follow is for one run: leave out --hours"),
        (["logs", "--env", "dev", "--hours", "0"], "--hours must be at least 1, not 0"),
        (["runs", "--env", "dev", "--last", "0"], "--last must be at least 1, not 0"),
        (["status", "--env", "dev", "--watch", "--json"], "--watch is for people: leave out --json and --exit-code"),
        (["dead-letters", "--env", "dev", "--yes"], "--yes belongs to --send-back or --remove"),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A mistake gives one sentence and exit code 2, and the command writes nothing, not even to the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file").touch()
    (tmp_path / "pictures/Plum").mkdir(parents=True)
    (tmp_path / "pictures/Plum/a.jpg").touch()
    before = sorted(tmp_path.rglob("*"))
    try:
        code = main(arguments)
    except SystemExit as exit_:
        code = exit_.code
    assert code == 2
    answer = capsys.readouterr()
    assert sentence in answer.err
    assert len(answer.err.strip().splitlines()) == 1
    assert answer.out == ""
    assert sorted(tmp_path.rglob("*")) == before
