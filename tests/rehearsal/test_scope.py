"""docs/rehearsal.md says what the code says."""

import re

import pytest

from localaws.policies import Grant
from rehearsal.deployment import ROOT
from rehearsal.scope import EMULATED, NOT_NEEDED, NOT_REHEARSED, REAL, unneeded

PAGE = (ROOT / "docs/rehearsal.md").read_text()

ROWS = dict(re.findall(r"^\| `?(.*?)`? \| (.*) \|$", PAGE, re.MULTILINE))


@pytest.mark.parametrize("table", [REAL, EMULATED, NOT_REHEARSED, NOT_NEEDED])
def test_the_page_has_every_row_of_a_table(table: dict[str, str]) -> None:
    """What is real, what is emulated, what is left out: a change in the code is one of the page."""
    assert table.items() <= ROWS.items()


def test_a_permission_is_needed_if_any_of_its_resources_is() -> None:
    """Roles of other stacks don't count; a role goes by the name that the stack gives it."""
    role = "arn:aws:iam::1:role/fruits-dev-SparkJobRoleF6297213-ABC"

    def entry(role: str, action: str, resource: str, *, used: bool) -> dict[str, object]:
        return vars(Grant("s", action, resource)) | {"role": role, "used": used}

    ledger = [
        entry(role, "a:b", "one", used=True),
        entry(role, "a:b", "two", used=False),
        entry(role, "a:c", "one", used=False),
        entry("arn:aws:iam::1:role/cdk-hnb659fds-deploy-role", "x:y", "*", used=False),
    ]
    assert unneeded(ledger, "fruits-dev") == {"SparkJobRole: a:c"}
