"""Alarms and dashboard: everything that can go wrong is watched, what is added later as well."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components.service_alarms import REJECTED, STUCK
from infra.synth import ROOT

from .assembly import Assembly


def _alarms(assembly: Assembly) -> list[dict[str, Any]]:
    return [item["Properties"] for item in assembly.resources("AWS::CloudWatch::Alarm").values()]


def _dimensions(assembly: Assembly, metric: str) -> set[str]:
    return {
        json.dumps(alarm["Dimensions"][0]["Value"])
        for alarm in _alarms(assembly)
        if alarm.get("MetricName") == metric
    }


def test_every_dead_letter_queue_and_every_queues_age_is_watched(every: Assembly) -> None:
    queues = every.resources("AWS::SQS::Queue").values()
    working = [queue for queue in queues if "RedrivePolicy" in queue["Properties"]]
    assert len(_dimensions(every, "NumberOfMessagesReceived")) == len(queues) - len(working) > 0
    assert len(_dimensions(every, "ApproximateAgeOfOldestMessage")) == len(working) > 0


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_is_watched(every: Assembly, metric: str) -> None:
    functions = every.resources("AWS::Lambda::Function")
    assert len(_dimensions(every, metric)) == len(functions)


def test_what_only_one_stack_has_is_watched(assembly: Assembly) -> None:
    metrics = {alarm.get("MetricName") for alarm in _alarms(assembly)}
    assert {
        "5XXError",
        "AssociationsRejected",
        "HealthyHostCount",
        "IngestTranscodingFailed",
        "Invocations",
        "IteratorAge",
        "RecyclingStuck",
        "UnHealthyHostCount",
    } <= metrics


def test_every_alarm_calls_somebody_and_says_what_to_do(every: Assembly) -> None:
    for alarm in _alarms(every):
        assert alarm["AlarmActions"], alarm
        assert alarm["OKActions"], alarm
        assert len(alarm["AlarmDescription"]) > 40, alarm


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [
        pytest.param(REJECTED, "dimse_edge", id="rejected"),
        pytest.param(STUCK, "lambdas", id="stuck"),
    ],
)
def test_log_lines_that_are_counted_are_written(pattern: str, folder: str) -> None:
    text = pattern.split('"')[1]
    sources = (path.read_text() for path in (ROOT / folder).rglob("*.py"))
    assert any(f'"{text}"' in source for source in sources)


def test_one_dashboard_answers_four_questions(every: Assembly) -> None:
    (dashboard,) = every.resources("AWS::CloudWatch::Dashboard").values()
    text = json.dumps(dashboard["Properties"]["DashboardBody"])
    for question in ("receiving", "keeping up", "losing", "cost"):
        assert question in text


def test_the_budget_is_told_of(complete: Assembly) -> None:
    (budget,) = complete.resources("AWS::Budgets::Budget").values()
    assert budget["Properties"]["Budget"]["BudgetLimit"] == {"Amount": 500, "Unit": "USD"}
    (subscription,) = complete.resources("AWS::SNS::Subscription").values()
    assert subscription["Properties"]["Endpoint"] == "operator@example.org"


def test_calls_are_traced(every: Assembly) -> None:
    for name, function in every.resources("AWS::Lambda::Function").items():
        assert function["Properties"]["TracingConfig"] == {"Mode": "Active"}, name
    (stage,) = every.resources("AWS::ApiGateway::Stage").values()
    assert stage["Properties"]["TracingEnabled"] is True
