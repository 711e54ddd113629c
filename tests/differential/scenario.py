"""Asks one server everything, in one order; both are asked side by side."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from tests.differential import keeping, reading, rendering, searching, tagging, writing
from tests.differential.corpus import SAMPLES, Sample, lanes
from tests.differential.observations import Answer, Observation, kept_headers
from tests.differential.request import LEVEL_NAMES, Request
from tests.differential.server import Server, await_stable, open_client
from tests.differential.tree import SENT, Node, known_ids

CHANGE_LOG = "the whole change log"
SENDING = "images sent by storescu"

_METADATA = "/metadata?expand"
_VIEWS = (
    "",
    "/tags",
    "/simplified-tags",
    "/header",
    "/preview",
    "/file",
    _METADATA,
)
VIEWS_OF_FILES = (*_VIEWS, *rendering.VIEWS, *tagging.VIEWS)
_FEW_VIEWS = ("", "/tags")
_MODELS = ("application/dicom+json", "application/dicom+xml")
"""What a file is asked as."""
_PARENTS = {"ParentSeries": "series", "ParentStudy": "studies", "ParentPatient": "patients"}
_LANES = 4
_META_LENGTH_OFFSET = 140
_IDS = known_ids()


def play(server: Server, folder: Path) -> list[Observation]:
    """Ask a fresh server everything and return what it answered."""
    with open_client(server) as client:
        return list(_play(server, client, folder))


def _play(server: Server, client: httpx.Client, folder: Path) -> Iterator[Observation]:
    yield from _ask_all(client, reading.EMPTY)
    yield from _ask_all(client, writing.UPLOADS)
    yield from _ask_all(client, reading.CHANGES)
    yield from _ask_all(client, writing.MORE_UPLOADS)
    await_stable(client)
    yield _change_log(client)
    for table in (
        reading.READING,
        reading.IMAGES,
        rendering.RENDERING,
        tagging.TAGS,
        reading.TOOLS,
        tagging.OPTIONS,
        reading.ODD,
    ):
        yield from _ask_all(client, table)
    yield from _ask_all(client, writing.UPLOAD_VARIANTS)
    yield from _send(server, client, folder)
    yield from _ask_all(client, writing.RESENT)
    await_stable(client)
    yield from _ask_all(client, writing.LEFT)
    yield from _ask_all(client, writing.DELETES)
    yield from _try_samples(client)
    yield from _ask_all(client, searching.UPLOADS)
    await_stable(client)
    yield from _ask_all(client, searching.SEARCHES)
    yield from _ask_all(client, keeping.KEEPING)


def _ask_all(client: httpx.Client, table: Sequence[Request]) -> Iterator[Observation]:
    for request in table:
        yield Observation(request.reason, request.route, _ask(client, request))


def _ask(client: httpx.Client, request: Request) -> Answer:
    options: dict[str, Any] = {"auth": None} if request.is_anonymous else {}
    response = client.request(
        request.method,
        f"{client.base_url.scheme}://{client.base_url.netloc.decode()}{request.target(_IDS)}",
        content=request.content(_IDS),
        headers=list(request.headers),
        **options,
    )
    return _answer(response)


def _answer(response: httpx.Response) -> Answer:
    return Answer(response.status_code, kept_headers(dict(response.headers)), response.content)


def _change_log(client: httpx.Client) -> Observation:
    """Read all changes; those that follow on their own time are set apart."""
    pages = client.get("/changes?limit=1000").raise_for_status().json()["Changes"]
    told = [(change["ChangeType"], change["Path"]) for change in pages]
    prompt = [change for change in told if change[0].startswith("New")]
    later = sorted(set(told) - set(prompt))
    body = json.dumps({"Prompt": prompt, "Later": later}).encode()
    return Observation(CHANGE_LOG, "GET /changes?limit=1000", Answer(200, body=body))


def send(server: Server, nodes: Sequence[Node], folder: Path) -> int:
    """Send files by storescu; return its exit code."""
    files = [folder / f"{node.name}.dcm" for node in nodes]
    for node, file in zip(nodes, files, strict=True):
        file.write_bytes(node.encoded())
    peer = ["-aec", server.aet, "127.0.0.1", str(server.dicom_port)]
    command = ["storescu", *peer, *files]
    return subprocess.run(command, check=False, capture_output=True).returncode


def _send(server: Server, client: httpx.Client, folder: Path) -> Iterator[Observation]:
    yield Observation(SENDING, "storescu", Answer(send(server, SENT, folder)))
    await_stable(client)
    for node in SENT:
        yield from _read_sent(client, node)


def _read_sent(client: httpx.Client, node: Node) -> Iterator[Observation]:
    subject, ids = f"sent {node.name}", node.ids()
    for collection, one in LEVEL_NAMES.items():
        path = f"/{collection}/{ids[f'{node.name}_{one}']}"
        for view in ("", _METADATA)[: 1 if one == "instance" else 2]:
            yield _view(client, subject, f"/{collection}/{{{one}}}{view}", path + view)
    for view in _VIEWS[1:]:
        seen = _view(client, subject, f"/instances/{{instance}}{view}", f"{path}{view}")
        is_file = view == "/file" and seen.answer.status == httpx.codes.OK
        yield replace(seen, answer=_without_meta(seen.answer)) if is_file else seen


def _without_meta(answer: Answer) -> Answer:
    """Return a file without its meta information: each server writes its own (PS3.10 7.1)."""
    (length,) = struct.unpack_from("<I", answer.body, _META_LENGTH_OFFSET)
    return replace(answer, body=answer.body[_META_LENGTH_OFFSET + 4 + length :])


def _try_samples(client: httpx.Client) -> Iterator[Observation]:
    def walk(lane: Sequence[Sample]) -> list[Observation]:
        return [observation for sample in lane for observation in _try_sample(client, sample)]

    with ThreadPoolExecutor(_LANES) as pool:
        for observations in pool.map(walk, lanes(SAMPLES, _LANES)):
            yield from observations


def _try_sample(client: httpx.Client, sample: Sample) -> Iterator[Observation]:
    """Upload a file, read what is shown of it, and delete it: no other file is beside it."""
    stored = client.post("/instances", content=sample.encoded)
    yield Observation(sample.name, "POST /instances", _answer(stored))
    if not stored.is_success:
        return
    ids = stored.json()
    path = f"/instances/{ids['ID']}"
    for parent, collection in () if sample.is_like_another else _PARENTS.items():
        one = LEVEL_NAMES[collection]  # first of all: soon they are stable
        for view in ("", _METADATA):
            route = f"/{collection}/{{{one}}}{view}"
            yield _view(client, sample.name, route, f"/{collection}/{ids[parent]}{view}")
    views = _FEW_VIEWS if sample.is_like_another else VIEWS_OF_FILES
    for view in views:
        yield _view(client, sample.name, f"/instances/{{instance}}{view}", path + view)
    for media_type in _MODELS[: 0 if sample.is_like_another else None]:
        answer = _answer(client.get(f"{path}/file", headers={"Accept": media_type}))
        yield Observation(sample.name, f"GET /instances/{{instance}}/file as {media_type}", answer)
    deleted = client.delete(path)
    yield Observation(sample.name, "DELETE /instances/{instance}", _answer(deleted))


def _view(client: httpx.Client, subject: str, route: str, path: str) -> Observation:
    response = client.get(path)
    if response.status_code == httpx.codes.TEMPORARY_REDIRECT:
        response = client.get(response.headers["location"])
    return Observation(subject, f"GET {route}", _answer(response))
