"""Who is told when something breaks or costs too much, and one page that shows how it goes."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_sns_subscriptions import EmailSubscription
from constructs import Construct

from cdk.acknowledgements import acknowledge
from cdk.settings import Environment
from cdk.stateful.queues import EventQueue
from contract.environments import stack_name
from contract.functions import DIMENSION, Function, Metric, metrics_namespace
from contract.workflow import BILL_RETRIES

MINUTES = Duration.minutes(5)
OLD_MESSAGE = Duration.minutes(30)
"""An event that waits longer is one that `start_run` doesn't get done with."""

EXPECTED_ERRORS = {"RecordRun": 2 * BILL_RETRIES}
"""Function → errors within `MINUTES` that are no news: while a bill is not there, it fails, to be asked again."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What is watched."""

    events: EventQueue
    state_machine: sfn.StateMachine
    functions: Mapping[str, lambda_.Function]
    """Name → function."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """When to raise an alarm: a metric above a limit.

    Attributes
    ----------
    name, meaning
        Of the alarm; the meaning says what to do.
    metric
        To be watched.
    above
        The limit.
    """

    name: str
    meaning: str
    metric: cloudwatch.IMetric
    above: float


class Monitoring(Construct):
    """A topic, its alarms, a dashboard and a budget.

    Attributes
    ----------
    topic
        Takes the alarms.
    dashboard
        Its name.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Environment, watched: Watched) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._name = stack_name(settings.name)
        self.topic = sns.Topic(self, "Alarms", display_name=f"Fruits {settings.name}", enforce_ssl=True)
        no_key = "CloudWatch may not use AWS's own key for topics, and alarms hold no personal data."
        if settings.alarm_email:
            self.topic.add_subscription(EmailSubscription(settings.alarm_email))
        acknowledge(
            self.topic,
            {
                "CKV_AWS_26": no_key,
                "AwsSolutions-SNS2": no_key,
                "Serverless-SNSRedrivePolicy": "What an e-mail server refuses can't be delivered later by a queue.",
            },
        )
        alarms = [self._alarm(condition) for condition in self._conditions(watched)]
        self.dashboard = self._name
        self._dashboard(watched, alarms)
        self._budget()

    def _conditions(self, watched: Watched) -> list[Condition]:
        events, machine = watched.events, watched.state_machine
        ends = {
            "Failed": (machine.metric_failed(period=MINUTES), "See its cause; the notices wait for the next run."),
            "TimedOut": (machine.metric_timed_out(period=MINUTES), "See where it stands."),
            "Aborted": (machine.metric_aborted(period=MINUTES), "Somebody stopped it; the next run takes over."),
        }
        return [
            Condition(
                name="DeadLetters",
                meaning="Messages that are no events of images were set aside. Look at them, then delete or redrive.",
                metric=events.dead_letters.metric_approximate_number_of_messages_visible(
                    period=MINUTES, statistic="Maximum"
                ),
                above=0,
            ),
            Condition(
                name="OldestMessage",
                meaning="Events wait: see the log of start_run.",
                metric=events.queue.metric_approximate_age_of_oldest_message(period=MINUTES, statistic="Maximum"),
                above=OLD_MESSAGE.to_seconds(),
            ),
            *(
                Condition(name=f"Execution{end}", meaning=f"An execution: {end}. {advice}", metric=metric, above=0)
                for end, (metric, advice) in ends.items()
            ),
            Condition(
                name="LongRun",
                meaning="A job took longer than usual: see its log, and usual_run_minutes in the settings.",
                metric=self._run_metric(Metric.RUN_SECONDS, "Maximum"),
                above=self._settings.usual_run_minutes * 60,
            ),
            *(
                Condition(
                    name=f"Errors{name}",
                    meaning="The function failed: see its log. Its messages are delivered again.",
                    metric=function.metric_errors(period=MINUTES),
                    above=EXPECTED_ERRORS.get(name, 0),
                )
                for name, function in watched.functions.items()
            ),
        ]

    def _alarm(self, condition: Condition) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            condition.name,
            alarm_name=f"{self._name}-{condition.name}",
            alarm_description=condition.meaning,
            metric=condition.metric,
            threshold=condition.above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(SnsAction(self.topic))
        return alarm

    def _dashboard(self, watched: Watched, alarms: list[cloudwatch.Alarm]) -> None:
        machine, events = watched.state_machine, watched.events
        graphs = {
            "Executions": [machine.metric_succeeded(), machine.metric_failed(), machine.metric_started()],
            "Runs: seconds": [self._run_metric(Metric.RUN_SECONDS, "Maximum")],
            "Runs: USD": [self._run_metric(Metric.RUN_COST_USD, "Sum")],
            "Notices": [
                self._function_metric(Metric.NOTICES, Function.START_RUN),
                self._function_metric(Metric.UNUSABLE_NAMES, Function.START_RUN),
            ],
            "Events waiting": [
                events.queue.metric_approximate_number_of_messages_visible(),
                events.dead_letters.metric_approximate_number_of_messages_visible(),
            ],
            "Functions: errors": [function.metric_errors() for function in watched.functions.values()],
        }
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=self.dashboard,
            widgets=[
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=[*alarms], width=24, height=3)],
                [cloudwatch.GraphWidget(title=title, left=[*metrics], width=8) for title, metrics in graphs.items()],
            ],
        )

    def _budget(self) -> None:
        email = self._settings.alarm_email
        budget = budgets.CfnBudget
        budget(
            self,
            "Budget",
            budget=budget.BudgetDataProperty(
                budget_name=self._name,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budget.SpendProperty(amount=self._settings.monthly_budget_usd, unit="USD"),
                # The tag counts only once it is activated for cost allocation in the account's billing settings.
                cost_filters={"TagKeyValue": [f"user:environment${self._name}"]},
            ),
            notifications_with_subscribers=[
                budget.NotificationWithSubscribersProperty(
                    notification=budget.NotificationProperty(
                        comparison_operator="GREATER_THAN",
                        notification_type=kind,
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[budget.SubscriberProperty(address=email, subscription_type="EMAIL")],
                )
                for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
                if email
            ],
        )

    def _run_metric(self, metric: Metric, statistic: str) -> cloudwatch.Metric:
        return self._function_metric(metric, Function.RECORD_RUN, statistic)

    def _function_metric(self, metric: Metric, function: Function, statistic: str = "Sum") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=metrics_namespace(self._settings.name),
            metric_name=metric.value,
            dimensions_map={DIMENSION: function.value},
            statistic=statistic,
            period=MINUTES,
        )
