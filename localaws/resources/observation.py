"""What there is to look at: logs, alarms, the dashboard, the budget, queries."""

from typing import Any

from localaws.account import ACCOUNT, REGION
from localaws.resources.resource import Made, Resource, as_tag_list
from localaws.template import as_text


def make_log_group(resource: Resource) -> Made:
    """Make an ``AWS::Logs::LogGroup``."""
    logs = resource.client("logs")
    name = resource.take("LogGroupName") or resource.generate_name(512)
    logs.create_log_group(logGroupName=name, tags=resource.tags())
    resource.undo(logs.delete_log_group, logGroupName=name)
    if days := resource.take("RetentionInDays"):
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    return Made(name, {"Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*"})


def make_alarm(resource: Resource) -> Made:
    """Make an ``AWS::CloudWatch::Alarm``."""
    cloudwatch = resource.client("cloudwatch")
    name = resource.take("AlarmName") or resource.generate_name(255)
    settings = resource.same(
        "AlarmActions",
        "AlarmDescription",
        "ComparisonOperator",
        "DatapointsToAlarm",
        "Dimensions",
        "EvaluationPeriods",
        "MetricName",
        "Namespace",
        "Period",
        "Statistic",
        "Threshold",
        "TreatMissingData",
    )
    cloudwatch.put_metric_alarm(AlarmName=name, Tags=as_tag_list(resource.tags()), **settings)
    resource.undo(cloudwatch.delete_alarms, AlarmNames=[name])
    return Made(name, {"Arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"})


def make_dashboard(resource: Resource) -> Made:
    """Make an ``AWS::CloudWatch::Dashboard``."""
    cloudwatch = resource.client("cloudwatch")
    name = resource.take("DashboardName") or resource.generate_name(255)
    tags, body = as_tag_list(resource.tags()), resource.demand("DashboardBody")
    cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body, Tags=tags)
    resource.undo(cloudwatch.delete_dashboards, DashboardNames=[name])
    return Made(name)


def make_budget(resource: Resource) -> Made:
    """Make an ``AWS::Budgets::Budget``."""
    budgets, budget = resource.client("budgets"), resource.demand("Budget")
    limit = budget["BudgetLimit"]
    arguments: dict[str, Any] = {"ResourceTags": resource.take("ResourceTags", [])}
    if notifications := resource.take("NotificationsWithSubscribers"):
        arguments["NotificationsWithSubscribers"] = notifications
    name = budget.get("BudgetName") or resource.generate_name(100)
    wanted = {**budget, "BudgetName": name, "BudgetLimit": {**limit, "Amount": as_text(limit["Amount"])}}
    budgets.create_budget(AccountId=ACCOUNT, Budget=wanted, **arguments)
    resource.undo(budgets.delete_budget, AccountId=ACCOUNT, BudgetName=name)
    return Made(name)


def make_workgroup(resource: Resource) -> Made:
    """Make an ``AWS::Athena::WorkGroup``."""
    athena, name = resource.client("athena"), resource.demand("Name")
    recursive = resource.take("RecursiveDeleteOption", default=False)
    athena.create_work_group(
        Name=name,
        Configuration=resource.take("WorkGroupConfiguration", {}),
        Tags=as_tag_list(resource.tags()),
        **resource.same("Description"),
    )
    resource.undo(athena.delete_work_group, WorkGroup=name, RecursiveDeleteOption=recursive)
    return Made(name)


def make_named_query(resource: Resource) -> Made:
    """Make an ``AWS::Athena::NamedQuery``."""
    athena = resource.client("athena")
    settings = resource.same("Database", "Description", "Name", "QueryString", "WorkGroup")
    query = athena.create_named_query(**settings)["NamedQueryId"]
    resource.undo(athena.delete_named_query, NamedQueryId=query)
    return Made(query, {"NamedQueryId": query})
