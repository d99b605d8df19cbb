"""Tests of the `fruits` command in the notebook."""

import pytest

from handover.errors import FailedError
from handover.notebook.commands import Fruits


def test_a_failed_command_fails_its_cell(capsys: pytest.CaptureFixture[str]) -> None:
    """The last line of the command is the error."""
    with pytest.raises(FailedError, match=r"ended with exit code 2: .*There is no folder"):
        Fruits()("run", "--images", "missing", "--output", "out")
    assert "There is no folder" in capsys.readouterr().out
