"""`nephele migrate` from a real Orthanc: killed on the way, followed until cut-over, compared."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from nephele.domain.levels import Level
from tests.differential.server import PASSWORD, USER
from tests.stack import Stack
from tests.system.conftest import Peer, run_peer
from tests.system.senders import Study, make_study

_INSTANCES, _SERIES = 300, 6
_JOBS = 4
_PATIENCE_SECONDS = 120
_LARGE = bytes(range(256)) * (5 << 12)
"""An attachment that one request to a function cannot carry."""


class Door:
    """Passes requests on to Orthanc, and holds the ones for instances when a test says so."""

    def __init__(self, orthanc: str) -> None:
        self.files = 0
        self.polls = threading.Semaphore(0)
        self._orthanc = httpx.Client(base_url=orthanc, timeout=60, trust_env=False)
        self._lock = threading.Lock()
        self._left = 0
        self.reached = threading.Event()
        self._lifted = threading.Event()

    def hold_after(self, files: int) -> None:
        """Let so many files pass; the next ones wait, and `reached` is set."""
        with self._lock:
            self._left = files
            self.reached.clear()
            self._lifted.clear()

    def lift(self) -> None:
        """Let everything pass, also what waits."""
        with self._lock:
            self._left = sys.maxsize
            self._lifted.set()

    def close(self) -> None:
        self._orthanc.close()

    def pass_on(self, method: str, path: str, headers: Any, body: bytes) -> httpx.Response:
        if path.endswith("/attachments/dicom/data"):
            self._count()
        if path.startswith("/changes?since"):
            self.polls.release()
        kept = {"Authorization": headers["Authorization"]}
        return self._orthanc.request(method, path, headers=kept, content=body)

    def _count(self) -> None:
        with self._lock:
            is_held = self._left <= 0
            self._left -= 1
            self.files += not is_held
            if is_held:
                self.reached.set()
        if is_held:
            self._lifted.wait(_PATIENCE_SECONDS)


@contextmanager
def door_to(orthanc: str) -> Iterator[tuple[Door, str]]:
    """Serve a door; yield it and its URL, with the login in it."""
    door = Door(orthanc)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = door.pass_on(self.command, self.path, self.headers, body)
            try:
                self.send_response(answer.status_code)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)
            except OSError:
                self.close_connection = True  # who asked was killed

        do_GET = do_POST = _serve

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield door, f"http://{USER}:{PASSWORD}@127.0.0.1:{server.server_port}"
    finally:
        door.lift()
        server.shutdown()
        server.server_close()
        door.close()


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Run an Orthanc of its own: all of it is copied."""
    yield from run_peer(tmp_path_factory, "OLD", UserMetadata={"Remark": 4001})


@pytest.fixture(scope="module")
def study(orthanc: Peer, tmp_path_factory: pytest.TempPathFactory) -> Study:
    made = make_study(tmp_path_factory.mktemp("old") / "study", _INSTANCES, series=_SERIES)
    for file in made.files:
        upload(orthanc, file)
    for level in Level:
        path = f"/{level.collection}/{made.orthanc_id(level)}"
        put(orthanc, f"{path}/metadata/4002", f"remark of {level}".encode())
        put(orthanc, f"{path}/attachments/2001", f"file of {level}".encode())
    put(orthanc, f"/studies/{made.orthanc_id(Level.STUDY)}/attachments/2002", _LARGE)
    put(orthanc, f"/patients/{made.orthanc_id(Level.PATIENT)}/protected", b"1")
    return made


def upload(orthanc: Peer, file: Path) -> None:
    orthanc.rest.post("/instances", content=file.read_bytes()).raise_for_status()


def put(orthanc: Peer, path: str, body: bytes) -> None:
    orthanc.rest.put(path, content=body).raise_for_status()


@contextmanager
def migrating(
    stack: Stack, source: str, state: Path, *options: str
) -> Iterator[subprocess.Popen[str]]:
    nephele = str(Path(sys.executable).with_name("nephele"))
    command = [nephele, "migrate", source, "--url", stack.http, "--state", str(state)]
    process = subprocess.Popen(
        [*command, "--jobs", str(_JOBS), "--ca-bundle", str(stack.trusted), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "200", "NO_PROXY": "*"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def kept(rest: httpx.Client, study: Study, path: str) -> dict[str, object]:
    """Return what a server keeps at a resource, by the numbers of Orthanc."""
    found: dict[str, object] = {}
    for number in (4001, 4002):
        answer = rest.get(f"{path}/metadata/{number}")
        found[f"metadata {number}"] = answer.content if answer.is_success else None
    for name, number in rest.get(f"{path}/attachments?full").json().items():
        data = rest.get(f"{path}/attachments/{name}/data", follow_redirects=True)
        found[f"attachment {number}"] = data.raise_for_status().content
    if path.startswith("/patients"):
        found["protected"] = rest.get(f"{path}/protected").text
    return found


def differences(stack: Stack, orthanc: Peer, study: Study) -> list[str]:
    """Compare all of a study's resources, byte by byte."""
    paths = {
        f"/{level.collection}/{identity.orthanc_id(level)}"
        for identity in study.identities
        for level in Level
    }
    with stack.rest() as rest:
        return [
            path
            for path in sorted(paths)
            if kept(rest, study, path) != kept(orthanc.rest, study, path)
        ]


def test_an_orthanc_is_copied_by_a_command_that_is_killed_twice(
    stack: Stack, orthanc: Peer, study: Study, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with door_to(orthanc.server.http) as (door, source):
        for files in (110, 90):
            door.hold_after(files)
            with migrating(stack, source, state) as process:
                assert door.reached.wait(_PATIENCE_SECONDS), process.poll()
                process.kill()
                process.wait()
        door.lift()
        with migrating(stack, source, state) as process:
            output, _ = process.communicate(timeout=_PATIENCE_SECONDS)
        assert process.returncode == 0, output
        assert "Everything of the source is at the target" in output
        # Of a killed command only what it was just copying is read again.
        assert _INSTANCES <= door.files <= _INSTANCES + 2 * _JOBS
        assert PASSWORD not in output
    assert differences(stack, orthanc, study) == []


def test_it_follows_until_it_is_told_to_stop(
    stack: Stack, orthanc: Peer, study: Study, tmp_path: Path
) -> None:
    late = make_study(tmp_path / "late", 3)
    path = f"/series/{study.orthanc_id(Level.SERIES)}"
    with (
        door_to(orthanc.server.http) as (door, source),
        stack.rest() as rest,
    ):
        door.lift()
        with migrating(stack, source, tmp_path / "state", "--follow") as process:
            assert door.polls.acquire(timeout=_PATIENCE_SECONDS)
            for file in late.files:
                upload(orthanc, file)
            put(orthanc, f"{path}/metadata/Remark", b"late \xff")
            while door.polls.acquire(blocking=False):
                pass
            for _ in range(3):  # one page may be on its way; the next one has all of it
                assert door.polls.acquire(timeout=_PATIENCE_SECONDS)
            found = {one for one in late.instance_ids if rest.get(f"/instances/{one}").is_success}
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=_PATIENCE_SECONDS)
        assert found == late.instance_ids
        # Orthanc 1.10 does not tell numbers, and the target has no such name.
        assert process.returncode == 1, output
        assert "UserMetadata: the target does not know Remark" in output
    assert differences(stack, orthanc, late) == []


def test_a_source_that_refuses(stack: Stack, orthanc: Peer, tmp_path: Path) -> None:
    source = orthanc.server.http.replace("//", "//nobody:wrong@")
    with migrating(stack, source, tmp_path / "state") as process:
        output, _ = process.communicate(timeout=_PATIENCE_SECONDS)
    assert process.returncode == 1
    assert "The source: HTTP 401" in output
    assert "goes on from here" not in output
    assert "wrong" not in output
