"""Archives of a CT study on the local stack against Orthanc, as stored and transcoded."""

from __future__ import annotations

import io
import time
import zipfile
from collections import defaultdict
from http.client import HTTPConnection
from urllib.parse import urlsplit

from bench.corpus import Study
from bench.report import Sample, ratio
from bench.run import BenchRun
from bench.senders import send
from bench.servers import Server
from nephele.domain.levels import Level

_WARM_UP = 10
_TIMEOUT_SECONDS = 300.0
_BAR = 1.0
_WAYS = {
    "archive": "",
    "archive in JPEG Lossless": "?transcode=1.2.840.10008.1.2.4.70",
}


def archives(run: BenchRun) -> None:
    """Download archives from Nephele and both Orthancs, turn by turn: of a new study each time."""
    report, servers = run.report, run.servers()
    report.heading(f"archives of {run.size.slices} CT slices, MB/s of what is stored")
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for server in servers:
        _measure(run, server, _WARM_UP)
    for _ in range(run.size.runs):
        for server in servers:
            for name, rate in _measure(run, server, run.size.slices).items():
                found[server.name, name].append(rate)
    rows = []
    for name in _WAYS:
        nephele, *others = [Sample(tuple(found[server.name, name])) for server in servers]
        rows.append([name, nephele, *others, *(ratio(nephele, other) for other in others)])
        report.bar(f"{name} over tuned Orthanc", nephele.median / others[-1].median, least=_BAR)
    report.table(["median (min-max)", "Nephele", "Orthanc", "tuned", "to it", "to tuned"], rows)


def _measure(run: BenchRun, server: Server, slices: int) -> dict[str, float]:
    study = run.corpus.study(slices)
    try:
        send(server.dicom, [study])
        return {name: _rate(server, study, query) for name, query in _WAYS.items()}
    finally:
        study.remove()


def _rate(server: Server, study: Study, query: str) -> float:
    """Return megabytes of stored files a second, for the whole archive of a study."""
    size_bytes = sum(file.stat().st_size for file in study.files)
    path = f"/studies/{study.orthanc_id(Level.STUDY)}/archive{query}"
    started = time.perf_counter()
    content = _download(server.http, path)
    seconds = time.perf_counter() - started
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        if len(opened.namelist()) != len(study.files):
            raise RuntimeError(f"{server.name} left something out")
    return size_bytes / 1e6 / seconds


def _download(url: str, path: str) -> bytes:
    """Fetch a path, redirects followed."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_SECONDS)
    while True:
        connection.request("GET", path)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status == 200:
            return content
        location = answer.getheader("Location")
        if answer.status != 307 or location is None:
            raise RuntimeError(f"GET of an archive: {answer.status}")
        path = location
