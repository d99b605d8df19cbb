"""Tests of the document by which a run finds out that nothing has changed."""

import json

import pytest

from contract.documents import DocumentError
from contract.last_state import LastState

STATE = LastState(run_id="20261120T121530Z-3fa94c", listing=None, circumstances="c", output="o")


def test_a_state_survives_its_file() -> None:
    """A state equals the one that is read from its document."""
    assert LastState.from_json(STATE.to_json()) == STATE


@pytest.mark.parametrize("change", [{"run_id": "../x"}, {"listing": 1}, {"output": "p"}, {"more": ""}], ids=str)
def test_a_state_that_no_run_has_written_is_refused(change: dict[str, object]) -> None:
    """A document with another checksum, an unknown field or the name of another place does not count."""
    document = json.loads(STATE.to_json()) | change
    with pytest.raises(DocumentError):
        LastState.from_json(json.dumps(document))
