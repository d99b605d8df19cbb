"""Alarms and a budget, which report failures and costs by e-mail, and a dashboard."""

from collections.abc import Mapping

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

PERIOD = Duration.minutes(5)

MAX_MESSAGE_AGE = Duration.minutes(30)
"""Age of the oldest message above which `start_run` is not keeping up."""

EXPECTED_ERRORS = {Function.START_RUN: 0, Function.RECORD_RUN: 2 * BILL_RETRIES}
"""Number of errors in a period that are normal: `record_run` fails while AWS does not report the cost of a job run."""

AFTER_ERRORS = {
    Function.START_RUN: "The queue delivers its messages again.",
    Function.RECORD_RUN: "A run has no run.json; its results are complete.",
}
"""What follows from errors of a function, for the description of its alarm."""


class Monitoring(Construct):
    """A topic with its alarms, a dashboard and a budget.

    Attributes
    ----------
    dashboard
        Name of the dashboard.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Environment,
        events: EventQueue,
        state_machine: sfn.StateMachine,
        functions: Mapping[Function, lambda_.Function],
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._events, self._state_machine, self._functions = events, state_machine, functions
        self.dashboard = stack_name(settings.name)
        self._topic = self._make_topic()
        alarms = [*self._queue_alarms(), *self._execution_alarms(), self._duration_alarm(), *self._function_alarms()]
        self._make_dashboard(alarms)
        self._make_budget()

    def _make_topic(self) -> sns.Topic:
        topic = sns.Topic(self, "Alarms", display_name=f"Fruits {self._settings.name}", enforce_ssl=True)
        if self._settings.alarm_email:
            topic.add_subscription(EmailSubscription(self._settings.alarm_email))
        no_key = "CloudWatch may not use AWS's own key for topics, and alarms hold no personal data."
        reasons = {
            "CKV_AWS_26": no_key,
            "AwsSolutions-SNS2": no_key,
            "Serverless-SNSRedrivePolicy": "A queue can't deliver an e-mail that the mail server has refused.",
        }
        acknowledge(topic, reasons)
        return topic

    def _queue_alarms(self) -> list[cloudwatch.Alarm]:
        dead_letters = self._events.dead_letters.metric_approximate_number_of_messages_visible(
            period=PERIOD, statistic="Maximum"
        )
        age = self._events.queue.metric_approximate_age_of_oldest_message(period=PERIOD, statistic="Maximum")
        return [
            self._alarm(
                "DeadLetters",
                "start_run failed on messages, or they are not events of images: read, then redrive or delete them.",
                dead_letters,
            ),
            self._alarm(
                "OldestMessage", "Events wait too long: read the log of start_run.", age, MAX_MESSAGE_AGE.to_seconds()
            ),
        ]

    def _execution_alarms(self) -> list[cloudwatch.Alarm]:
        machine = self._state_machine
        alarms = {
            "ExecutionFailed": (
                "An execution failed: read its cause. The notices wait for the next run.",
                machine.metric_failed(period=PERIOD),
            ),
            "ExecutionTimedOut": (
                "An execution timed out: see which state it was in.",
                machine.metric_timed_out(period=PERIOD),
            ),
            "ExecutionAborted": (
                "A user stopped an execution. The next run takes over its lease.",
                machine.metric_aborted(period=PERIOD),
            ),
        }
        return [self._alarm(name, meaning, metric) for name, (meaning, metric) in alarms.items()]

    def _duration_alarm(self) -> cloudwatch.Alarm:
        return self._alarm(
            "LongRun",
            "A job run took longer than usual: read its log, and see usual_run_minutes in the settings.",
            self._run_metric(Metric.RUN_SECONDS, "Maximum"),
            self._settings.usual_run_minutes * 60,
        )

    def _function_alarms(self) -> list[cloudwatch.Alarm]:
        return [
            self._alarm(
                f"Errors{name.title().replace('_', '')}",
                f"{name} failed: read its log. {AFTER_ERRORS[name]}",
                function.metric_errors(period=PERIOD),
                EXPECTED_ERRORS[name],
            )
            for name, function in self._functions.items()
        ]

    def _alarm(self, name: str, meaning: str, metric: cloudwatch.IMetric, above: float = 0) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{stack_name(self._settings.name)}-{name}",
            alarm_description=meaning,
            metric=metric,
            threshold=above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(SnsAction(self._topic))
        return alarm

    def _make_dashboard(self, alarms: list[cloudwatch.Alarm]) -> None:
        machine, events = self._state_machine, self._events
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
            "Functions: errors": [function.metric_errors() for function in self._functions.values()],
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

    def _make_budget(self) -> None:
        name, email, budget = stack_name(self._settings.name), self._settings.alarm_email, budgets.CfnBudget
        budget(
            self,
            "Budget",
            budget=budget.BudgetDataProperty(
                budget_name=name,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budget.SpendProperty(amount=self._settings.monthly_budget_usd, unit="USD"),
                # The filter works once the tag is activated for cost allocation in the account's billing settings.
                cost_filters={"TagKeyValue": [f"user:environment${name}"]},
            ),
            notifications_with_subscribers=[
                _budget_message(email, kind, percent)
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
            period=PERIOD,
        )


def _budget_message(email: str, kind: str, percent: int) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
    budget = budgets.CfnBudget
    return budget.NotificationWithSubscribersProperty(
        notification=budget.NotificationProperty(
            comparison_operator="GREATER_THAN",
            notification_type=kind,
            threshold=percent,
            threshold_type="PERCENTAGE",
        ),
        subscribers=[budget.SubscriberProperty(address=email, subscription_type="EMAIL")],
    )
