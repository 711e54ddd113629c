"""C-STORE on the local stack against Orthanc, and how long until what was sent can be read."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

from bench.corpus import Study
from bench.report import Sample, ratio
from bench.run import BenchRun
from bench.senders import Sent, send
from bench.servers import Server
from bench.usage import Usage
from nephele.domain.levels import Level

ASSOCIATIONS = (1, 4)
_WARM_UP = 20
_BAR_ACCEPTED, _BAR_INDEXED = 100.0, 50.0
_PATIENCE_SECONDS = 120.0
_LOOK_AGAIN_SECONDS = 0.02


def cstore(run: BenchRun) -> None:
    """Send to Nephele and to both Orthancs, turn by turn."""
    report, servers = run.report, run.servers()
    report.heading(f"C-STORE on the local stack, {run.size.slices} CT slices in each run")
    usage = Usage(run.stack())
    warm_up(run, servers)
    rows, bars = [], {}
    for count in ASSOCIATIONS:
        nephele, *orthancs = _measure(run, servers, count, usage).values()
        accepted = Sample(tuple(sent.accepted for sent in nephele))
        readable = Sample(tuple(sent.released for sent in nephele))
        others = [Sample(tuple(sent.accepted for sent in sents)) for sents in orthancs]
        rows.append(_row(f"C-STORE/s, {count} associations", accepted, others))
        rows.append(_row(f"to indexed/s, {count} associations", readable, others))
        bars[count] = accepted.median, readable.median
    report.table(["median (min-max)", "Nephele", "Orthanc", "tuned", "to it", "to tuned"], rows)
    report.bar("C-STORE/s on one association, local stack", bars[1][0], least=_BAR_ACCEPTED)
    report.bar("C-STORE to indexed/s on one association", bars[1][1], least=_BAR_INDEXED)
    usage.print_per_instance(report)


def warm_up(run: BenchRun, servers: Sequence[Server]) -> None:
    """Send a few slices over several associations, so that every part has worked once."""
    for server in servers:
        for _ in range(2):
            studies = run.corpus.studies(max(ASSOCIATIONS), _WARM_UP)
            send(server.dicom, studies)
            if server is servers[0]:
                wait_until_readable(server, studies)
            _remove(studies)


def send_until_readable(server: Server, studies: Sequence[Study]) -> Sent:
    """Send studies; `released` counts until the REST API shows every instance of them."""
    started = time.perf_counter()
    sent = send(server.dicom, studies)
    wait_until_readable(server, studies)
    count = sum(len(study.files) for study in studies)
    return Sent(sent.accepted, count / (time.perf_counter() - started))


def wait_until_readable(server: Server, studies: Sequence[Study]) -> None:
    """Ask until every instance is shown; where a release was waited for, once is enough.

    Raises
    ------
    TimeoutError
        Some instances never appeared.
    """
    client = server.client()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for study in studies:
        path = f"/studies/{study.orthanc_id(Level.STUDY)}/instances?expand=false"
        while len(client.json(path)) < len(study.files):
            if time.monotonic() > deadline:
                raise TimeoutError("not everything was indexed")
            time.sleep(_LOOK_AGAIN_SECONDS)


def _measure(
    run: BenchRun, servers: Sequence[Server], associations: int, usage: Usage
) -> dict[str, list[Sent]]:
    rates: dict[str, list[Sent]] = defaultdict(list)
    for _ in range(run.size.runs):
        for server in servers:
            studies = run.corpus.studies(associations)
            if server is servers[0]:
                with usage.of(sum(len(study.files) for study in studies)):
                    sent = send_until_readable(server, studies)
                    run.stack().wait_idle()
            else:
                sent = send(server.dicom, studies)
            rates[server.name].append(sent)
            _remove(studies)
    return rates


def _remove(studies: Sequence[Study]) -> None:
    for study in studies:
        study.remove()


def _row(name: str, nephele: Sample, others: Sequence[Sample]) -> list[object]:
    return [name, nephele, *others, *(ratio(nephele, other) for other in others)]
