"""Milliseconds each route takes inside its function, and at the front where the client stands."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from bench.report import Sample
from bench.rest_client import RestClient
from bench.run import BenchRun
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId

_Call = tuple[str, str, bytes | None]
_MOST = 40


def handlers(run: BenchRun) -> None:
    """Ask each route some times, one request after the other."""
    report, stack, server = run.report, run.stack(), run.nephele()
    report.heading("handler milliseconds per route (api function; the last column is a client's)")
    count = min(_MOST, run.size.requests)
    study, uploaded = run.corpus.study(count + 2), run.corpus.study(count + 2)
    client = server.client()
    for file in study.files:
        client.ask("POST", "/instances", file.read_bytes())
    rows = []
    ids = {level: [study.orthanc_id(level)] * (count + 2) for level in Level}
    ids[Level.INSTANCE] = study.instance_ids
    contents = [file.read_bytes() for file in uploaded.files]
    for name, calls in _routes(ids, contents, study.identities[0].study_instance_uid):
        _ask(client, calls[:2])
        stack.reset_figures()
        seen = _ask(client, calls[2:])
        took = stack.status()["functions"]["api"]["duration_ms"]
        rows.append([name, took["p50"], took["p90"], seen.median])
    report.table(["route", "p50", "p90", "client p50"], rows)


def _ask(client: RestClient, calls: Sequence[_Call]) -> Sample:
    took = []
    for call in calls:
        started = time.perf_counter()
        client.ask(*call)
        took.append(1000 * (time.perf_counter() - started))
    return Sample(tuple(took))


def _routes(
    ids: dict[Level, list[OrthancId]], contents: Sequence[bytes], study_instance_uid: str
) -> Iterator[tuple[str, list[_Call]]]:
    instances = ids[Level.INSTANCE]
    yield "POST /instances", [("POST", "/instances", content) for content in contents]
    yield "POST /instances, again", [("POST", "/instances", content) for content in contents]
    for path in (
        "/system",
        "/statistics",
        "/patients?since=0&limit=10",
        "/studies?since=0&limit=10&expand",
        "/instances?since=0&limit=100",
        "/changes?since=0&limit=100",
        "/changes?last",
    ):
        yield f"GET {path}", [("GET", path, None)] * len(instances)
    for level in Level:
        name = level.collection
        yield f"GET /{name}/{{id}}", [("GET", f"/{name}/{one}", None) for one in ids[level]]
    for below in ("series", "instances", "instances?expand=false", "statistics"):
        path = f"/studies/{ids[Level.STUDY][0]}/{below}"
        yield f"GET /studies/{{id}}/{below}", [("GET", path, None)] * len(instances)
    for what in ("tags", "simplified-tags", "header", "preview", "file", "study"):
        paths = [f"/instances/{one}/{what}" for one in instances]
        yield f"GET /instances/{{id}}/{what}", [("GET", path, None) for path in paths]
    uid = study_instance_uid.encode()
    yield "POST /tools/lookup", [("POST", "/tools/lookup", uid)] * len(instances)
    yield "DELETE /instances/{id}", [("DELETE", f"/instances/{one}", None) for one in instances]
