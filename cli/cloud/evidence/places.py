"""Where the resources of an environment are, and to whom they belong."""

from collections.abc import Iterator

from cdk.settings import EU_REGIONS
from cli.cloud.evidence.answers import Answers, Document
from cli.cloud.evidence.found import Evidence
from cli.cloud.evidence.judging import Judged, fault_of, nothing_found, unanswered
from cli.cloud.evidence.text import filled

STACK = "cloudformation:DescribeStacks"
"""The call by which even an empty stack has an ARN."""

PLACES = (
    STACK,
    "s3:GetBucketLocation",
    "emr-serverless:GetApplication",
    "lambda:GetFunctionConfiguration",
    "states:DescribeStateMachine",
    "dynamodb:DescribeTable",
    "sqs:GetQueueAttributes",
    "logs:DescribeLogGroups",
    "cloudwatch:DescribeAlarms",
)
"""Calls whose answers say where a resource is."""

OLD_NAMES = {"None": "us-east-1", "": "us-east-1", "EU": "eu-west-1"}
"""What S3 answers for two Regions: nothing for that of Virginia, and an old name for that of Ireland."""


def arns_in(answers: Answers) -> Iterator[str]:
    """Return the ARNs of the resources of the stack that have a Region in their ARN."""
    contents = answers.contents
    yield from (content["Stacks"][0]["StackId"] for _, content in contents("cloudformation:DescribeStacks"))
    yield from (content["application"]["arn"] for _, content in contents("emr-serverless:GetApplication"))
    yield from (content["FunctionArn"] for _, content in contents("lambda:GetFunctionConfiguration"))
    yield from (content["stateMachineArn"] for _, content in contents("states:DescribeStateMachine"))
    yield from (content["Table"]["TableArn"] for _, content in contents("dynamodb:DescribeTable"))
    yield from (content["Attributes"]["QueueArn"] for _, content in contents("sqs:GetQueueAttributes"))
    yield from (group["arn"] for group in log_groups_in(answers))
    yield from (alarm["AlarmArn"] for alarm in alarms_in(answers))


def log_groups_in(answers: Answers) -> Iterator[Document]:
    """Return the log groups of the stack: AWS lists all whose names begin with the name that is asked for."""
    for name, content in answers.contents("logs:DescribeLogGroups"):
        yield from (group for group in content["logGroups"] if group["logGroupName"] == name)


def alarms_in(answers: Answers) -> Iterator[Document]:
    """Return the alarms of the environment."""
    for _, content in answers.contents("cloudwatch:DescribeAlarms"):
        yield from content.get("MetricAlarms", [])


def regions_in(answers: Answers) -> dict[str, str]:
    """Return the Region of each resource: ARN, or name of a bucket → Region."""
    buckets = {
        name: str(content.get("LocationConstraint")) for name, content in answers.contents("s3:GetBucketLocation")
    }
    regions = {name: OLD_NAMES.get(region, region) for name, region in buckets.items()}
    return regions | {arn: arn.split(":")[3] for arn in arns_in(answers)}


def judge_regions(evidence: Evidence) -> Judged:
    """Judge whether all resources are in Regions of the European Union."""
    regions = regions_in(evidence.answers)
    outside = [f"{name} ({region})" for name, region in regions.items() if region not in EU_REGIONS]
    proof = filled(
        "{count:,.0f} resources (stack, buckets, application, functions, state machine, table, queues, log groups, "
        "alarms) are in {regions}.",
        count=len(regions),
        regions=", ".join(sorted({*regions.values()})),
    )
    faults = fault_of(outside, "Outside of the European Union: {names}.")
    return Judged(proof, [*unanswered(evidence.answers, *PLACES), *faults])


def judge_account(evidence: Evidence) -> Judged:
    """Judge whether all resources belong to the account of the credentials."""
    account, arns = str(evidence.account), list(arns_in(evidence.answers))
    foreign = [arn for arn in arns if arn.split(":")[4] != account]
    proof = filled(
        "All ARNs name the account of the credentials, {account}.",
        account=account,
    )
    unknown = unanswered(evidence.answers, "sts:GetCallerIdentity") + nothing_found(arns, STACK)
    return Judged(proof, [*unknown, *fault_of(foreign, "In another account: {names}.")])
