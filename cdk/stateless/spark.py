"""The EMR Serverless application that runs the pipeline, the role of its jobs, and the settings of a job run."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from aws_cdk import Aws, Stack
from aws_cdk import aws_emrserverless as emrserverless
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.packaging import Packages
from cdk.permissions import Permission, allow
from cdk.settings import ENVIRONMENT_TAG, Capacity, Environment, Iceberg, Worker
from cdk.stateful.catalog import Catalog
from cdk.stateless.assets import PublishedFile, publish, publish_entry_point
from cdk.stateless.logs import log_group
from cdk.stateless.workflow_definition import InitialExecutors, JobSettings
from contract.environments import stack_name
from contract.job import IMAGES_PER_TASK, CatalogKind, JobOption, OnNewModel
from contract.layout import BASES, FENCE, IMAGES, INBOX, MODELS, RESULTS, STAGING, TABLES

DISK_GB = 20
"""Disk of a worker, which EMR Serverless includes in its price."""

REPLACED = "The template does not know the id of an application that a deployment has replaced."
JOBS_OF_REPLACED = "The ids of job runs are not known in advance, nor is that of an application that was replaced."

NAME_DIGITS = 8
"""Number of digits of the hash in the name of the application."""

QUEUE_MINUTES = 60
"""Time for which a job run may wait until EMR Serverless has cancelled an earlier one."""

PACKAGES_FOLDER, MODEL_FOLDER = "environment", "model"
"""Folders into which Spark unpacks the packages of the workers and the exported model."""

IMAGE_ICEBERG = "/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar"
"""Iceberg in the image of EMR Serverless, as the user guide names it for all releases."""

LOGGED_WORKERS = ("SPARK_DRIVER", "SPARK_EXECUTOR")
LOGGED_STREAMS = ["STDOUT", "STDERR"]
"""Workers, and their streams, whose logs are in CloudWatch. By default, those of the executors are not."""

PYTHON = f"./{PACKAGES_FOLDER}/bin/python"
"""Launcher in the archive of the workers' packages."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """Files that a job run uses."""

    entry_point: PublishedFile
    application: PublishedFile
    environment: PublishedFile
    model: PublishedFile
    jars: tuple[PublishedFile, ...]


class SparkApplication(Construct):
    """The application, which starts with a job run and stops when it is idle, and the role of its jobs.

    Attributes
    ----------
    job
        Settings with which the state machine starts a job run.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Environment,
        packages: Packages,
        bucket: s3.Bucket,
        catalog: Catalog,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        jobs_log = log_group(self, settings)
        program = self._publish(packages)
        self.application = self._application(jobs_log)
        applications = f"arn:{Aws.PARTITION}:emr-serverless:{settings.region}:{Aws.ACCOUNT_ID}:/applications"
        # CloudFormation changes the roles before `ApplicationDrain` stops the runs on an application that it replaces.
        self.applications_arn = f"{applications}/*"
        self.job_role = self._role(bucket, catalog, program, jobs_log)
        self.job = self._job(bucket, catalog, program)

    def _publish(self, packages: Packages) -> Program:
        return Program(
            entry_point=publish_entry_point(self),
            application=publish(self, packages.application),
            environment=publish(self, packages.worker),
            model=publish(self, packages.model),
            jars=self._jars(packages),
        )

    def _jars(self, packages: Packages) -> tuple[PublishedFile, ...]:
        if self._settings.iceberg is Iceberg.IMAGE:
            return ()
        return (publish(self, packages.iceberg_runtime), publish(self, packages.iceberg_aws_bundle))

    def _application(self, jobs_log: logs.LogGroup) -> emrserverless.CfnApplication:
        settings, capacity = self._settings, self._settings.capacity
        application = emrserverless.CfnApplication
        properties: dict[str, Any] = {
            "type": "SPARK",
            "release_label": settings.release_label,
            "architecture": settings.architecture.value,
            "auto_start_configuration": application.AutoStartConfigurationProperty(enabled=True),
            "auto_stop_configuration": application.AutoStopConfigurationProperty(
                enabled=True, idle_timeout_minutes=settings.idle_minutes
            ),
            "maximum_capacity": application.MaximumAllowedResourcesProperty(
                cpu=f"{capacity.vcpus} vCPU",
                memory=f"{capacity.memory_gb} GB",
                disk=f"{(1 + capacity.max_executors) * DISK_GB} GB",
            ),
            # Two job runs would write to the same tables, so the next one waits until an earlier one is cancelled. This
            # holds within this application only. After a deployment that replaced it, an old job may overlap with a job
            # of the new application, and the fence decides which of them may write.
            "scheduler_configuration": application.SchedulerConfigurationProperty(
                max_concurrent_runs=1, queue_timeout_minutes=QUEUE_MINUTES
            ),
            "monitoring_configuration": application.MonitoringConfigurationProperty(
                cloud_watch_logging_configuration=application.CloudWatchLoggingConfigurationProperty(
                    enabled=True,
                    log_group_name=jobs_log.log_group_name,
                    log_type_map=[
                        application.LogTypeMapKeyValuePairProperty(key=worker, value=LOGGED_STREAMS)
                        for worker in LOGGED_WORKERS
                    ],
                ),
                # EMR would keep a second copy of all logs, with the names of images in them, for 30 days: outside of
                # this account's reach, and for longer than logs_days in dev.
                managed_persistence_monitoring_configuration=(
                    application.ManagedPersistenceMonitoringConfigurationProperty(enabled=False)
                ),
            ),
        }
        return application(self, "Application", name=self._name_of_application(properties), **properties)

    def _name_of_application(self, properties: Mapping[str, Any]) -> str:
        """Name the application by its properties, so that CloudFormation replaces it instead of updating it.

        EMR Serverless refuses an update while the application runs, which it does for a minute after each job. A new
        name makes a new application; the old one serves its run until `ApplicationDrain` ends it.
        """
        stack = Stack.of(self)
        resolved = stack.resolve(emrserverless.CfnApplicationProps(name="", **properties))
        facts = json.dumps([resolved, self._settings.tags], sort_keys=True)
        digest = hashlib.sha256(facts.encode()).hexdigest()
        return f"{stack_name(self._settings.name)}-{digest[:NAME_DIGITS]}"

    def _role(self, bucket: s3.Bucket, catalog: Catalog, program: Program, jobs_log: logs.LogGroup) -> iam.Role:
        role = iam.Role(
            self,
            "JobRole",
            assumed_by=iam.ServicePrincipal(
                "emr-serverless.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {"aws:SourceArn": self.applications_arn},
                },
            ),
        )
        allow(
            role,
            [
                *_bucket_permissions(bucket),
                *_catalog_permissions(catalog),
                *_log_permissions(jobs_log, self._settings.region),
                Permission(
                    sid="Program",
                    actions=["s3:GetObject"],
                    resources=[program.entry_point.arn_of_folder],
                    because="A run that a deployment interrupts reads the files of the earlier deployment again.",
                ),
            ],
        )
        return role

    def _job(self, bucket: s3.Bucket, catalog: Catalog, program: Program) -> JobSettings:
        root = f"s3://{bucket.bucket_name}"
        return JobSettings(
            application_id=self.application.attr_application_id,
            role_arn=self.job_role.role_arn,
            entry_point=program.entry_point.url,
            arguments=(
                *(JobOption.IMAGES, f"{root}/{IMAGES.rstrip('/')}", JobOption.OUTPUT, root),
                *(JobOption.WEIGHTS, f"./{MODEL_FOLDER}"),
                *(JobOption.CATALOG, CatalogKind.GLUE, JobOption.DATABASE, catalog.database),
                *(JobOption.RETENTION_DAYS, str(self._settings.retention_days)),
                *(JobOption.ON_NEW_MODEL, OnNewModel.REPROCESS),
                *(JobOption.NO_PROGRESS_MINUTES, str(self._settings.no_progress_minutes)),
                *self._settings.pipeline_options,
            ),
            spark_submit_parameters=spark_submit_parameters(self._settings, program),
            timeout_minutes=self._settings.job_timeout_minutes,
            queue_minutes=QUEUE_MINUTES,
            executors=initial_executors(self._settings.capacity),
        )


def of_environment(settings: Environment) -> dict[str, dict[str, str]]:
    """Return the condition that an application belongs to an environment."""
    return {"StringEquals": {f"aws:ResourceTag/{ENVIRONMENT_TAG}": settings.tags[ENVIRONMENT_TAG]}}


def initial_executors(capacity: Capacity) -> InitialExecutors:
    """Return with how many executors a run begins, if each of their cores has at least a full task."""
    return InitialExecutors(
        some=ceil(capacity.max_executors / 4),
        every=capacity.max_executors,
        notices_each=capacity.executor.vcpus * IMAGES_PER_TASK,
    )


def spark_submit_parameters(settings: Environment, program: Program) -> str:
    """Return the options of spark-submit: the files of the program, the Python, and the size of the workers.

    The state machine adds the initial number of executors, which depends on the work.
    """
    capacity = settings.capacity
    region = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), settings.region)
    executor = {**region, "PYSPARK_PYTHON": PYTHON}
    driver = {**executor, "PYSPARK_DRIVER_PYTHON": PYTHON}
    # Everything is a --conf, because AWS does not document which other options EMR Serverless accepts.
    conf = {
        "spark.submit.pyFiles": program.application.url,
        "spark.archives": f"{program.environment.url}#{PACKAGES_FOLDER},{program.model.url}#{MODEL_FOLDER}",
        "spark.jars": ",".join(jar.url for jar in program.jars) or IMAGE_ICEBERG,
        # Spark has a catalog of its own beside Iceberg's. EMR makes it Hive's, in the Glue database "default", which
        # jobs do not need and may not read.
        "spark.sql.catalogImplementation": "in-memory",
        # Without its Region, S3A asks another Region first, which refers it to the right one.
        "spark.hadoop.fs.s3a.endpoint.region": settings.region,
        **{f"spark.emr-serverless.driverEnv.{name}": value for name, value in driver.items()},
        **{f"spark.executorEnv.{name}": value for name, value in executor.items()},
        **_worker_conf("driver", capacity.driver),
        **_worker_conf("executor", capacity.executor),
        "spark.dynamicAllocation.maxExecutors": str(capacity.max_executors),
        # Spark begins with the larger of this number, for which EMR has the default 3, and the initial executors.
        "spark.executor.instances": "1",
    }
    return " ".join(f"--conf {name}={value}" for name, value in conf.items())


def _worker_conf(who: str, worker: Worker) -> dict[str, str]:
    """Give half of the memory of a worker to the JVM, and leave the rest to Python."""
    heap = worker.memory_gb // 2
    return {
        f"spark.{who}.cores": str(worker.vcpus),
        f"spark.{who}.memory": f"{heap}g",
        f"spark.{who}.memoryOverhead": f"{worker.memory_gb - heap}g",
    }


def _bucket_permissions(bucket: s3.Bucket) -> list[Permission]:
    own = (TABLES, MODELS, BASES, RESULTS, STAGING, INBOX)
    return [
        # This permission has no condition on the prefix. With one, S3 would answer "forbidden" instead of "not found"
        # for a deleted image, and the run would refuse the image instead of removing its rows.
        # Hadoop's S3A documents that it lists unfinished uploads, in order to abort them. Iceberg's S3FileIO does not.
        Permission(
            sid="List", actions=["s3:ListBucket", "s3:ListBucketMultipartUploads"], resources=[bucket.bucket_arn]
        ),
        Permission(
            sid="ReadImages",
            actions=["s3:GetObject"],
            resources=[bucket.arn_for_objects(f"{IMAGES}*")],
            because="A job run reads any image.",
        ),
        Permission(sid="Fence", actions=["s3:GetObject"], resources=[bucket.arn_for_objects(FENCE)]),
        Permission(
            sid="OwnFolders",
            actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
            resources=[bucket.arn_for_objects(f"{folder}*") for folder in own],
            because="Job runs create the files in these folders.",
        ),
    ]


def _catalog_permissions(catalog: Catalog) -> list[Permission]:
    # A run deletes a damaged table from the catalog before it makes the table anew.
    actions = ("GetDatabase", "GetTable", "CreateTable", "UpdateTable", "DeleteTable")
    return [
        Permission(
            sid="Tables",
            actions=[f"glue:{action}" for action in actions],
            resources=catalog.arns,
            because="Job runs create the tables of the database.",
        )
    ]


def _log_permissions(jobs_log: logs.LogGroup, region: str) -> list[Permission]:
    # AWS lists CreateLogGroup among the permissions that logging needs. No job can use it to leave a group behind when
    # the stack is deleted: `ApplicationDrain` ends all jobs before CloudFormation deletes the group.
    return [
        Permission(
            sid="Logs",
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            resources=[jobs_log.log_group_arn],
        ),
        Permission(
            sid="FindLogs",
            actions=["logs:DescribeLogGroups"],
            resources=[f"arn:{Aws.PARTITION}:logs:{region}:{Aws.ACCOUNT_ID}:log-group:*"],
            because="The action has no resource-level permissions. It returns only names.",
        ),
    ]
