"""Tests of the template of an environment."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from cdk.packaging import Packages
from cdk.settings import ENVIRONMENTS, EU_REGIONS, Architecture, EnvironmentSettingsError, Iceberg
from contract.alarms import Alarm
from contract.environments import Output
from contract.workflow import BILL_RETRIES
from lambdas.start_run.events import NOTICE_TYPES
from tests.cdk.conftest import BIN, ROOT, Template

SNAPSHOTS = Path(__file__).parent / "snapshots"

FREE_WHILE_IDLE = {
    "AWS::Athena::NamedQuery",
    "AWS::Athena::WorkGroup",
    "AWS::Budgets::Budget",
    "AWS::CDK::Metadata",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table",
    "AWS::EMRServerless::Application",
    "AWS::Glue::Database",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
    "AWS::StepFunctions::StateMachine",
    "Custom::ApplicationDrain",
    "Custom::S3AutoDeleteObjects",
}
"""Types of resources whose idle cost docs/costs.md counts."""


def test_the_checkers_find_nothing(template: Template) -> None:
    """cdk-nag has no finding without an acknowledgement, and cfn-lint has none at all."""
    report = json.loads((template.path.parent / "validation-report.json").read_text())
    conclusions = {plugin["pluginName"]: plugin["conclusion"] for plugin in report["pluginReports"]}
    assert conclusions == {"AwsSolutions": "success", "Serverless": "success"}
    lint = subprocess.run(
        [BIN / "cfn-lint", "-t", template.path, "-r", "eu-west-1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (lint.returncode, lint.stdout) == (0, "")


def test_the_state_machine_is_valid(template: Template, tmp_path: Path) -> None:
    """The definition passes its validator, and the results of the named tasks are dropped."""
    machine = template.one("AWS::StepFunctions::StateMachine")
    definition = template.text(machine["Properties"]["DefinitionString"]).replace("<AWS::Partition>", "aws")
    (tmp_path / "asl.json").write_text(re.sub(r"<RecordingRecordRunFunction\w+\.Arn>", "arn:aws:lambda:x", definition))
    answer = subprocess.run(
        [BIN / "node", ROOT / "node_modules/.bin/asl-validator", "--json-path", tmp_path / "asl.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    document = json.loads(definition)
    assert document["QueryLanguage"] == "JSONPath"
    assert "Assign" not in definition
    dropping = [name for name, state in document["States"].items() if state.get("ResultPath", "$") is None]
    assert {"RecordRun", "WriteFence", "NoteProcessed", "Release", "HandOver"} <= set(dropping)


def test_no_function_makes_a_log_group_that_outlives_the_stack(template: Template) -> None:
    """No role has a managed policy, which would let Lambda create a log group outside of the stack."""
    assert [
        role for role in template.of_type("AWS::IAM::Role").values() if "ManagedPolicyArns" in role["Properties"]
    ] == []


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_template_equals_its_snapshot(
    synthesised: Callable[[str], Template], name: str, request: pytest.FixtureRequest
) -> None:
    """The template equals its snapshot, so that a review shows every change. Hashes of assets are masked."""
    # The suffixes are masked, too, because a policy names its assets in the order of their hashes.
    masked = re.sub(r"[0-9a-f]{64}(\.[a-z]+)*", "<asset>", synthesised(name).path.read_text()) + "\n"
    snapshot = SNAPSHOTS / f"{name}.json"
    if request.config.getoption("--new-snapshots"):
        snapshot.parent.mkdir(exist_ok=True)
        snapshot.write_text(masked)
    assert masked == snapshot.read_text(), "review the difference, then run pytest tests/cdk --new-snapshots"


def test_the_template_refuses_regions_outside_the_eu(template: Template) -> None:
    """A rule of the template refuses other Regions in any deployment."""
    (assertion,) = template.body["Rules"]["InTheEuropeanUnion"]["Assertions"]
    assert assertion["Assert"] == {"Fn::Contains": [list(EU_REGIONS), {"Ref": "AWS::Region"}]}
    assert "European Union" in assertion["AssertDescription"]


def test_every_request_needs_tls(template: Template) -> None:
    """Buckets, queues and topics refuse requests without TLS; buckets are encrypted and not public."""
    for kind in ("S3::Bucket", "SQS::Queue", "SNS::Topic"):
        policies = template.of_type(f"AWS::{kind}Policy").values()
        assert len(policies) == len(template.of_type(f"AWS::{kind}"))
        for policy in policies:
            statements = policy["Properties"]["PolicyDocument"]["Statement"]
            assert any(
                statement["Effect"] == "Deny"
                and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
                for statement in statements
            ), kind
    for bucket in template.of_type("AWS::S3::Bucket").values():
        assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["Properties"]["BucketEncryption"]
        assert "VersioningConfiguration" not in bucket["Properties"]


def test_a_message_is_not_redelivered_during_its_invocation(template: Template) -> None:
    """The visibility timeout is what AWS advises: six times the timeout of the function, plus the window."""
    mapping = template.one("AWS::Lambda::EventSourceMapping")["Properties"]
    function = template.body["Resources"][mapping["FunctionName"]["Ref"]]["Properties"]
    queue = template.body["Resources"][mapping["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
    window = mapping["MaximumBatchingWindowInSeconds"]
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"] + window
    assert (mapping["BatchSize"], window) == (10_000, 60)
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5


def test_the_bucket_sends_the_events_of_images_and_of_nothing_else(template: Template) -> None:
    """Only images cause events, also when a lifecycle rule deletes them; the queue hears this bucket only."""
    buckets = template.of_type("AWS::S3::Bucket").values()
    (bucket,) = (found for found in buckets if "NotificationConfiguration" in found["Properties"])
    sent = bucket["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert {one["Event"] for one in sent} == {f"s3:{name}:*" for name in NOTICE_TYPES}
    assert {json.dumps(one["Filter"]) for one in sent} == {
        json.dumps({"S3Key": {"Rules": [{"Name": "prefix", "Value": "images/"}]}})
    }
    name = template.text(bucket["Properties"]["BucketName"])
    (allowing,) = (
        statement
        for policy in template.of_type("AWS::SQS::QueuePolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    )
    source = allowing["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert template.text(source) == f"arn:<AWS::Partition>:s3:::{name}"
    assert allowing["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert any(needed in template.of_type("AWS::SQS::QueuePolicy") for needed in bucket["DependsOn"])


def test_spark_costs_nothing_while_it_is_idle(template: Template) -> None:
    """The application has no pre-initialised capacity, stops when it is idle, and has a maximum capacity."""
    application = template.one("AWS::EMRServerless::Application")["Properties"]
    assert "InitialCapacity" not in application
    assert application["AutoStopConfiguration"] == {"Enabled": True, "IdleTimeoutMinutes": 1}
    assert application["SchedulerConfiguration"]["MaxConcurrentRuns"] == 1
    assert application["MaximumCapacity"].keys() == {"Cpu", "Memory", "Disk"}
    assert application["ReleaseLabel"] == "emr-spark-8.1.0"
    assert "NetworkConfiguration" not in application


def test_every_change_of_the_application_makes_another_one(synthesised: Callable[..., Template]) -> None:
    """Its name, which CloudFormation can't update in place, differs with any setting, and only then."""
    names = {
        synthesised("dev", **values).one("AWS::EMRServerless::Application")["Properties"]["Name"]
        for values in ({}, {"results_days": 9}, {"idle_minutes": 2}, {"architecture": Architecture.X86_64})
    }
    assert len(names) == 3
    assert all(re.fullmatch(r"fruits-dev-[0-9a-f]{8}", name) for name in names)


def test_the_application_is_drained_before_anything_that_runs_use_is_deleted(template: Template) -> None:
    """CloudFormation deletes in the reverse order of dependencies: first what starts runs, then the drain."""
    (drain,) = template.of_type("Custom::ApplicationDrain")
    for starter in ("AWS::Lambda::EventSourceMapping", "AWS::Scheduler::Schedule"):
        assert all(drain in _needed_by(template, name) for name in template.of_type(starter))
    kinds = {template.body["Resources"][name]["Type"] for name in _needed_by(template, drain)}
    assert kinds >= {
        *("AWS::EMRServerless::Application", "AWS::StepFunctions::StateMachine", "AWS::DynamoDB::Table"),
        *("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::Glue::Database", "AWS::IAM::Policy", "AWS::Logs::LogGroup"),
    }
    emptying = template.of_type("Custom::S3AutoDeleteObjects")
    assert emptying.keys() <= _needed_by(template, drain)


def _needed_by(template: Template, name: str) -> set[str]:
    """Return the names of the resources that a resource depends on, directly or not."""
    found: set[str] = set()
    left = [name]
    while left:
        resource = template.body["Resources"][left.pop()]
        used = {other for other in template.body["Resources"] if f'"{other}"' in json.dumps(resource)}
        left += used - found
        found |= used
    return found - {name}


def test_jobs_may_read_the_files_of_every_deployment_of_their_environment(template: Template) -> None:
    """A run whose deployment is replaced reads its own files until it ends, and no files of other stacks."""
    name = template.path.name.removesuffix(".template.json")
    (statement,) = (
        statement
        for policy in template.of_type("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "Program"
    )
    assert template.text(statement["Resource"]).endswith(f"-assets-<AWS::AccountId>-eu-west-1/{name}/*")
    assets = json.loads(template.path.with_name(f"{name}.assets.json").read_text())["files"].values()
    keys = {place["objectKey"] for asset in assets for place in asset["destinations"].values()}
    assert all(key.startswith(f"{name}/") for key in keys)


def test_nothing_costs_while_nothing_happens(template: Template) -> None:
    """docs/costs.md counts the idle cost of all types of resources in the template."""
    kinds = {resource["Type"] for resource in template.body["Resources"].values()}
    assert kinds <= FREE_WHILE_IDLE
    assert template.one("AWS::DynamoDB::Table")["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def test_dev_leaves_nothing_behind(synthesised: Callable[[str], Template]) -> None:
    """Every resource of dev is deleted with the stack, buckets are emptied before, and nothing is scheduled."""
    dev = synthesised("dev")
    kept = [key for key, found in dev.body["Resources"].items() if "Retain" in found.get("DeletionPolicy", "")]
    assert kept == []
    assert len(dev.of_type("Custom::S3AutoDeleteObjects")) == len(dev.of_type("AWS::S3::Bucket"))
    assert dev.of_type("AWS::Scheduler::Schedule") == {}
    assert dev.one("AWS::Athena::WorkGroup")["Properties"]["RecursiveDeleteOption"] is True


def test_prod_keeps_its_data(synthesised: Callable[[str], Template]) -> None:
    """Buckets and database of prod outlive the stack, which is protected. A creation that fails leaves nothing."""
    prod = synthesised("prod")
    for kind in ("AWS::S3::Bucket", "AWS::Glue::Database"):
        assert {found["DeletionPolicy"] for found in prod.of_type(kind).values()} == {"RetainExceptOnCreate"}
        assert {found["UpdateReplacePolicy"] for found in prod.of_type(kind).values()} == {"Retain"}
    manifest = json.loads((prod.path.parent / "manifest.json").read_text())
    assert manifest["artifacts"]["fruits-prod"]["properties"]["terminationProtection"] is True
    modes = {
        json.loads(s["Properties"]["Target"]["Input"])["mode"]
        for s in prod.of_type("AWS::Scheduler::Schedule").values()
    }
    assert modes == {"reconcile", "maintain"}


def test_the_daily_runs_start_at_times_that_exist(synthesised: Callable[[str], Template]) -> None:
    """The schedules are daily, in the time of Paris, and not in the hour that the beginning of summer time skips."""
    schedules = [found["Properties"] for found in synthesised("prod").of_type("AWS::Scheduler::Schedule").values()]
    assert {one["ScheduleExpression"] for one in schedules} == {"cron(30 1 * * ? *)", "cron(30 4 * * ? *)"}
    assert {one["ScheduleExpressionTimezone"] for one in schedules} == {"Europe/Paris"}


def test_the_last_complete_results_never_expire(template: Template) -> None:
    """Only tagged results expire. Incomplete uploads, query results and leftovers always do."""
    bucket = next(b for b in template.of_type("AWS::S3::Bucket").values() if "BucketName" in b["Properties"])
    rules = {rule["Id"]: rule for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]}
    assert rules["old-results"]["TagFilters"] == [{"Key": "superseded", "Value": "true"}]
    assert rules["old-results"]["Prefix"] == "results/"
    assert rules["old-pictures"]["TagFilters"] == [{"Key": "pictures", "Value": "true"}]
    assert rules["old-pictures"]["Prefix"] == "results/"
    assert rules["old-pictures"]["ExpirationInDays"] < rules["old-results"]["ExpirationInDays"]
    assert rules["incomplete-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    expiring = {rule["Prefix"] for rule in rules.values() if "ExpirationInDays" in rule}
    assert expiring == {"results/", "inbox/rejected/", "athena/", "staging/"}


def test_alarms_and_budget_reach_the_address(template: Template) -> None:
    """Every alarm goes to the topic, and the topic and the budget have the address."""
    alarms = template.of_type("AWS::CloudWatch::Alarm")
    watched = {alarm["Properties"].get("MetricName") for alarm in alarms.values()}
    assert watched == {
        "ApproximateNumberOfMessagesVisible",
        "ApproximateAgeOfOldestMessage",
        "ExecutionsFailed",
        "ExecutionsAborted",
        "RunningJobs",
        "Errors",
    }
    assert {alarm["Properties"]["AlarmName"].partition("-")[2].partition("-")[2] for alarm in alarms.values()} == {
        *Alarm
    }
    thresholds = {a["Properties"]["AlarmName"].split("-")[-1]: a["Properties"]["Threshold"] for a in alarms.values()}
    # Two runs may end within the period of the alarm, and AWS may not report the cost of either yet.
    assert thresholds["ErrorsRecordRun"] == 2 * BILL_RETRIES
    assert thresholds["ErrorsStartRun"] == 0
    (topic,) = template.of_type("AWS::SNS::Topic")
    assert all(alarm["Properties"]["AlarmActions"] == [{"Ref": topic}] for alarm in alarms.values())
    assert template.one("AWS::SNS::Subscription")["Properties"]["Endpoint"] == "alarms@example.org"
    budget = template.one("AWS::Budgets::Budget")["Properties"]
    assert {
        subscriber["Address"]
        for notification in budget["NotificationsWithSubscribers"]
        for subscriber in notification["Subscribers"]
    } == {"alarms@example.org"}


def test_the_topic_lets_the_alarms_of_the_environment_publish(template: Template) -> None:
    """A policy replaces the default one: it must allow CloudWatch to publish, for alarms of this environment only."""
    (statement,) = (
        statement
        for statement in template.one("AWS::SNS::TopicPolicy")["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    )
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    pattern = template.text(statement["Condition"]["ArnLike"]["aws:SourceArn"])
    names = {alarm["Properties"]["AlarmName"] for alarm in template.of_type("AWS::CloudWatch::Alarm").values()}
    prefix = pattern.rpartition(":")[2].removesuffix("*")
    assert prefix in {"fruits-dev-", "fruits-prod-"}
    assert all(name.startswith(prefix) for name in names)


def test_a_long_run_raises_an_alarm_while_it_runs(template: Template) -> None:
    """The alarm looks at the jobs that run, for as many periods as a usual run takes, within CloudWatch's limits."""
    (alarm,) = (
        found["Properties"]
        for found in template.of_type("AWS::CloudWatch::Alarm").values()
        if found["Properties"]["AlarmName"].endswith(Alarm.LONG_RUN)
    )
    (application,) = template.of_type("AWS::EMRServerless::Application")
    name = template.one("AWS::EMRServerless::Application")["Properties"]["Name"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == (
        "AWS/EMRServerless",
        "RunningJobs",
        "Minimum",
    )
    assert {one["Name"]: one["Value"] for one in alarm["Dimensions"]} == {
        "ApplicationId": {"Fn::GetAtt": [application, "ApplicationId"]},
        "ApplicationName": name,
    }
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 60 * ENVIRONMENTS["prod"].usual_run_minutes
    longest = replace(ENVIRONMENTS["prod"], usual_run_minutes=1440).usual_run_minutes * 60
    assert longest <= 86_400


def test_the_budget_counts_what_the_environment_costs(template: Template) -> None:
    """Its filter names a tag that the resources have, and it does not deduct the credits of a new account."""
    budget = template.one("AWS::Budgets::Budget")["Properties"]["Budget"]
    ((key, value),) = (one.split("$") for one in budget["CostFilters"]["TagKeyValue"])
    assert key == "user:environment"
    application = template.one("AWS::EMRServerless::Application")["Properties"]
    assert {"Key": "environment", "Value": value} in application["Tags"]
    assert budget["CostTypes"] == {"IncludeCredit": False, "IncludeRefund": False}


def test_all_logs_of_jobs_are_in_the_log_group_and_nowhere_else(template: Template) -> None:
    """Driver and executors log to CloudWatch. EMR keeps no copy, which would outlive the environment."""
    monitoring = template.one("AWS::EMRServerless::Application")["Properties"]["MonitoringConfiguration"]
    logged = {one["Key"]: one["Value"] for one in monitoring["CloudWatchLoggingConfiguration"]["LogTypeMap"]}
    assert logged == {"SPARK_DRIVER": ["STDOUT", "STDERR"], "SPARK_EXECUTOR": ["STDOUT", "STDERR"]}
    assert monitoring["ManagedPersistenceMonitoringConfiguration"] == {"Enabled": False}


def test_queries_are_limited_and_read_the_tables_of_the_environment(template: Template) -> None:
    """The workgroup limits the data that a query reads; the saved queries are of its database."""
    configuration = template.one("AWS::Athena::WorkGroup")["Properties"]["WorkGroupConfiguration"]
    assert configuration["BytesScannedCutoffPerQuery"] == 10 * 10**9
    assert configuration["EnforceWorkGroupConfiguration"] is True
    queries = {
        found["Properties"]["Name"]: found["Properties"]
        for found in template.of_type("AWS::Athena::NamedQuery").values()
    }
    assert queries.keys() == {"MatrixByLabel", "RejectsOfLastRun", "WorstFindings", "Duplicates"}
    assert {query["Database"] for query in queries.values()} == {template.body["Outputs"]["Database"]["Value"]}


def test_every_output_exists(template: Template) -> None:
    """The template has every output that the commands read."""
    assert {output.value for output in Output} <= template.body["Outputs"].keys()


def test_packages_are_built_when_they_are_published(template: Template) -> None:
    """The assets name packages by their inputs, and contain the commands that build them."""
    assets = json.loads(template.path.with_name(template.path.name.replace("template", "assets")).read_text())["files"]
    built = [asset["source"]["executable"] for asset in assets.values() if "executable" in asset["source"]]
    assert sorted(command[3] for command in built) == sorted(field.name for field in fields(Packages))
    suffixes = sorted(Path(key).suffix for key, asset in assets.items() if "executable" in asset["source"])
    assert suffixes == [".jar", ".jar", ".tgz", ".tgz", ".zip", ".zip", ".zip", ".zip"]


def test_jobs_can_use_the_iceberg_of_the_image(synthesised: Callable[..., Template]) -> None:
    """With that setting, jobs name the jar that AWS documents, and the deployment publishes and grants no other."""
    image = synthesised("dev", iceberg=Iceberg.IMAGE)
    definition = image.text(image.one("AWS::StepFunctions::StateMachine")["Properties"]["DefinitionString"])
    assert " --conf spark.jars=/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar " in definition
    for template, jars in ((image, 0), (synthesised("dev"), 2)):
        path = template.path.with_name(template.path.name.replace("template", "assets"))
        assets = json.loads(path.read_text())["files"]
        assert sum(key.endswith(".jar") for key in assets) == jars


def test_spark_reads_from_its_own_region_and_without_hive(template: Template) -> None:
    """S3A knows the Region of the buckets; Spark's own catalog is in memory, as in the rehearsal."""
    definition = template.text(template.one("AWS::StepFunctions::StateMachine")["Properties"]["DefinitionString"])
    assert " --conf spark.sql.catalogImplementation=in-memory " in definition
    assert " --conf spark.hadoop.fs.s3a.endpoint.region=eu-west-1 " in definition


def _synth(arguments: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Call the CDK command without an account, a network or Docker."""
    environment = {"PATH": f"{BIN}:/bin", "HOME": str(folder), "HTTPS_PROXY": "http://127.0.0.1:9", "CI": "true"}
    return subprocess.run(
        [BIN / "cdk", "synth", "--quiet", "--output", str(folder / "out"), *arguments],
        cwd=ROOT,
        env=environment | {key: os.environ[key] for key in ("LANG",) if key in os.environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_synthesis_needs_no_account_and_no_network(tmp_path: Path) -> None:
    """The CDK command synthesises an environment without an account and a network."""
    answer = _synth(["-c", "env=staging", "-c", 'rehearsal={"weights": "seeded"}'], tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "out" / "fruits-staging.template.json").is_file()


def test_a_mistake_yields_a_sentence(tmp_path: Path) -> None:
    """A mistake in the context yields a sentence and no traceback."""
    answer = _synth(["-c", 'rehearsal={"weights": "nowhere.h5"}'], tmp_path)
    assert answer.returncode != 0
    assert "Weights must be imagenet, seeded, or an existing .h5 or .keras file" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        ({"env": "nowhere"}, "There is no environment 'nowhere': it is one of dev, staging, prod."),
        ({"env": "dev", "rehearsal": "seeded"}, "-c rehearsal must be a JSON object of settings, not 'seeded'."),
        ({"env": "dev", "email": "a@b.org"}, "keep it with `make deploy ENV=dev EMAIL=a@b.org`."),
    ],
)
@pytest.mark.usefixtures("synthesised")
def test_the_context_names_an_environment_and_nothing_that_is_forgotten(context: dict[str, str], sentence: str) -> None:
    """A value that only this deployment would know is refused, with the command that keeps it."""
    from aws_cdk import App

    from cdk.app import settings_of

    with pytest.raises(EnvironmentSettingsError, match=re.escape(sentence)):
        settings_of(App(context=context))
