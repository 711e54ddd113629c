"""The REST API on the local stack against Orthanc: uploads and the three commonest reads."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from bench.corpus import Study
from bench.report import Sample, ratio
from bench.run import BenchRun
from bench.servers import Server

_CLIENTS = (1, 4)
_WARM_UP = 10
_READS = {
    "GET of a resource": "/instances/{}",
    "GET of tags": "/instances/{}/tags",
    "GET of a preview": "/instances/{}/preview",
}


def rest(run: BenchRun) -> None:
    """Upload to, and read from, Nephele and both Orthancs, turn by turn."""
    report, servers = run.report, run.servers()
    report.heading(f"REST on the local stack, {run.size.slices} CT slices in each upload")
    for server in servers:
        _upload(server, run.corpus.study(_WARM_UP), 4)
    shown = run.corpus.study(run.size.slices)
    for server in servers:
        _upload(server, shown, 4)
    rows = [
        _row(f"upload/s, {clients} clients", _uploads(run, servers, clients))
        for clients in _CLIENTS
    ]
    for name, path in _READS.items():
        paths = [path.format(one) for one in shown.instance_ids][: run.size.requests]
        for clients in _CLIENTS:
            rates = _rates(run, servers, partial(_read, paths, clients))
            rows.append(_row(f"{name}/s, {clients} clients", rates))
    report.table(["median (min-max)", "Nephele", "Orthanc", "tuned", "to it", "to tuned"], rows)


def _uploads(run: BenchRun, servers: Sequence[Server], clients: int) -> list[Sample]:
    def upload(server: Server) -> float:
        study = run.corpus.study(run.size.slices)
        try:
            return _upload(server, study, clients)
        finally:
            study.remove()

    return _rates(run, servers, upload)


def _rates(
    run: BenchRun, servers: Sequence[Server], measure: Callable[[Server], float]
) -> list[Sample]:
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(run.size.runs):
        for server in servers:
            found[server.name].append(measure(server))
    return [Sample(tuple(found[server.name])) for server in servers]


def _upload(server: Server, study: Study, clients: int) -> float:
    contents = [file.read_bytes() for file in study.files]
    return _rate(server, [("POST", "/instances", content) for content in contents], clients)


def _read(paths: Sequence[str], clients: int, server: Server) -> float:
    requests = [("GET", path, None) for path in paths]
    _rate(server, requests[: 2 * clients], clients)
    return _rate(server, requests, clients)


def _rate(server: Server, requests: Sequence[tuple[str, str, bytes | None]], clients: int) -> float:
    """Spread requests over clients; return how many are answered in a second."""

    def work(part: Sequence[tuple[str, str, bytes | None]]) -> None:
        client = server.client()
        for request in part:
            client.ask(*request)

    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, [requests[n::clients] for n in range(clients)]))
    return len(requests) / (time.perf_counter() - started)


def _row(name: str, samples: Sequence[Sample]) -> list[object]:
    nephele, *others = samples
    return [name, nephele, *others, *(ratio(nephele, other) for other in others)]
