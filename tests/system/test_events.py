"""Changes and deletions as EventBridge events."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from nephele.domain.levels import Level
from tests.stack import Stack
from tests.system.senders import make_study, send


def _queue(stack: Stack, name: str, kinds: list[object]) -> str:
    """Return the URL of a queue that gets events of some kinds."""
    bridge, queues = stack.client("events"), stack.client("sqs")
    buses = [item["Name"] for item in bridge.list_event_buses()["EventBuses"]]
    (bus,) = [one for one in buses if one != "default"]
    url: str = queues.create_queue(QueueName=name)["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    pattern = json.dumps({"source": ["nephele"], "detail-type": kinds})
    bridge.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)
    bridge.put_targets(
        Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn["QueueArn"]}]
    )
    return url


def test_every_change_is_an_event_under_its_number(stack: Stack, tmp_path: Path) -> None:
    url = _queue(stack, "told-changes", ["NewInstance"])
    study = make_study(tmp_path / "study", 15)
    send(stack, study.files)
    stack.wait_idle()
    told = _receive(stack.client("sqs"), url, study.instance_ids)
    with stack.rest() as rest:
        changes = rest.get("/changes?limit=0").json()["Changes"]
    logged = {change["Seq"]: change for change in changes}
    assert [event["detail"] for event in told] == [logged[event["detail"]["Seq"]] for event in told]


def test_deletions_are_events_without_a_number(stack: Stack, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 25)
    send(stack, study.files)
    stack.wait_idle()
    url = _queue(stack, "told-deletions", [{"prefix": "Deleted"}])
    study_id = study.orthanc_id(Level.STUDY)
    with stack.rest() as rest:
        above = rest.get(f"/studies/{study_id}").json()
        rest.delete(f"/studies/{study_id}").raise_for_status()
        logged = rest.get("/changes?limit=0").json()["Changes"]
    deleted = {study_id, above["ParentPatient"], *above["Series"], *study.instance_ids}
    told = _receive(stack.client("sqs"), url, deleted)
    kinds = Counter(event["detail-type"] for event in told)
    assert kinds == {
        "DeletedInstance": 25,
        "DeletedSeries": 1,
        "DeletedStudy": 1,
        "DeletedPatient": 1,
    }
    (detail,) = [event["detail"] for event in told if event["detail"]["ID"] == study_id]
    assert detail == {
        "ChangeType": "DeletedStudy",
        "Date": detail["Date"],
        "ID": study_id,
        "Path": f"/studies/{study_id}",
        "ResourceType": "Study",
    }
    assert not [one for one in logged if one["ChangeType"].startswith("Deleted")]


def _receive(queues: Any, url: str, wanted: Collection[str]) -> list[dict[str, Any]]:
    """Return the events of some resources; the same may come twice, and others between."""
    told: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + 60
    while not told.keys() >= {*wanted}:
        if time.monotonic() > deadline:
            pytest.fail(f"{len(told)} events of {len(wanted)}")
        answer = queues.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            event = json.loads(message["Body"])
            told[event["detail"]["ID"]] = event
    return [told[one] for one in wanted]
