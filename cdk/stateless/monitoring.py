"""Alarms and a budget, which report failures and costs by e-mail, and a dashboard."""

from collections.abc import Mapping
from math import ceil

from aws_cdk import Aws, Duration
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_emrserverless as emrserverless
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_sns_subscriptions import EmailSubscription
from constructs import Construct

from cdk.acknowledgements import acknowledge
from cdk.settings import ENVIRONMENT_TAG, Environment
from cdk.stateful.queues import EventQueue
from contract.alarms import Alarm, alarm_prefix
from contract.environments import stack_name
from contract.functions import DIMENSION, Function, Metric, metrics_namespace
from contract.workflow import BILL_RETRIES

PERIOD = Duration.minutes(5)

MAX_MESSAGE_AGE = Duration.minutes(30)
"""Age of the oldest message above which `start_run` is not keeping up."""

ERRORS = {Function.START_RUN: Alarm.ERRORS_START_RUN, Function.RECORD_RUN: Alarm.ERRORS_RECORD_RUN}
"""Function → the alarm on its errors."""

EXPECTED_ERRORS = {Function.START_RUN: 0, Function.RECORD_RUN: 2 * BILL_RETRIES}
"""Number of errors in a period that are normal: `record_run` fails while AWS does not report the cost of a job run."""


class Monitoring(Construct):
    """A topic with its alarms, a dashboard and a budget.

    Attributes
    ----------
    dashboard
        Name of the dashboard.
    """

    def __init__(  # noqa: PLR0913 -- keywords for what is watched
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Environment,
        events: EventQueue,
        application: emrserverless.CfnApplication,
        state_machine: sfn.StateMachine,
        functions: Mapping[Function, lambda_.Function],
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._events, self._state_machine, self._functions = events, state_machine, functions
        self._application = application
        self.dashboard = stack_name(settings.name)
        self._topic = self._make_topic()
        self._make_dashboard(self._make_alarms())
        self._make_budget()

    def _make_topic(self) -> sns.Topic:
        topic = sns.Topic(self, "Alarms", display_name=f"Fruits {self._settings.name}", enforce_ssl=True)
        self._let_cloudwatch_publish(topic)
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

    def _let_cloudwatch_publish(self, topic: sns.Topic) -> None:
        """Allow alarms of this environment to publish.

        The statement by which CDK demands TLS is a policy of its own, which replaces the default policy of the topic:
        without this statement, CloudWatch could publish nothing, and no alarm would reach the operator.
        """
        place = f"{self._settings.region}:{Aws.ACCOUNT_ID}"
        alarms = f"arn:{Aws.PARTITION}:cloudwatch:{place}:alarm:{alarm_prefix(self._settings.name)}*"
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfTheEnvironment",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {"aws:SourceArn": alarms},
                },
            )
        )

    def _make_alarms(self) -> list[cloudwatch.Alarm]:
        letters, queue, machine = self._events.dead_letters, self._events.queue, self._state_machine
        dead = letters.metric_approximate_number_of_messages_visible(period=PERIOD, statistic="Maximum")
        age = queue.metric_approximate_age_of_oldest_message(period=PERIOD, statistic="Maximum")
        errors = {name: function.metric_errors(period=PERIOD) for name, function in self._functions.items()}
        return [
            self._alarm(Alarm.DEAD_LETTERS, dead),
            self._alarm(Alarm.OLDEST_MESSAGE, age, MAX_MESSAGE_AGE.to_seconds()),
            self._alarm(Alarm.EXECUTION_FAILED, machine.metric_failed(period=PERIOD)),
            self._alarm(Alarm.EXECUTION_ABORTED, machine.metric_aborted(period=PERIOD)),
            self._long_run_alarm(),
            *(self._alarm(ERRORS[name], metric, EXPECTED_ERRORS[name]) for name, metric in errors.items()),
        ]

    def _long_run_alarm(self) -> cloudwatch.Alarm:
        """Make the alarm on a job that runs for longer than usual, which goes off while the job runs.

        EMR Serverless reports the number of running jobs every minute, and nothing while the application is stopped.
        A value of 0 in any period shows a break. Rounds that follow each other without a break count as one long job.
        """
        return self._alarm(
            Alarm.LONG_RUN,
            self._running_jobs("Minimum"),
            periods=ceil(self._settings.usual_run_minutes / PERIOD.to_minutes()),
        )

    def _running_jobs(self, statistic: str) -> cloudwatch.Metric:
        """Return the number of running jobs; since release 7.10, the metric has both dimensions or none."""
        application = self._application
        return cloudwatch.Metric(
            namespace="AWS/EMRServerless",
            metric_name="RunningJobs",
            dimensions_map={
                "ApplicationId": application.attr_application_id,
                "ApplicationName": str(application.name),
            },
            statistic=statistic,
            period=PERIOD,
        )

    def _alarm(
        self, name: Alarm, metric: cloudwatch.IMetric, above: float = 0, *, periods: int = 1
    ) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            name.value,
            alarm_name=name.full_name(self._settings.name),
            alarm_description=name.meaning,
            metric=metric,
            threshold=above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=periods,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(SnsAction(self._topic))
        return alarm

    def _make_dashboard(self, alarms: list[cloudwatch.Alarm]) -> None:
        machine, events = self._state_machine, self._events
        graphs = {
            "Executions": [machine.metric_succeeded(), machine.metric_failed(), machine.metric_started()],
            "Jobs running": [self._running_jobs("Maximum")],
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
        tag, email, budget = self._settings.tags[ENVIRONMENT_TAG], self._settings.alarm_email, budgets.CfnBudget
        budget(
            self,
            "Budget",
            # Without a name, CloudFormation generates one. It can't change the messages of a budget, and a new budget
            # with another address could not have the same name.
            budget=budget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budget.SpendProperty(amount=self._settings.monthly_budget_usd, unit="USD"),
                # The filter works once the tag is activated for cost allocation in the account's billing settings. AWS
                # advises the newer FilterExpression, but does not document how it names a tag that a user has defined,
                # and a filter that names no tag counts no costs, without an error.
                cost_filters={"TagKeyValue": [f"user:{ENVIRONMENT_TAG}${tag}"]},
                # With credits, as a new account has them, the costs would stay at 0 until the credits are used up.
                cost_types=budget.CostTypesProperty(include_credit=False, include_refund=False),
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
