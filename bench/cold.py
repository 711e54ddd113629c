"""Cold starts: a function's initialization, its first call, and a warm call for comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bench.corpus import Study
from bench.report import Sample
from bench.run import BenchRun
from infra.functions import FUNCTIONS, RECONCILE, FunctionSpec
from nephele.domain.levels import Level
from nephele.services.events import object_event
from tests.stack import Stack

_STARTS = 5
_BAR_SECONDS = 1.0
_LONG_AGO = "20000101T000000.000000"


def cold(run: BenchRun) -> None:
    """Kill each function's workers, call it twice, and do so some times."""
    report, stack = run.report, run.stack()
    report.heading("cold start of each function, milliseconds")
    study = run.corpus.study(1)
    client = run.nephele().client()
    client.ask("POST", "/instances", study.files[0].read_bytes())
    instance = client.json(f"/instances/{study.orthanc_id(Level.INSTANCE)}")
    events = _events(study, instance["FileUuid"])
    stack.wait_idle()
    rows = []
    for spec in FUNCTIONS:
        starts = [_start(stack, spec.name, events[spec.name]) for _ in range(_runs(run, spec))]
        init, first, warm = (Sample(tuple(figures)) for figures in zip(*starts, strict=True))
        whole = Sample(tuple(one + two for one, two, _ in starts))
        rows.append([spec.name, init, first, whole, warm])
        if spec.name == "api":
            api_seconds = whole.median / 1000
    report.table(["median (min-max)", "init", "first call", "together", "warm call"], rows)
    report.bar("api cold, initialization and first answer, s", api_seconds, below=_BAR_SECONDS)


def _runs(run: BenchRun, spec: FunctionSpec) -> int:
    """Return how often; a call of reconcile walks through the whole bucket, so once is enough."""
    return _STARTS if run.size.runs > 1 and spec is not RECONCILE else 1


def _start(stack: Stack, name: str, event: Mapping[str, Any]) -> tuple[float, float, float]:
    stack.kill_workers(name)
    stack.reset_figures()
    first = _call(stack, name, event)
    init = stack.status()["functions"][name]["init_ms"]["p50"]
    return init, first, _call(stack, name, event)


def _call(stack: Stack, name: str, event: Mapping[str, Any]) -> float:
    before = _spent(stack, name)
    answer = stack.invoke(name, event)
    if answer["error"]:
        raise RuntimeError(f"{name}: {answer}")
    return _spent(stack, name) - before


def _spent(stack: Stack, name: str) -> float:
    return float(stack.status()["functions"][name]["duration_ms"].get("sum", 0.0))


def _events(study: Study, uuid: str) -> dict[str, Mapping[str, Any]]:
    """Return an event for each function that makes it work without changing anything."""
    instance_id = study.orthanc_id(Level.INSTANCE)
    final = f"dicom/{instance_id[:2]}/{instance_id}/{uuid}"
    raw = f"raw/{instance_id[:2]}/{instance_id}/{uuid}"
    reminder = {"level": "Series", "id": study.orthanc_id(Level.SERIES), "received": _LONG_AGO}
    nothing: Mapping[str, Any] = {"Records": []}
    return {
        "authorize": _request("/system") | {"type": "REQUEST", "methodArn": "arn:api/stage/GET/"},
        "api": _request(f"/instances/{instance_id}"),
        "transcode": _message(object_event(raw)),
        "index": _message(object_event(final)),
        "metadata": nothing,
        "stable": _message(reminder),
        "purge": _message({"purge": final}),
        "dead_letters": nothing,
        "jobs": nothing,
        "recycle": _message({}),
        "reconcile": {},
    }


def _message(document: Mapping[str, Any]) -> Mapping[str, Any]:
    record = {
        "messageId": "1",
        "receiptHandle": "1",
        "body": json.dumps(document),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:bench",
    }
    return {"Records": [record]}


def _request(path: str) -> dict[str, Any]:
    """Return the event of a GET, as API Gateway makes it."""
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": "GET",
        "headers": {"Host": "bench"},
        "multiValueHeaders": {"Host": ["bench"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path[1:]},
        "stageVariables": None,
        "requestContext": {"stage": "stage", "identity": {"sourceIp": "127.0.0.1"}},
        "body": None,
        "isBase64Encoded": False,
    }
