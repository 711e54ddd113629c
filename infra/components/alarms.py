"""Alarms on whatever a stack holds, found by walking it: what is added later is watched, too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct, IConstruct

from infra.functions import RECONCILE

_ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_OLDEST_MESSAGE_SECONDS = 900
_ERRORS_IN_15_MINUTES = 3


@dataclass(frozen=True, slots=True)
class Watch:
    """One alarm.

    Attributes
    ----------
    says : str
        What is wrong and what to do, for who is called at night.
    is_missing_bad : bool
        No data are as bad as a value beyond the threshold.
    """

    name: str
    metric: cloudwatch.IMetric
    threshold: float
    says: str
    periods: int = 1
    is_below: bool = False
    is_missing_bad: bool = False


def add_alarm(scope: Construct, topic: sns.ITopic, watch: Watch) -> cloudwatch.Alarm:
    """Create an alarm that says so when it begins and when it is over."""
    missing = cloudwatch.TreatMissingData
    alarm = cloudwatch.Alarm(
        scope,
        watch.name,
        metric=watch.metric,
        threshold=watch.threshold,
        evaluation_periods=watch.periods,
        comparison_operator=_BELOW if watch.is_below else _ABOVE,
        treat_missing_data=missing.BREACHING if watch.is_missing_bad else missing.NOT_BREACHING,
        alarm_description=watch.says,
    )
    action = actions.SnsAction(topic)
    alarm.add_alarm_action(action)
    alarm.add_ok_action(action)
    return alarm


class StackAlarms(Construct):
    """Alarms on every queue and every function of a stack."""

    def __init__(self, stack: Stack, construct_id: str, *, topic: sns.ITopic) -> None:
        found = list(stack.node.find_all())  # before anything of ours is in it
        super().__init__(stack, construct_id)
        for construct in found:
            for watch in _iter_watches(construct):
                add_alarm(self, topic, watch)


def _iter_watches(construct: IConstruct) -> Iterator[Watch]:
    name = construct.node.path.replace("/", "")
    if isinstance(construct, sqs.Queue):
        resource = construct.node.default_child
        if isinstance(resource, sqs.CfnQueue) and resource.redrive_policy is None:
            yield _dead_letters(name, construct)
        elif isinstance(resource, sqs.CfnQueue):
            yield _oldest(name, construct, resource.visibility_timeout or 0)
    elif isinstance(construct, lambda_.Function):
        yield from _iter_function_watches(name, construct)


def _dead_letters(name: str, queue: sqs.Queue) -> Watch:
    received = queue.metric_number_of_messages_received(statistic="Sum", period=Duration.minutes(5))
    return Watch(
        name,
        received,
        1,
        "Messages failed five times. Nothing is lost: GET /dead-letters shows them and the reason,"
        " POST /dead-letters/{id}/retry tries again.",
    )


def _oldest(name: str, queue: sqs.Queue, visibility_seconds: float) -> Watch:
    age = queue.metric_approximate_age_of_oldest_message(
        statistic="Maximum", period=Duration.minutes(5)
    )
    return Watch(
        name,
        age,
        max(_OLDEST_MESSAGE_SECONDS, 2 * visibility_seconds),
        "The queue is not kept up with: look at its function's errors and throttles.",
        periods=2,
    )


def _iter_function_watches(name: str, function: lambda_.Function) -> Iterator[Watch]:
    quarter = Duration.minutes(15)
    yield Watch(
        f"{name}Errors",
        function.metric_errors(statistic="Sum", period=quarter),
        _ERRORS_IN_15_MINUTES,
        "The function fails: its log has the reason. What it was to do is tried again.",
    )
    yield Watch(
        f"{name}Throttles",
        function.metric_throttles(statistic="Sum", period=quarter),
        10,
        "More of it are needed than may run at once: compare its reserved concurrency with the"
        " account's quota.",
    )
    if _is_scheduled(function):
        yield Watch(
            f"{name}Silent",
            function.metric_invocations(statistic="Sum", period=Duration.hours(1)),
            1,
            "It should run every 15 minutes and has not for an hour: look at its schedule.",
            is_below=True,
            is_missing_bad=True,
        )


def _is_scheduled(function: lambda_.Function) -> bool:
    resource = function.node.default_child
    return (
        isinstance(resource, lambda_.CfnFunction) and resource.description == RECONCILE.description
    )
