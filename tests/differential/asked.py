"""Every request that the differential tests make, to hold against what Orthanc serves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from tests.differential import keeping, reading, rendering, searching, tagging, writing
from tests.differential.calling import steps
from tests.differential.scenario import VIEWS_OF_FILES
from tests.differential.test_archives import ALIKE, REFUSALS, SERIES
from tests.differential.test_jobs import JOBS, committed
from tests.differential.test_working import CLEARED, PEERS

_TABLES = (
    *(reading.EMPTY, reading.CHANGES, reading.READING, reading.IMAGES, reading.TOOLS),
    *(rendering.RENDERING, tagging.TAGS, tagging.OPTIONS, searching.SEARCHES, keeping.KEEPING),
    *(writing.UPLOADS, writing.UPLOAD_VARIANTS, writing.DELETES),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its method, its path without blanks, and the names of all it says."""

    method: str
    path: str
    arguments: frozenset[str]
    headers: frozenset[str]
    fields: frozenset[str]


def _asked(
    method: str, target: str, body: object = None, headers: Iterable[tuple[str, str]] = ()
) -> Asked:
    url = urlsplit(re.sub("/+", "/", target))
    return Asked(
        method,
        url.path.rstrip("/") or "/",
        frozenset(name for name, _ in parse_qsl(url.query, keep_blank_values=True)),
        frozenset(name.lower() for name, _ in headers),
        _fields(body),
    )


def _fields(body: object) -> frozenset[str]:
    """Return the names of a body's members."""
    if isinstance(body, bytes):
        try:
            body = json.loads(body)
        except ValueError:
            return frozenset()
    return frozenset(body if isinstance(body, dict) else ())


def iter_asked() -> Iterator[Asked]:
    """Yield all requests that both servers are sent."""
    for request in (request for table in _TABLES for request in table):
        yield _asked(request.method, request.path, request.body, request.headers)
    for view in VIEWS_OF_FILES:
        yield _asked("GET", f"/instances/{{instance}}{view}")
    archives = (*ALIKE.values(), *REFUSALS.values(), SERIES)
    for method, path, body in (*archives, *PEERS.values(), *CLEARED):
        yield _asked(method, path, body)
    for step in steps(["AET", "127.0.0.1", 104], "SINK"):
        yield _asked(step.method, step.path, step.body)
    yield from _of_jobs()


def _of_jobs() -> Iterator[Asked]:
    """Yield what submits jobs, by letting it be sent nowhere."""
    sent: list[Asked] = []

    def post(path: str, body: object) -> str:
        sent.append(_asked("POST", path, body))
        return "{job}"

    names = ("instances", "patient", "study", "series", "study_instance_uid", "other_aet")
    side = SimpleNamespace(post=post, **{name: f"{{{name}}}" for name in names})
    for submit in JOBS.values():
        if submit is not committed:
            submit(cast("Any", side))
    yield from sent
