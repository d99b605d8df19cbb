"""The state machine, its role and its log."""

import json

from aws_cdk import Aws
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk.acknowledgements import acknowledge
from cdk.permissions import Permission, allow
from cdk.settings import Environment
from cdk.stateless.logs import log_group
from cdk.stateless.spark import JOBS_OF_REPLACED, REPLACED, SparkApplication, of_environment
from cdk.stateless.workflow_definition import WorkflowSettings, workflow_definition
from contract.environments import DeployedVersion, stack_name
from contract.layout import FENCE
from contract.workflow import JOB_EVENTS_RULE


class Workflow(Construct):
    """The state machine; `workflow_definition` defines its states."""

    def __init__(  # noqa: PLR0913 -- keywords for the resources that the state machine uses
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Environment,
        version: DeployedVersion,
        bucket: s3.Bucket,
        table: dynamodb.Table,
        spark: SparkApplication,
        record_run: lambda_.Function,
    ) -> None:
        super().__init__(scope, construct_id)
        name = stack_name(settings.name)
        definition = workflow_definition(
            WorkflowSettings(
                table_name=table.table_name,
                bucket_name=bucket.bucket_name,
                record_run_arn=record_run.function_arn,
                job=spark.job,
                attempts=settings.job_attempts,
                turn_seconds=settings.turn_seconds,
                gather_seconds=settings.gather_minutes * 60,
                version=version,
            )
        )
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        place = f"{settings.region}:{Aws.ACCOUNT_ID}"
        allow(
            role,
            [
                *_coordination_permissions(table, place, name),
                *_job_permissions(settings, spark, place),
                Permission(sid="Fence", actions=["s3:PutObject"], resources=[bucket.arn_for_objects(FENCE)]),
                Permission(sid="RecordRun", actions=["lambda:InvokeFunction"], resources=[record_run.function_arn]),
            ],
        )
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=name,
            # CDK's to_json_string would leave out null values, but a ResultPath of null drops a result.
            definition_body=sfn.DefinitionBody.from_string(json.dumps(definition, separators=(",", ":"))),
            role=role,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=log_group(self, settings, f"/aws/vendedlogs/states/{name}"),
                level=sfn.LogLevel.ALL,
                include_execution_data=True,
            ),
        )
        acknowledge(
            role, {"AwsSolutions-IAM5[Resource::*]": "X-Ray and log delivery have no resource-level permissions."}
        )


def _coordination_permissions(table: dynamodb.Table, place: str, name: str) -> list[Permission]:
    states = f"arn:{Aws.PARTITION}:states:{place}"
    return [
        Permission(sid="Coordinate", actions=["dynamodb:GetItem", "dynamodb:UpdateItem"], resources=[table.table_arn]),
        Permission(
            sid="DescribeHolder",
            actions=["states:DescribeExecution"],
            resources=[f"{states}:execution:{name}:*"],
            because="The names of executions are not known in advance.",
        ),
        Permission(
            sid="StartSuccessor", actions=["states:StartExecution"], resources=[f"{states}:stateMachine:{name}"]
        ),
    ]


def _job_permissions(settings: Environment, spark: SparkApplication, place: str) -> list[Permission]:
    """Return the permissions that the documentation of ``emr-serverless:startJobRun.sync`` lists."""
    return [
        Permission(
            sid="StartJob",
            actions=["emr-serverless:StartJobRun"],
            resources=[spark.applications_arn],
            because=REPLACED,
            conditions=of_environment(settings),
        ),
        Permission(
            sid="FollowJob",
            actions=["emr-serverless:GetJobRun", "emr-serverless:CancelJobRun"],
            resources=[f"{spark.applications_arn}/jobruns/*"],
            because=JOBS_OF_REPLACED,
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
            resources=[f"arn:{Aws.PARTITION}:events:{place}:rule/{JOB_EVENTS_RULE}"],
        ),
    ]
