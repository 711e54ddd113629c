"""AWS calls and DynamoDB units per instance stored and per query, at two sizes of the archive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.corpus import Study
from bench.fill import fill
from bench.report import Bar
from bench.run import BenchRun
from bench.senders import send
from nephele.domain.levels import Level
from tests.stack import Stack

_STORED = 50
_REPETITIONS = 4
_PAGE = 3
"""Few: at the smaller size, too, the first of a level's 16 partitions then has so many."""
_POLL = "sqs.ReceiveMessage"
"""The edge asks for work on its own time, whatever is measured."""
_ONE = 1.0
"""Storing is done in batches that are cut by the clock: a call or unit more or less is chance."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one operation spends, over all processes."""

    calls: dict[str, float]
    read_units: float
    write_units: float

    @property
    def total_calls(self) -> float:
        """Return the number of AWS calls."""
        return sum(self.calls.values())

    def equals(self, other: Cost, tolerance: float) -> bool:
        """Tell whether another cost is the same."""
        pairs = (
            (self.total_calls, other.total_calls),
            (self.read_units, other.read_units),
            (self.write_units, other.write_units),
        )
        return all(abs(one - two) <= tolerance for one, two in pairs)


def units(run: BenchRun) -> None:
    """Measure, fill the index, measure again, and compare."""
    report, stack = run.report, run.stack(has_proxy=True)
    sizes = (run.size.small, run.size.large)
    report.heading(f"AWS calls and units per operation, {sizes[0]} and {sizes[1]} instances")
    report.line("Calls of processes; what pollers and S3's events call is not among them.")
    send(stack.dicom_address, run.corpus.studies(4, 20))
    found: list[dict[str, Cost]] = []
    for size in sizes:
        fill(run, stack, size)
        found.append(_measure(run, stack))
    _print(run, *found)
    for name, cost in found[1].items():
        shown = ", ".join(f"{call} {count:.3g}" for call, count in sorted(cost.calls.items()))
        report.line(f"{name}: {shown}")


def _measure(run: BenchRun, stack: Stack) -> dict[str, Cost]:
    costs = {name: _stored(run, stack, store) for name, store in _STORES.items()}
    costs["instance stored over REST, alone"] = _stored_alone(run, stack)
    study = run.corpus.study(_STORED)
    _post_all(run, study)
    stack.wait_idle()
    client = run.nephele(has_proxy=True).client()
    for name, method, path, body in _queries(study):
        client.ask(method, path, body)
        stack.reset_figures()
        for _ in range(_REPETITIONS):
            client.ask(method, path, body)
        costs[name] = _spent(stack, _REPETITIONS)
    study.remove()
    return costs


def _stored(run: BenchRun, stack: Stack, store: Callable[[BenchRun, Study], None]) -> Cost:
    """Store many at once; follow-up is held meanwhile, so that chance does not cut its batches."""
    study = run.corpus.study(_STORED)
    stack.wait_idle()
    stack.reset_figures()
    stack.switch(paused=["metadata"])
    store(run, study)
    stack.switch(paused=[])
    stack.wait_idle()
    cost = _spent(stack, len(study.files))
    study.remove()
    return cost


def _stored_alone(run: BenchRun, stack: Stack) -> Cost:
    """Store one after the other, each with its own follow-up: what a batch saves is not there."""
    study = run.corpus.study(_REPETITIONS + 1)
    client = run.nephele(has_proxy=True).client()
    for file in study.files:
        client.ask("POST", "/instances", file.read_bytes())
        stack.wait_idle()
        if file is study.files[0]:
            stack.reset_figures()
    study.remove()
    return _spent(stack, _REPETITIONS)


def _send_all(run: BenchRun, study: Study) -> None:
    server = run.nephele(has_proxy=True)
    send(server.dicom, [study])


def _post_all(run: BenchRun, study: Study) -> None:
    client = run.nephele(has_proxy=True).client()
    for file in study.files:
        client.ask("POST", "/instances", file.read_bytes())


def _spent(stack: Stack, operations: int) -> Cost:
    calls: Counter[str] = Counter()
    read_units = write_units = 0.0
    for caller, figures in stack.status()["aws"].items():
        for action, count in figures["calls"].items():
            if action != _POLL:
                calls[f"{caller}:{action}"] += count
        read_units += figures["read_units"]
        write_units += figures["write_units"]
    each = {name: count / operations for name, count in calls.items()}
    return Cost(each, read_units / operations, write_units / operations)


def _queries(study: Study) -> Iterator[tuple[str, str, str, bytes | None]]:
    ids = {level: study.orthanc_id(level) for level in Level}
    instance = f"/instances/{ids[Level.INSTANCE]}"
    yield "GET /statistics", "GET", "/statistics", None
    for level in Level:
        path = f"/{level.collection}"
        for page in (f"{path}?since=0&limit={_PAGE}", f"{path}?since=0&limit={_PAGE}&expand"):
            yield f"GET {page}", "GET", page, None
        yield f"GET {path}/{{id}}", "GET", f"{path}/{ids[level]}", None
    path = f"/studies/{ids[Level.STUDY]}"
    yield "GET /studies/{id}/instances", "GET", f"{path}/instances", None
    yield "GET /studies/{id}/statistics", "GET", f"{path}/statistics", None
    for what in ("tags", "preview", "file"):
        yield f"GET /instances/{{id}}/{what}", "GET", f"{instance}/{what}", None
    yield "GET /changes?since=0&limit=50", "GET", "/changes?since=0&limit=50", None
    yield "GET /changes?last", "GET", "/changes?last", None
    uid = study.identities[0].study_instance_uid.encode()
    yield "POST /tools/lookup", "POST", "/tools/lookup", uid


_STORES = {
    f"instance stored by C-STORE, {_STORED} at once": _send_all,
    f"instance stored over REST, {_STORED} at once": _post_all,
}


def _print(run: BenchRun, small: dict[str, Cost], large: dict[str, Cost]) -> None:
    rows, unequal = [], []
    for name, one in small.items():
        other = large[name]
        figures = [(one.total_calls, other.total_calls), (one.read_units, other.read_units)]
        figures.append((one.write_units, other.write_units))
        is_equal = one.equals(other, _ONE if "stored" in name else 0.0)
        rows.append([name, *(_pair(*pair) for pair in figures), "equal" if is_equal else "DIFFER"])
        if not is_equal:
            unequal.append(name)
    run.report.table(["operation", "AWS calls", "read units", "write units", ""], rows)
    found = "differ for " + ", ".join(unequal) if unequal else "equal"
    run.report.judge(Bar("units per operation", "equal at both sizes", found, not unequal))


def _pair(one: float, other: float) -> str:
    shown = [f"{value:.3g}" for value in (one, other)]
    return shown[0] if shown[0] == shown[1] else " / ".join(shown)
