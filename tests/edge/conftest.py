"""An edge on a free port, a stub of the archive behind it, and data sets to send."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.archive_stub import ArchiveStub
from bench.edge import edge_environment
from tests.edge.data_sets import close_connections

_SECONDS = 60


class Edge:
    """`python -m dimse_edge` on a free port; its log lines are kept and can be waited for."""

    def __init__(self, environment: dict[str, str], *prefix: str) -> None:
        command = [*prefix, sys.executable, "-m", "dimse_edge", "--port", "0"]
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.lines: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.port = int(self.wait_for("listening")["port"])
        except BaseException:
            self.stop()
            raise

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(json.loads(line))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, message: str, count: int = 1) -> dict[str, Any]:
        """Return the log line of a message, the `count`-th one, as soon as it is there."""
        with self._changed:
            found = self._changed.wait_for(lambda: len(self.logged(message)) >= count, _SECONDS)
            assert found, (message, self.lines)
            return self.logged(message)[count - 1]

    def logged(self, message: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["message"] == message]

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def stop(self) -> int:
        """End it as ECS does; return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(_SECONDS)
        self._reader.join(_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


StartEdge = Callable[..., Edge]


@pytest.fixture(autouse=True)
def _close_connections() -> Iterator[None]:
    yield
    close_connections()


@pytest.fixture(scope="session")
def running_stub() -> Iterator[ArchiveStub]:
    archive = ArchiveStub(keeps_bodies=True)
    archive.start()
    yield archive
    archive.stop()


@pytest.fixture
def stub(running_stub: ArchiveStub) -> ArchiveStub:
    """Return the archive behind all edges, empty."""
    running_stub.reset()
    return running_stub


@contextmanager
def edge_starter(stub: ArchiveStub, spool: Path) -> Iterator[StartEdge]:
    spool.mkdir()
    with ExitStack() as stack:

        def start(
            configuration: dict[str, Any] | None = None, *prefix: str, **variables: str
        ) -> Edge:
            environment = edge_environment(stub.url, configuration or {}) | {
                "NEPHELE_WORKER_PROCESSES": "1",
                "NEPHELE_TEMPORARY_DIRECTORY": str(spool),
                "AWS_MAX_ATTEMPTS": "2",
                **variables,
            }
            started = Edge(environment, *prefix)
            stack.callback(started.stop)
            return started

        yield start
    assert not list(spool.iterdir()), "nothing stays in the temporary directory"


@pytest.fixture
def start_edge(stub: ArchiveStub, tmp_path: Path) -> Iterator[StartEdge]:
    """Start edges under a configuration; further arguments are environment variables."""
    with edge_starter(stub, tmp_path / "spool") as start:
        yield start


@pytest.fixture
def edge(start_edge: StartEdge) -> Edge:
    """Return an edge of one worker with Orthanc's defaults."""
    return start_edge()


@pytest.fixture(scope="session")
def running_edge(
    running_stub: ArchiveStub, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Edge]:
    with edge_starter(running_stub, tmp_path_factory.mktemp("edge") / "spool") as start:
        yield start()


@pytest.fixture
def shared_edge(running_edge: Edge, stub: ArchiveStub) -> Edge:
    """Return an edge that other tests use, too: its log holds theirs."""
    return running_edge


def tool(name: str) -> str:
    """Return the path of a client; without it the test is skipped, in CI it fails."""
    path = shutil.which(name)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed")
    return path
