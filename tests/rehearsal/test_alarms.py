"""Tests of the alarms of the deployed stack: each of them reaches the operator."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdk.settings import ENVIRONMENTS
from contract.alarms import Alarm
from contract.environments import Output
from contract.layout import STAGING
from rehearsal.rehearse import ENVIRONMENT
from tests.rehearsal.cloud import Cloud

ADDRESS = "everything@example.org"


def _raise(cloud: Cloud, alarm: Alarm) -> None:
    """Set an alarm to ALARM, as an operator does in order to try it."""
    name = alarm.full_name(ENVIRONMENT)
    cloud.host.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a trial")


def test_every_alarm_reaches_a_subscriber(cloud: Cloud) -> None:
    """The topic's policy lets each alarm publish; a policy that only demands TLS, as CDK writes it, lets none."""
    subscription, sns = cloud.subscribe(ADDRESS), cloud.host.client("sns")
    for alarm in Alarm:
        _raise(cloud, alarm)
    assert cloud.mails(ADDRESS) == [f"ALARM: {alarm.full_name(ENVIRONMENT)}" for alarm in Alarm]
    assert cloud.alarms() == {*Alarm}

    [topic] = [found["TopicArn"] for found in sns.list_topics()["Topics"]]
    written = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    policy: dict[str, Any] = json.loads(written)
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Effect"] == "Deny"]
    assert policy["Statement"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
    _raise(cloud, Alarm.DEAD_LETTERS)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=written)
    assert len(cloud.mails(ADDRESS)) == len(Alarm)
    assert cloud.alarms() == {Alarm.DEAD_LETTERS}
    sns.unsubscribe(SubscriptionArn=subscription)


@pytest.fixture
def hanging_job(cloud: Cloud) -> str:
    """Return the URL of a program that does nothing for as long as it may."""
    key = f"{STAGING}hangs.py"
    cloud.deployment.s3.put_object(Bucket=cloud.deployment.bucket, Key=key, Body=b"import time; time.sleep(600)")
    return f"s3://{cloud.deployment.bucket}/{key}"


def test_a_job_that_hangs_raises_an_alarm_while_it_runs(cloud: Cloud, hanging_job: str) -> None:
    """The alarm looks at the metric of EMR Serverless, which the job continues: the test puts the values before it."""
    emr, application = cloud.deployment.emr, cloud.deployment.resource(Output.APPLICATION)
    name = emr.get_application(applicationId=application)["application"]["name"]
    dimensions = [{"Name": "ApplicationId", "Value": application}, {"Name": "ApplicationName", "Value": name}]
    now, usual = datetime.now(UTC), ENVIRONMENTS[ENVIRONMENT].usual_run_minutes
    data = [
        {
            "MetricName": "RunningJobs",
            "Dimensions": dimensions,
            "Timestamp": now - timedelta(minutes=minute),
            "Value": 1,
        }
        for minute in range(1, usual + 1)
    ]
    cloud.host.client("cloudwatch").put_metric_data(Namespace="AWS/EMRServerless", MetricData=data)
    roles = cloud.host.client("iam").list_roles()["Roles"]
    [role] = [found["Arn"] for found in roles if "-SparkJobRole" in found["RoleName"]]
    driver = {"entryPoint": hanging_job, "sparkSubmitParameters": "--conf spark.sql.catalogImplementation=in-memory"}
    job = emr.start_job_run(
        applicationId=application,
        clientToken="hangs",
        executionRoleArn=role,
        jobDriver={"sparkSubmit": driver},
    )
    cloud.wait_for_alarm(Alarm.LONG_RUN)
    emr.cancel_job_run(applicationId=application, jobRunId=job["jobRunId"])
    cloud.wait_for_job(job["jobRunId"])
