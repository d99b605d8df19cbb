"""The state machine, and what it is allowed to do."""

import json

from aws_cdk import Aws
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk.acknowledgements import acknowledge
from cdk.permissions import Permission, allow
from cdk.settings import Environment
from cdk.stateless.logs import log_group
from cdk.stateless.spark import SparkApplication
from cdk.stateless.workflow_definition import WorkflowSettings, workflow_definition
from contract.environments import stack_name


class Workflow(Construct):
    """One run at a time: `workflow_definition` says how.

    Attributes
    ----------
    state_machine
        The state machine.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Environment,
        table: dynamodb.Table,
        spark: SparkApplication,
        record_run: lambda_.Function,
    ) -> None:
        super().__init__(scope, construct_id)
        name = stack_name(settings.name)
        definition = workflow_definition(
            WorkflowSettings(
                table_name=table.table_name,
                record_run_arn=record_run.function_arn,
                job=spark.job,
                attempts=settings.job_attempts,
                turn_seconds=settings.turn_seconds,
            )
        )
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        place = f"{settings.region}:{Aws.ACCOUNT_ID}"
        allow(
            role,
            [
                *_coordination_permissions(table, place, name),
                *_job_permissions(spark, place),
                Permission(sid="RecordRun", actions=["lambda:InvokeFunction"], resources=[record_run.function_arn]),
            ],
        )
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=name,
            # Not CDK's to_json_string: it leaves out nulls, and a ResultPath of null says that a result is dropped.
            definition_body=sfn.DefinitionBody.from_string(json.dumps(definition, separators=(",", ":"))),
            role=role,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=log_group(self, settings, f"/aws/vendedlogs/states/{name}"),
                level=sfn.LogLevel.ALL,
                include_execution_data=True,
            ),
        )
        acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": "X-Ray, and the delivery of logs, know no resources."})


def _coordination_permissions(table: dynamodb.Table, place: str, name: str) -> list[Permission]:
    states = f"arn:{Aws.PARTITION}:states:{place}"
    return [
        Permission(sid="Coordinate", actions=["dynamodb:GetItem", "dynamodb:UpdateItem"], resources=[table.table_arn]),
        Permission(
            sid="DescribeHolder",
            actions=["states:DescribeExecution"],
            resources=[f"{states}:execution:{name}:*"],
            because="Executions of this state machine have names that are not known before.",
        ),
        Permission(
            sid="StartSuccessor", actions=["states:StartExecution"], resources=[f"{states}:stateMachine:{name}"]
        ),
    ]


def _job_permissions(spark: SparkApplication, place: str) -> list[Permission]:
    """Allow what the documentation of ``emr-serverless:startJobRun.sync`` lists."""
    return [
        Permission(sid="StartJob", actions=["emr-serverless:StartJobRun"], resources=[spark.application_arn]),
        Permission(
            sid="FollowJob",
            actions=["emr-serverless:GetJobRun", "emr-serverless:CancelJobRun"],
            resources=[f"{spark.application_arn}/jobruns/*"],
            because="Jobs have names that are not known before.",
        ),
        Permission(
            sid="PassJobRole",
            actions=["iam:PassRole"],
            resources=[spark.job_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}},
        ),
        Permission(
            sid="HearOfJob",
            actions=["events:PutTargets", "events:PutRule", "events:DescribeRule"],
            resources=[f"arn:{Aws.PARTITION}:events:{place}:rule/StepFunctionsGetEventsForEMRServerlessJobRule"],
        ),
    ]
