"""Tests that the command answers at once: it imports no large library before it has checked what its user wants."""

import argparse
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from cli.subcommands import COMMANDS

LARGE = ("pyspark", "pyarrow", "numpy", "obstore", "boto3", "PIL", "ai_edge_litert", "tensorflow", "cdk.stateless")

ANSWERS = f"""
import contextlib, io, json, sys
from cli.main import main
for words in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code
    print(json.dumps([words, code, [name for name in {LARGE} if name in sys.modules]]))
"""
"""Calls the command many times in one process, and says after each call which libraries the process has loaded."""

HELP = ([], ["--help"], *([name, "--help"] for name in (*COMMANDS, "rehearse")))

MISTAKES = (
    ["nonsense"],
    ["run", "--nonsense"],
    ["run", "--images", "x", "--output", "y", "--components", "many"],
    ["run", "--images", "missing", "--output", "out"],
    ["run", "--images", "pictures", "--output", "pictures/out"],
    ["run", "--images", "pictures", "--output", "file/out"],
    ["run", "--images", "pictures", "--output", "other"],
    ["run", "--images", "pictures", "--output", "out", "--weights", "missing.h5"],
    ["run", "--images", "pictures", "--output", "out", "--weights", "pictures"],
    ["run", "--mode", "maintain", "--output", "missing"],
    ["notify", "--images", "missing", "--output", "out"],
    ["notify", "--images", "pictures", "--output", "other"],
    ["features", "--output", "s3://bucket", "x.npz"],
    ["similar", "x"],
    ["similar", "x", "--output", "s3://bucket"],
    ["similar", "x", "--output", "out", "--html", "file"],
    ["matrix", "x", "--output", "out"],
    ["matrix", "file", "--output", "out", "--format", "csv"],
    ["matrix", "x.csv", "--output", "s3://bucket"],
    ["demo", "x", "--catalog", "glue"],
    ["export", "--weights", "nope", "x"],
    ["runs", "--env", "nope"],
    ["upload", "missing", "--env", "dev"],
    ["account", "--env", "nope"],
    ["cost", "--env", "nope"],
    ["doctor", "--env", "nope"],
    ["open", "--output", "missing"],
    ["completion", "cmd"],
)


def test_help_and_mistakes_need_no_large_library(tmp_path: Path) -> None:
    """The command explains itself, and answers a mistake, before it loads a library that takes long to load."""
    (tmp_path / "pictures/Plum").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    for file in ("file", "pictures/Plum/a.jpg", "other/thesis.doc"):
        (tmp_path / file).touch()
    answer = subprocess.run(
        [sys.executable, "-c", ANSWERS],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        input=json.dumps([*HELP, *MISTAKES]),
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [[words, 0 if "--help" in words else 2, []] for words in (*HELP, *MISTAKES)]
    assert [json.loads(line) for line in answer.stdout.splitlines()] == expected


def test_the_list_of_commands_is_what_the_modules_define() -> None:
    """Each module of the list defines the commands that the list says, and no other."""
    for module in {command.module for command in COMMANDS.values()}:
        added = argparse.ArgumentParser().add_subparsers()
        import_module(module).add_command(added)
        assert set(added.choices) == {name for name, command in COMMANDS.items() if command.module == module}
