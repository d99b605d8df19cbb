"""Tests of the import of the functions."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("function", ["record_run", "start_run"])
def test_importing_a_function_needs_nothing(function: str) -> None:
    """The import of a handler needs no environment variable and makes no client."""
    code = (
        "import botocore.session\n"
        "def refuse(*_, **__): raise AssertionError('a client was made')\n"
        "botocore.session.Session.create_client = refuse\n"
        f"import lambdas.{function}.handler\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={}, check=True)
