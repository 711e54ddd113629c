"""Sending a CT study to a peer, an Orthanc of its own, against Orthanc."""

from __future__ import annotations

import json
import time
from collections import defaultdict

import httpx

from bench.report import Sample, ratio
from bench.run import BenchRun
from bench.senders import send
from bench.servers import Server, orthanc
from nephele.domain.levels import Level

_WARM_UP = 10
_BAR = 1.0
_WAYS: dict[str, dict[str, object]] = {
    "to a peer": {},
    "to a peer, in JPEG Lossless": {"Transcode": "1.2.840.10008.1.2.4.70"},
}


def peers(run: BenchRun) -> None:
    """Send a new study from each server in turn."""
    report, servers = run.report, run.servers()
    report.heading(f"{run.size.slices} CT slices to a peer, instances per second")
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    with orthanc(run.folder / "peer", is_tuned=True) as peer:
        for server in servers:
            _measure(run, server, peer.http, _WARM_UP)
        for _ in range(run.size.runs):
            for server in servers:
                for name, rate in _measure(run, server, peer.http, run.size.slices).items():
                    found[server.name, name].append(rate)
    rows = []
    for name in _WAYS:
        nephele, *others = [Sample(tuple(found[server.name, name])) for server in servers]
        rows.append([name, nephele, *others, *(ratio(nephele, other) for other in others)])
        report.bar(f"{name} over tuned Orthanc", nephele.median / others[-1].median, least=_BAR)
    report.table(["median (min-max)", "Nephele", "Orthanc", "tuned", "to it", "to tuned"], rows)


def _measure(run: BenchRun, server: Server, url: str, slices: int) -> dict[str, float]:
    study = run.corpus.study(slices)
    try:
        send(server.dicom, [study])
        with httpx.Client(base_url=server.http, timeout=300, trust_env=False) as client:
            client.put("/peers/bench", content=json.dumps([url])).raise_for_status()
            identifier = study.orthanc_id(Level.STUDY)
            return {
                name: slices / _seconds(client, identifier, options)
                for name, options in _WAYS.items()
            }
    finally:
        study.remove()


def _seconds(client: httpx.Client, identifier: str, options: dict[str, object]) -> float:
    started = time.perf_counter()
    answer = client.post("/peers/bench/store", json={"Resources": [identifier], **options})
    while answer.status_code == httpx.codes.SEE_OTHER:
        answer = client.get(answer.headers["location"])
    seconds = time.perf_counter() - started
    if answer.raise_for_status().json()["FailedInstancesCount"]:
        raise RuntimeError("some instances were not sent")
    return seconds
