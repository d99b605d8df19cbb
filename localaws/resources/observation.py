"""Log groups, alarms, dashboards, budgets, and what belongs to queries."""

import re
from typing import Any

from localaws.account import ACCOUNT, REGION, LocalAwsError
from localaws.alarms import Condition
from localaws.resources.resource import Made, Maker, Resource, only
from localaws.template import as_text


def _log_group(resource: Resource) -> Made:
    logs = resource.client("logs")
    name = resource.name("LogGroupName", longest=512)
    tags = resource.tags()
    if not resource.before:
        logs.create_log_group(logGroupName=name, tags=tags)
    resource.undo(logs.delete_log_group, logGroupName=name)
    if days := resource.take("RetentionInDays"):
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    elif resource.before:
        logs.delete_retention_policy(logGroupName=name)
    return Made(name, {"Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*"})


def _alarm(resource: Resource) -> Made:
    cloudwatch = resource.client("cloudwatch")
    name = resource.name("AlarmName", longest=255)
    settings = resource.take_all(
        "AlarmActions AlarmDescription ComparisonOperator DatapointsToAlarm Dimensions EvaluationPeriods MetricName "
        "Namespace Period Statistic Threshold TreatMissingData"
    )
    Condition.parse({"AlarmName": name, **settings})
    resource.require_absent(name, cloudwatch.describe_alarms, AlarmNames=[name])
    cloudwatch.put_metric_alarm(AlarmName=name, Tags=resource.tag_list(), **settings)
    resource.undo(cloudwatch.delete_alarms, AlarmNames=[name])
    return Made(name, {"Arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"})


def _dashboard(resource: Resource) -> Made:
    cloudwatch = resource.client("cloudwatch")
    name = resource.name("DashboardName", longest=255)
    body = resource.require("DashboardBody")
    resource.require_absent(name, cloudwatch.get_dashboard, DashboardName=name)
    cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body, Tags=resource.tag_list())
    resource.undo(cloudwatch.delete_dashboards, DashboardNames=[name])
    return Made(name)


def _budget(resource: Resource) -> Made:
    budgets, budget = resource.client("budgets"), resource.require("Budget")
    _check_budget(budget)
    name, limit = budget.get("BudgetName") or resource.generate_name(100), budget["BudgetLimit"]
    wanted = {**budget, "BudgetName": name, "BudgetLimit": {**limit, "Amount": as_text(limit["Amount"])}}
    others = resource.take_all("NotificationsWithSubscribers ResourceTags")
    if resource.before:
        budgets.update_budget(AccountId=ACCOUNT, NewBudget=wanted)
    else:
        budgets.create_budget(AccountId=ACCOUNT, Budget=wanted, **others)
    resource.undo(budgets.delete_budget, AccountId=ACCOUNT, BudgetName=name)
    return Made(name)


def _check_budget(budget: dict[str, Any]) -> None:
    """Refuse a budget that would count nothing: AWS accepts a filter that no cost ever meets."""
    only(budget, "BudgetLimit", "BudgetName", "BudgetType", "CostFilters", "CostTypes", "TimeUnit")
    for wanted in only(budget.get("CostFilters", {}), "TagKeyValue").get("TagKeyValue", ()):
        if not re.fullmatch(r"(user|aws):[^$]+\$.+", wanted):
            raise LocalAwsError(f"A budget names a tag as user:KEY$VALUE; {wanted!r} would count no costs.")


def _workgroup(resource: Resource) -> Made:
    athena, name = resource.client("athena"), resource.require("Name")
    recursive = resource.take("RecursiveDeleteOption", default=False)
    configuration, tags = resource.take("WorkGroupConfiguration", {}), resource.tag_list()
    others = resource.take_all("Description")
    if resource.before:
        changes = dict(configuration)
        if results := changes.pop("ResultConfiguration", None):
            changes["ResultConfigurationUpdates"] = results
        athena.update_work_group(WorkGroup=name, ConfigurationUpdates=changes, **others)
    else:
        athena.create_work_group(Name=name, Configuration=configuration, Tags=tags, **others)
    resource.undo(athena.delete_work_group, WorkGroup=name, RecursiveDeleteOption=recursive)
    return Made(name)


def _named_query(resource: Resource) -> Made:
    athena = resource.client("athena")
    settings = resource.take_all("Database Description Name QueryString WorkGroup")
    query = athena.create_named_query(**settings)["NamedQueryId"]
    resource.undo(athena.delete_named_query, NamedQueryId=query)
    return Made(query, {"NamedQueryId": query})


MAKERS: dict[str, Maker] = {
    "AWS::Athena::NamedQuery": _named_query,
    "AWS::Athena::WorkGroup": _workgroup,
    "AWS::Budgets::Budget": _budget,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::Logs::LogGroup": _log_group,
}
