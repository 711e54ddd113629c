"""Changes as EventBridge events."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack
from tests.system.senders import make_study, send


def test_every_change_is_an_event_under_its_number(stack: Stack, tmp_path: Path) -> None:
    bridge, queues = stack.client("events"), stack.client("sqs")
    buses = [item["Name"] for item in bridge.list_event_buses()["EventBuses"]]
    (bus,) = [name for name in buses if name != "default"]
    url = queues.create_queue(QueueName="told-changes")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    pattern = json.dumps({"source": ["nephele"], "detail-type": ["NewInstance"]})
    bridge.put_rule(Name="told", EventBusName=bus, EventPattern=pattern)
    bridge.put_targets(
        Rule="told", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn["QueueArn"]}]
    )
    study = make_study(tmp_path / "study", 15)
    send(stack, study.files)
    stack.wait_idle()
    told = _receive(queues, url, study.instance_ids)
    with stack.rest() as rest:
        changes = rest.get("/changes?limit=0").json()["Changes"]
    logged = {change["Seq"]: change for change in changes}
    assert [event["detail"] for event in told] == [logged[event["detail"]["Seq"]] for event in told]


def _receive(queues: Any, url: str, instances: set[str]) -> list[dict[str, Any]]:
    """Return the events of some instances; the same may come twice, and others between."""
    told: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + 60
    while not instances <= told.keys():
        if time.monotonic() > deadline:
            pytest.fail(f"{len(told)} events of {len(instances)}")
        answer = queues.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            event = json.loads(message["Body"])
            told[event["detail"]["ID"]] = event
    return [told[one] for one in instances]
