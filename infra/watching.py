"""The watching stack: one dashboard, the alarms no single stack can have, and a budget."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.components.alarms import StackAlarms, Watch, add_alarm
from infra.options import Options
from nephele.services.cloudwatch_metrics import (
    ARCHIVE,
    ASSOCIATIONS,
    INDEXED,
    INGEST_TRANSCODING_FAILED,
    NAMESPACE,
)

_WIDTH = 12
_FIVE_MINUTES = 300
_BUDGET_PERCENTS = (80, 100)


class WatchingStack(Stack):
    """What a person looks at, and what calls one."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: sns.ITopic,
        table_name: str,
        options: Options,
    ) -> None:
        super().__init__(
            scope, construct_id, description="Nephele: dashboard", env=options.environment
        )
        failed = cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=INGEST_TRANSCODING_FAILED,
            dimensions_map={ARCHIVE: table_name},
            statistic="Sum",
            period=Duration.minutes(15),
        )
        add_alarm(
            self,
            topic,
            Watch(
                "IngestTranscodingFailed",
                failed,
                1,
                "Files were stored as they came although IngestTranscoding asks for another syntax;"
                " nothing is lost. The transcode function's log says why.",
            ),
        )
        self._create_dashboard(options, table_name)
        if options.monthly_budget_usd:
            self._create_budget(options, topic)

    def _create_dashboard(self, options: Options, table_name: str) -> None:
        """Lay out one row for each question; searches find what is added later."""
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.hours(24))
        for title, searches in _questions(options.prefix, table_name):
            dashboard.add_widgets(cloudwatch.TextWidget(markdown=f"## {title}", width=24, height=1))
            dashboard.add_widgets(*(_graph(label, search) for label, search in searches))

    def _create_budget(self, options: Options, topic: sns.ITopic) -> None:
        subscribers = [
            budgets.CfnBudget.SubscriberProperty(address=topic.topic_arn, subscription_type="SNS")
        ]
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(
                    amount=options.monthly_budget_usd, unit="USD"
                ),
                cost_filters={"TagKeyValue": ["user:application$nephele"]},
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN",
                        notification_type="ACTUAL",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=subscribers,
                )
                for percent in _BUDGET_PERCENTS
            ],
        )


def watch_stacks(stacks: Sequence[Stack], topic: sns.ITopic) -> None:
    """Put alarms on all that the stacks hold."""
    for stack in stacks:
        StackAlarms(stack, "Watch", topic=topic)


_Question = tuple[str, list[tuple[str, str]]]


def _questions(prefix: str, table_name: str) -> list[_Question]:
    """Return what the dashboard answers, with searches by the names that stacks give."""

    def of_functions(metric: str, statistic: str) -> str:
        return _search("AWS/Lambda,FunctionName", metric, f'FunctionName="{prefix}-"', statistic)

    def of_queues(metric: str, statistic: str) -> str:
        return _search("AWS/SQS,QueueName", metric, f'QueueName="{prefix}-"', statistic)

    def own(metric: str, statistic: str) -> str:
        return _search(f"{NAMESPACE},{ARCHIVE}", metric, f'{ARCHIVE}="{table_name}"', statistic)

    return [
        (
            "Is it receiving?",
            [
                ("Associations of each task", own(ASSOCIATIONS, "Average")),
                ("Instances indexed", own(INDEXED, "Sum")),
            ],
        ),
        (
            "Is it keeping up?",
            [
                ("Oldest message, seconds", of_queues("ApproximateAgeOfOldestMessage", "Maximum")),
                ("Milliseconds of calls, 95 of 100", of_functions("Duration", "p95")),
                ("Running at once", of_functions("ConcurrentExecutions", "Maximum")),
                ("Behind the stream, milliseconds", of_functions("IteratorAge", "Maximum")),
            ],
        ),
        (
            "Is it losing?",
            [
                ("Errors", of_functions("Errors", "Sum")),
                ("Throttled", of_functions("Throttles", "Sum")),
                ("Waiting, dead letters included", _waiting(prefix)),
                ("Stored as they came", own(INGEST_TRANSCODING_FAILED, "Sum")),
            ],
        ),
        (
            "What does it cost?",
            [
                ("Calls of functions", of_functions("Invocations", "Sum")),
                ("Units of the table", _units(table_name)),
            ],
        ),
    ]


def _waiting(prefix: str) -> str:
    name = f'QueueName="{prefix}-"'
    return _search("AWS/SQS,QueueName", "ApproximateNumberOfMessagesVisible", name, "Maximum")


def _units(table_name: str) -> str:
    metrics = "(ConsumedReadCapacityUnits OR ConsumedWriteCapacityUnits)"
    return _search("AWS/DynamoDB,TableName", metrics, f'TableName="{table_name}"', "Sum")


def _search(schema: str, metric: str, names: str, statistic: str) -> str:
    wanted = metric if metric.startswith("(") else f'"{metric}"'
    return f"SEARCH('{{{schema}}} MetricName={wanted} {names}', '{statistic}', {_FIVE_MINUTES})"


def _graph(label: str, search: str) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=label,
        width=_WIDTH,
        left=[cloudwatch.MathExpression(expression=search, using_metrics={}, label="")],
    )
