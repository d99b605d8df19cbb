"""Log groups, with the retention of the settings."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.acknowledgements import acknowledge
from cdk.settings import Environment

RETENTION_DAYS = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


def log_group(scope: Construct, settings: Environment, name: str | None = None) -> logs.LogGroup:
    """Make a log group below a construct; without a name, CloudFormation generates one."""
    group = logs.LogGroup(
        scope,
        "Logs",
        log_group_name=name,
        retention=RETENTION_DAYS[settings.logs_days],
        removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if settings.keep_data else RemovalPolicy.DESTROY,
    )
    acknowledge(group, {"CKV_AWS_158": "CloudWatch encrypts it. A customer-managed key would cost money while idle."})
    return group
