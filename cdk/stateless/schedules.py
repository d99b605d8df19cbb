"""The daily runs: `reconcile`, which repairs differences, and `maintain`, which tidies the tables."""

from aws_cdk import TimeZone
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.aws_scheduler_targets import StepFunctionsStartExecution
from constructs import Construct

from cdk.settings import Environment
from contract.runs import Mode
from contract.workflow import RunRequest


class Schedules(Construct):
    """The schedules of an environment, if it has any."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Environment, state_machine: sfn.StateMachine
    ) -> None:
        super().__init__(scope, construct_id)
        for mode, at in ((Mode.RECONCILE, settings.reconcile_at), (Mode.MAINTAIN, settings.maintain_at)):
            if at is not None:
                hour, minute = at.split(":")
                scheduler.Schedule(
                    self,
                    mode.capitalize(),
                    schedule=scheduler.ScheduleExpression.cron(
                        hour=str(int(hour)), minute=str(int(minute)), time_zone=TimeZone.EUROPE_PARIS
                    ),
                    target=StepFunctionsStartExecution(
                        state_machine,
                        input=scheduler.ScheduleTargetInput.from_object(RunRequest(mode=mode).to_document()),
                    ),
                )
