"""The EventBridge rule by which Step Functions hears of the end of jobs: one for the account, and without an owner.

Step Functions makes the rule for the first state machine that waits for jobs of EMR Serverless, and never deletes it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from contract.workflow import JOB_EVENTS_RULE, WAITING_FOR_JOBS

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

MISSING = "ResourceNotFoundException"


@dataclass(frozen=True)
class JobEventsRule:
    """The rule, and the state machine of the stack that is being deleted.

    Attributes
    ----------
    events
        Client of EventBridge, for which the project has no types.
    """

    events: Any
    stepfunctions: "SFNClient"
    state_machine: str

    def delete_if_unused(self) -> bool:
        """Delete the rule unless another state machine of the account waits for jobs, and return whether it is gone.

        Raises
        ------
        ClientError
            If AWS rejects a request.
        """
        if any(self._waits_for_jobs(arn) for arn in self._other_state_machines()):
            return False
        try:
            targets = self.events.list_targets_by_rule(Rule=JOB_EVENTS_RULE)["Targets"]
            # AWS demands force for a rule that a service manages.
            if targets:
                ids = [target["Id"] for target in targets]
                self.events.remove_targets(Rule=JOB_EVENTS_RULE, Ids=ids, Force=True)
            self.events.delete_rule(Name=JOB_EVENTS_RULE, Force=True)
        except ClientError as error:
            if error.response["Error"]["Code"] != MISSING:
                raise
        return True

    def _other_state_machines(self) -> list[str]:
        pages = self.stepfunctions.get_paginator("list_state_machines").paginate()
        found = (machine["stateMachineArn"] for page in pages for machine in page["stateMachines"])
        return [arn for arn in found if arn != self.state_machine]

    def _waits_for_jobs(self, state_machine: str) -> bool:
        definition = self.stepfunctions.describe_state_machine(stateMachineArn=state_machine)["definition"]
        return WAITING_FOR_JOBS in definition
