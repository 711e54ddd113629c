"""What is measured: Nephele on the local stack, and Orthanc as shipped and tuned."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.edge import free_port
from bench.rest_client import RestClient

_READY_SECONDS = 30.0
_STOP_SECONDS = 30.0
_AGAIN_SECONDS = 0.1
_TUNED = {"MaximumPduLength": 131072}
BENCH_AET, BENCH_PORT = "BENCH", free_port()
"""Where C-MOVE sends to."""
COMMON = {
    "StableAge": 3600,
    "OverwriteInstances": True,
    "DicomAlwaysAllowFind": True,
    "DicomAlwaysAllowGet": True,
    "DicomAlwaysAllowMove": True,
    "DicomModalities": {"bench": [BENCH_AET, "127.0.0.1", BENCH_PORT]},
}
"""Options all servers run under: no stable event comes in between, nothing differs in an upload."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server answers."""

    name: str
    http: str
    dicom: tuple[str, int]

    def client(self) -> RestClient:
        """Open a connection to its REST API."""
        return RestClient(self.http)


@contextmanager
def orthanc(folder: Path, *, is_tuned: bool) -> Iterator[Server]:
    """Run Debian's Orthanc on free ports while the context lasts."""
    folder.mkdir(parents=True)
    http_port, dicom_port = free_port(), free_port()
    options = {
        "Name": "bench",
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "DicomPort": dicom_port,
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "Plugins": [],
        **COMMON,
        **(_TUNED if is_tuned else {}),
    }
    file = folder / "orthanc.json"
    file.write_text(json.dumps(options), encoding="utf-8")
    environment = os.environ | ({"TCP_NODELAY": "1"} if is_tuned else {})
    name = "Orthanc tuned" if is_tuned else "Orthanc"
    server = Server(name, f"http://127.0.0.1:{http_port}", ("127.0.0.1", dicom_port))
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            ["Orthanc", str(file)], env=environment, stdout=log, stderr=log, cwd=folder
        ) as process,
    ):
        try:
            _wait_until_ready(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)


def orthanc_version() -> str:
    """Return what Orthanc calls itself."""
    told = subprocess.run(["Orthanc", "--version"], capture_output=True, text=True, check=True)
    return told.stdout.splitlines()[0]


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            server.client().get("/system")
        except OSError as exc:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Orthanc does not start") from exc
            time.sleep(_AGAIN_SECONDS)
        else:
            return
