"""Alarms and dashboard: everything that can go wrong is watched, what is added later as well."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from infra.components.service_alarms import (
    FAILED,
    NO_CERTIFICATE,
    NOT_STORED,
    REJECTED,
    SILENT,
    STUCK,
)
from infra.synth import ROOT
from nephele.services.cloudwatch_metrics import ARCHIVE, INDEXED

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


ONE_STACK_ALONE = {
    "answers of 5xx": "5XXError",
    "refused associations": "AssociationsRejected",
    "instances that are not stored": "InstancesNotStored",
    "a certificate that cannot be used": "CertificateNotUsable",
    "the edge's own errors": "RequestsFailed",
    "tasks that take DICOM": "HealthyHostCount",
    "tasks that do not answer": "UnHealthyHostCount",
    "transcoding that fails": "IngestTranscodingFailed",
    "the reconciler's schedule": "Invocations",
    "the table's stream": "IteratorAge",
    "recycling that frees nothing": "RecyclingStuck",
    "the last ingest": "Indexed",
}


@pytest.mark.parametrize("metric", ONE_STACK_ALONE.values(), ids=ONE_STACK_ALONE)
def test_what_only_one_stack_has_is_watched(assembly: Assembly, metric: str) -> None:
    assert [alarm for alarm in _alarms(assembly) if alarm.get("MetricName") == metric]


@pytest.mark.parametrize("metric", ["HealthyHostCount", "UnHealthyHostCount"])
def test_every_group_of_targets_is_watched(every: Assembly, metric: str) -> None:
    """DICOM, and HTTPS where the edge serves it."""
    groups = every.resources("AWS::ElasticLoadBalancingV2::TargetGroup")
    watched = {
        dimension["Value"]["Fn::GetAtt"][0]
        for alarm in _alarms(every)
        if alarm.get("MetricName") == metric
        for dimension in alarm["Dimensions"]
        if dimension["Name"] == "TargetGroup"
    }
    assert watched == {name.partition("/")[2] for name in groups}


def test_https_that_hangs_is_watched(hospital: Assembly) -> None:
    """Its port is open then, which is all that the load balancer sees."""
    assert [alarm for alarm in _alarms(hospital) if alarm.get("MetricName") == "HttpsSilent"]


def test_nothing_indexed_for_some_days_is_an_alarm(every: Assembly) -> None:
    """What functions were called for is not enough: each call may have failed."""
    (quiet,) = (alarm for alarm in _alarms(every) if alarm.get("MetricName") == INDEXED)
    assert (quiet["Period"], quiet["EvaluationPeriods"]) == (3600, 72)
    assert quiet["TreatMissingData"] == "breaching"
    assert quiet["ComparisonOperator"] == "LessThanThreshold"
    (table,) = (found for found in quiet["Dimensions"] if found["Name"] == ARCHIVE)
    assert "Table" in json.dumps(table["Value"])


def test_every_alarm_calls_somebody_and_says_what_to_do(every: Assembly) -> None:
    for alarm in _alarms(every):
        assert alarm["AlarmActions"], alarm
        assert alarm["OKActions"], alarm
        assert len(alarm["AlarmDescription"]) > 40, alarm


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [
        pytest.param(REJECTED, "dimse_edge", id="rejected"),
        pytest.param(NOT_STORED, "dimse_edge", id="not stored"),
        pytest.param(NO_CERTIFICATE, "dimse_edge", id="no certificate"),
        pytest.param(SILENT, "dimse_edge", id="silent"),
        pytest.param(FAILED, "dimse_edge", id="failed over DICOM"),
        pytest.param(FAILED, "lambdas", id="failed over HTTPS"),
        pytest.param(STUCK, "lambdas", id="stuck"),
    ],
)
def test_log_lines_that_are_counted_are_written(pattern: str, folder: str) -> None:
    texts = re.findall('\\$.(?:message|outcome) = ("[^"]+")', pattern)
    sources = [path.read_text() for path in (ROOT / folder).rglob("*.py")]
    assert texts
    for text in texts:
        assert any(text in source for source in sources), text


def test_what_a_peer_gives_to_a_query_of_ours_is_not_counted_as_sent() -> None:
    """The alarm says that the sender was told: a C-GET of the edge's own has none."""
    sources = [path.read_text() for path in (ROOT / "dimse_edge" / "scu").rglob("*.py")]
    assert sources
    for text in re.findall('"[^"]+"', NOT_STORED):
        assert not any(text in source for source in sources), text


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
