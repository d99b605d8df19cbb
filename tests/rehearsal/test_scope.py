"""Tests of docs/rehearsal.md: its tables are those of the code."""

import re

import pytest

from cdk.packaging.package import ROOT
from localaws.policies import Grant
from rehearsal.scope import SCOPE, UNUSED_PERMISSIONS, reason_for, unused_permissions

PAGE = (ROOT / "docs/rehearsal.md").read_text()

ROWS = dict(re.findall(r"^\| `?(.*?)`? \| (.*) \|$", PAGE, re.MULTILINE))


@pytest.mark.parametrize("table", [*SCOPE.values(), UNUSED_PERMISSIONS])
def test_the_page_has_every_row_of_a_table(table: dict[str, str]) -> None:
    """The page lists what is real, what is emulated, what is not rehearsed, and which permissions stay unused."""
    assert table.items() <= ROWS.items()


def test_a_permission_is_used_if_it_is_used_on_any_resource() -> None:
    """Roles of other stacks do not count, and a role has the name that the stack gives it."""
    role = "arn:aws:iam::1:role/fruits-dev-SparkJobRoleF6297213-ABC"

    def entry(role: str, action: str, resource: str, *, used: bool) -> dict[str, object]:
        return vars(Grant("s", action, resource)) | {"role": role, "used": used}

    grants = [
        entry(role, "a:b", "one", used=True),
        entry(role, "a:b", "two", used=False),
        entry(role, "a:c", "one", used=False),
        entry("arn:aws:iam::1:role/cdk-hnb659fds-deploy-role", "x:y", "*", used=False),
    ]
    assert unused_permissions(grants, "fruits-dev") == {"SparkJobRole: a:c"}
    assert reason_for("SparkJobRole: a:c") is None
    assert reason_for("DrainingDrainRole: states:StopExecution") == UNUSED_PERMISSIONS["DrainingDrainRole: *"]
