"""C-STORE with the latencies of AWS put in front of the local one."""

from __future__ import annotations

from bench.cstore import send_until_readable, warm_up
from bench.report import Sample
from bench.run import BenchRun
from bench.senders import Sent

ASSOCIATIONS = (1, 4, 16)
_LATENCY = {"s3_put_ms": 40.0, "s3_get_ms": 20.0, "transaction_ms": 20.0}
_NONE = dict.fromkeys(_LATENCY, 0.0)


def latency(run: BenchRun) -> None:
    """Send with and without latency, through the proxy both times."""
    report, stack, server = run.report, run.stack(has_proxy=True), run.nephele(has_proxy=True)
    report.heading("C-STORE with S3 PUT 40 ms, GET 20 ms, transaction 20 ms")
    warm_up(run, [server])
    rows = []
    for count in ASSOCIATIONS:
        figures: list[object] = []
        for faults in (_NONE, _LATENCY):
            stack.switch(**faults)
            sents = [_send(run, count) for _ in range(run.size.runs)]
            figures.append(Sample(tuple(sent.accepted for sent in sents)))
            figures.append(Sample(tuple(sent.released for sent in sents)))
        stack.switch(**_NONE)
        rows.append([f"{count} associations", *figures])
    columns = ["instances/s", "none: C-STORE", "to indexed", "with: C-STORE", "to indexed"]
    report.table(columns, rows)


def _send(run: BenchRun, associations: int) -> Sent:
    studies = run.corpus.studies(associations)
    sent = send_until_readable(run.nephele(has_proxy=True), studies)
    run.stack(has_proxy=True).wait_idle()
    for study in studies:
        study.remove()
    return sent
