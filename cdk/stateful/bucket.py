"""The data bucket of an environment, for images, tables and results."""

from typing import cast

from aws_cdk import Aws, CfnResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.acknowledgements import acknowledge
from cdk.settings import Environment
from contract.environments import stack_name
from contract.layout import IMAGES, PICTURED, QUERIES, REJECTED_NOTICES, RESULTS, STAGING, SUPERSEDED

QUERY_DAYS = 7
STAGING_DAYS = 7
UPLOAD_DAYS = 2
"""Time after which the parts of an incomplete upload are deleted."""

EVENTS = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*")
"""Events of images that become notices. A lifecycle rule that deletes an image causes no `ObjectRemoved`."""

EMPTYING = "Custom::S3AutoDeleteObjects"
"""Type of the resources with which CDK empties buckets."""


class DataBucket(Construct):
    """The bucket, the bucket of its access logs, and the notification of the queue.

    The bucket is not versioned, because a deleted photo must not survive as an old version. The pipeline never
    overwrites tables and results, and it needs no old version of a pointer. Iceberg keeps the snapshots of the tables.

    Parameters
    ----------
    events
        Queue that receives the events of images.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Environment, events: sqs.Queue) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        # The name is fixed, so that the policy of the queue can name the bucket without a circular dependency.
        name = f"{stack_name(settings.name)}-{Aws.ACCOUNT_ID}-{settings.region}"
        self.bucket = self._private_bucket(
            "Data", lifecycle=self._lifecycle(), name=name, access_logs=self._access_logs()
        )
        policy = events.add_to_resource_policy(_sending_events(events, f"arn:{Aws.PARTITION}:s3:::{name}"))
        self._notify(events)
        if policy.policy_dependable:
            self.bucket.node.add_dependency(policy.policy_dependable)
        acknowledge(
            self.bucket,
            {"CKV_AWS_21": "An erased photo must be gone, and nothing of value is ever overwritten."},
        )
        if not settings.keep_data:
            self._adapt_emptying()

    def _adapt_emptying(self) -> None:
        """Acknowledge findings on the function with which CDK empties buckets, and restrict its role."""
        provider = cast("Construct", Stack.of(self).node.find_child(f"{EMPTYING}CustomResourceProvider"))
        once = "This function of CDK runs once, when the environment is destroyed, and CloudFormation waits for it."
        acknowledge(provider, {"CKV_AWS_115": once, "CKV_AWS_116": once, "CKV_AWS_117": once})
        role = provider.node.find_child("Role")
        # With this policy, Lambda would create a log group that outlives the stack. The function needs nothing else.
        cast("CfnResource", role).add_property_deletion_override("ManagedPolicyArns")

    def _private_bucket(
        self,
        construct_id: str,
        *,
        lifecycle: list[s3.LifecycleRule],
        name: str | None = None,
        access_logs: s3.Bucket | None = None,
    ) -> s3.Bucket:
        keep = self._settings.keep_data
        return s3.Bucket(
            self,
            construct_id,
            bucket_name=name,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="incomplete-uploads", abort_incomplete_multipart_upload_after=Duration.days(UPLOAD_DAYS)
                ),
                *lifecycle,
            ],
            server_access_logs_bucket=access_logs,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if keep else RemovalPolicy.DESTROY,
            auto_delete_objects=not keep,
        )

    def _access_logs(self) -> s3.Bucket:
        """Make the bucket that records each access, because photos are personal data."""
        expiration = Duration.days(self._settings.logs_days)
        logs = self._private_bucket("AccessLogs", lifecycle=[s3.LifecycleRule(id="expire", expiration=expiration)])
        endless = "This is the bucket of the access logs. Logging the access to it would never end."
        acknowledge(
            logs,
            {
                "AwsSolutions-S1": endless,
                "CKV_AWS_18": endless,
                "CKV_AWS_21": "S3 writes each log once, and a lifecycle rule deletes it.",
            },
        )
        return logs

    def _lifecycle(self) -> list[s3.LifecycleRule]:
        results = Duration.days(self._settings.results_days)
        logs = Duration.days(self._settings.logs_days)
        pages = Duration.days(self._settings.retention_days)
        return [
            s3.LifecycleRule(id="old-results", prefix=RESULTS, tag_filters=SUPERSEDED, expiration=results),
            s3.LifecycleRule(id="old-pictures", prefix=RESULTS, tag_filters=PICTURED, expiration=pages),
            s3.LifecycleRule(id="rejected-notices", prefix=REJECTED_NOTICES, expiration=logs),
            s3.LifecycleRule(id="answers-to-queries", prefix=QUERIES, expiration=Duration.days(QUERY_DAYS)),
            s3.LifecycleRule(id="left-by-crashes", prefix=STAGING, expiration=Duration.days(STAGING_DAYS)),
        ]

    def _notify(self, events: sqs.Queue) -> None:
        """Set the notification as a property of the bucket. CDK would use a function that may change any bucket."""
        images = s3.CfnBucket.NotificationFilterProperty(
            s3_key=s3.CfnBucket.S3KeyFilterProperty(
                rules=[s3.CfnBucket.FilterRuleProperty(name="prefix", value=IMAGES)]
            )
        )
        resource = self.bucket.node.default_child
        if isinstance(resource, s3.CfnBucket):
            resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                queue_configurations=[
                    s3.CfnBucket.QueueConfigurationProperty(event=event, filter=images, queue=events.queue_arn)
                    for event in EVENTS
                ]
            )


def _sending_events(queue: sqs.Queue, bucket_arn: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="EventsOfTheBucket",
        principals=[iam.ServicePrincipal("s3.amazonaws.com")],
        actions=["sqs:SendMessage"],
        resources=[queue.queue_arn],
        conditions={"ArnEquals": {"aws:SourceArn": bucket_arn}, "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
    )
