"""Tests of docs/gdpr.md and its translation: what they promise about stores and retentions is what is deployed."""

import re
from dataclasses import fields

import pytest

from cdk.settings import ENVIRONMENTS, EU_REGIONS, Environment
from cdk.stateful.bucket import QUERY_DAYS, STAGING_DAYS, UPLOAD_DAYS
from cdk.stateful.queues import MESSAGE_RETENTION
from contract import layout
from contract.notices import Notice
from contract.tables import Table
from lambdas.start_run.intake import REMEMBERED
from spark_app.tables import ADDED_COLUMNS, TABLE_COLUMNS
from tests.handover.pages import both, code_in, resources, rows_between

TEXTS = both("gdpr")
LANGUAGES = pytest.mark.parametrize("text", TEXTS, ids=["english", "french"])

NEVER = "\N{EN DASH}"
SECONDS_PER_DAY = 86_400


def _retentions(settings: Environment) -> list[str]:
    """Return the cells of an environment in the order of the table."""
    pages, results, logs = settings.retention_days, settings.results_days, settings.logs_days
    fixed = (QUERY_DAYS, STAGING_DAYS, UPLOAD_DAYS, int(MESSAGE_RETENTION.to_days()), REMEMBERED.days)
    return [NEVER, *map(str, (pages, pages, results, logs, logs, logs, *fixed))]


@LANGUAGES
def test_the_retentions_are_those_of_the_settings(text: str) -> None:
    """The table has the retention of each store in each environment."""
    columns = zip(*(row[2:] for row in rows_between(text, "retention")), strict=True)
    assert [list(column) for column in columns] == [_retentions(settings) for settings in ENVIRONMENTS.values()]


@LANGUAGES
@pytest.mark.parametrize(("environment", "column"), [("dev", 2), ("prod", 4)])
def test_the_retentions_are_those_of_the_template(text: str, environment: str, column: int) -> None:
    """The table names all lifecycle rules of the buckets with their days, and the days of log groups and queues."""
    rows = rows_between(text, "retention")
    named = {code: row[column] for row in rows for code in code_in(row[1]) if "-" in code or code == "expire"}
    assert named == _lifecycle_rules(environment)
    (logs,) = {group["RetentionInDays"] for group in resources(environment, "AWS::Logs::LogGroup").values()}
    (messages,) = {queue["MessageRetentionPeriod"] for queue in resources(environment, "AWS::SQS::Queue").values()}
    days = {row[1].partition(" ")[0]: row[column] for row in rows}
    assert (days["CloudWatch"], days["SQS"]) == (str(logs), str(messages // SECONDS_PER_DAY))


def _lifecycle_rules(environment: str) -> dict[str, str]:
    buckets = resources(environment, "AWS::S3::Bucket").values()
    rules = [rule for bucket in buckets for rule in bucket["LifecycleConfiguration"]["Rules"]]
    abort = "AbortIncompleteMultipartUpload"
    return {
        rule["Id"]: str(rule[abort]["DaysAfterInitiation"] if abort in rule else rule["ExpirationInDays"])
        for rule in rules
    }


@LANGUAGES
def test_no_old_version_survives_an_erased_object(text: str) -> None:
    """The page says that the buckets have no versions and nothing replicates them, and so does the template."""
    assert re.search(r"has no versions|n’a pas de versions", text)
    for bucket in resources("prod", "AWS::S3::Bucket").values():
        assert {"VersioningConfiguration", "ReplicationConfiguration", "ObjectLockEnabled"} & bucket.keys() == set()


@LANGUAGES
def test_the_data_map_has_every_folder_of_the_bucket(text: str) -> None:
    """Each folder that the code composes keys in is a row of the data map, and no other is."""
    folders = {
        value
        for name, value in vars(layout).items()
        if name.isupper() and isinstance(value, str) and value.endswith("/") and not value.startswith("/")
    }
    rows = re.findall(r"^\| `root/([\w/]+?/)(?:<\w+>/)?`", text, re.MULTILINE)
    assert set(rows) == folders


@LANGUAGES
def test_the_columns_of_the_tables_are_judged(text: str) -> None:
    """The page lists every column of every table, and none of them comes from EXIF but the upright size."""
    listed = {code_in(table)[0]: code_in(columns) for table, columns in rows_between(text, "columns")}
    assert listed == {table.value: _columns(table) for table in TABLE_COLUMNS}


def _columns(table: Table) -> list[str]:
    return [*re.findall(r"^\s*(\w+)", TABLE_COLUMNS[table], re.MULTILINE), *ADDED_COLUMNS[table]]


@LANGUAGES
def test_a_notice_has_five_fields_and_no_address(text: str) -> None:
    """What the event of an upload says about a person ends with the message."""
    assert re.search(r"A notice has five fields|Un avis a cinq champs", text)
    assert [field.name for field in fields(Notice)] == ["key", "op", "etag", "size", "sequencer"]


@LANGUAGES
def test_emr_keeps_no_second_copy_of_the_logs(text: str) -> None:
    """The page says that the copy is off, and the application has it off."""
    assert re.search(r"switches off the second copy of logs|désactive la seconde", text)
    (application,) = resources("prod", "AWS::EMRServerless::Application").values()
    monitoring = application["MonitoringConfiguration"]
    assert monitoring["ManagedPersistenceMonitoringConfiguration"] == {"Enabled": False}


@LANGUAGES
def test_the_region_of_the_page_is_the_default_and_in_the_union(text: str) -> None:
    """The page names the default Region, and neither London nor Zurich is accepted."""
    region = next(field.default for field in fields(Environment) if field.name == "region")
    assert f"`{region}`" in text
    assert region in EU_REGIONS
    assert {"eu-west-2", "eu-central-2"} & {*EU_REGIONS} == set()
