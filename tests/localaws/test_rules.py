"""Rules of EventBridge, also those that a service manages."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from localaws.host import Host, local_aws
from localaws.integrations import RULE
from localaws.leftovers import leftovers

PATTERN = '{"source": ["aws.emr-serverless"]}'


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """Run a local AWS for all tests of this file."""
    with local_aws(1) as host:
        yield host


def test_the_rule_of_step_functions_is_deleted_by_force_only(host: Host) -> None:
    """A user has to delete it, because Step Functions does not."""
    events = host.client("events")
    events.put_rule(Name=RULE, EventPattern=PATTERN)
    events.put_targets(Rule=RULE, Targets=[{"Id": "StepFunctions", "Arn": "arn:aws:states:::x"}])
    assert events.describe_rule(Name=RULE)["ManagedBy"] == "states.amazonaws.com"
    assert leftovers(host) == [f"the EventBridge rule {RULE}"]
    for call in (
        lambda **force: events.remove_targets(Rule=RULE, Ids=["StepFunctions"], **force),
        lambda **force: events.delete_rule(Name=RULE, **force),
    ):
        with pytest.raises(ClientError, match="ManagedRuleException"):
            call()
        call(Force=True)
    assert events.list_rules()["Rules"] == []


def test_a_rule_of_a_stack_is_a_leftover(host: Host) -> None:
    """A rule that no service manages needs no force, and must not outlive its stack."""
    events = host.client("events")
    events.put_rule(Name="mine", EventPattern=PATTERN)
    assert leftovers(host) == ["the EventBridge rule mine"]
    events.delete_rule(Name="mine")
    assert leftovers(host) == []
