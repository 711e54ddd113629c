"""A table in an emulated DynamoDB of its own, with nothing that follows what is written."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from botocore.exceptions import EndpointConnectionError

from infra.local.ports import LOOPBACK, listen, port_of
from nephele.aws import clients
from nephele.aws.index.table import Table
from tests.tables import create_table

_NAME = "searched"
_START_SECONDS = 120.0
_STOP_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.2


@contextmanager
def scratch_table(folder: Path) -> Iterator[Table]:
    """Run ministack without policies, certificates and state, and make the index's table in it."""
    with listen(0, "") as listener, (folder / "ministack.log").open("wb") as log:
        descriptor, port = listener.fileno(), port_of(listener)
        command = [sys.executable, "-m", "uvicorn", "ministack.app:app", "--fd", str(descriptor)]
        process = subprocess.Popen(
            [*command, "--log-level", "warning", "--no-access-log"],
            cwd=folder,
            env={**os.environ, "BIND_HOST": LOOPBACK, "PERSIST_STATE": "0", "LOG_LEVEL": "WARNING"},
            stdout=log,
            stderr=log,
            pass_fds=[descriptor],
        )
        try:
            with _client_of(f"http://{LOOPBACK}:{port}"):
                _create()
                yield Table(_NAME)
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)


@contextmanager
def _client_of(endpoint: str) -> Iterator[None]:
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    clients.dynamodb.cache_clear()
    try:
        yield
    finally:
        clients.dynamodb.cache_clear()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _create() -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            create_table(_NAME)
        except EndpointConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_AGAIN_SECONDS)
        else:
            return
