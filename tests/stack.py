"""The local stack for tests: the `stack` fixture, and `running_stack` for one with own options."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from tests.noted import NOTES

START_SECONDS = 240.0
STOP_SECONDS = 90.0
_ROOT_CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local-root"}
_REGION = "us-east-1"
_LOOK_AGAIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Stack:
    """A running local stack.

    Attributes
    ----------
    http, dicom, aws, control, https : str
        Where its doors are; `dicom` is `host:port`, the others are URLs. `https` is the edge's own,
        empty without `SslEnabled`.
    process : subprocess.Popen
        The `nephele up` process.
    """

    http: str
    dicom: str
    aws: str
    control: str
    trusted: Path
    data: Path
    process: subprocess.Popen[str]
    https: str = ""

    @property
    def dicom_address(self) -> tuple[str, int]:
        """Host and port of the DICOM door."""
        host, _, port = self.dicom.rpartition(":")
        return host, int(port)

    def rest(self, **options: Any) -> httpx.Client:
        """Return a client of the REST API."""
        return httpx.Client(base_url=self.http, timeout=60, trust_env=False, **options)

    def client(self, service: str, **credentials: str) -> Any:
        """Return a boto3 client of the local AWS, as the account's root unless told otherwise."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.aws,
            verify=str(self.trusted),
            region_name=_REGION,
            **(credentials or _ROOT_CREDENTIALS),
        )

    def wait_idle(self, seconds: float = 60.0) -> None:
        """Return when nothing is queued, in flight or unread; delayed messages do not count."""
        answer = httpx.get(
            f"{self.control}/idle?seconds={seconds}", timeout=seconds + 10, trust_env=False
        )
        if answer.status_code != httpx.codes.OK:
            raise TimeoutError(answer.text)

    def status(self) -> dict[str, Any]:
        """Return figures: `functions` by name, and `aws` when the proxy is on."""
        return dict(self._ask("GET", "/status"))

    def grants(self) -> dict[str, list[str]]:
        """Return what roles may do (`granted`), and what of it has let a call pass (`used`)."""
        return dict(self._ask("GET", "/grants"))

    def switch(self, **faults: Any) -> dict[str, Any]:
        """Change fault switches (names of `infra.local.faults.Faults`)."""
        return dict(self._ask("POST", "/faults", faults))

    def reset_figures(self) -> None:
        """Start counting anew."""
        self._ask("POST", "/reset")

    def run_schedules(self) -> None:
        """Call every scheduled function now."""
        self._ask("POST", "/schedules")

    def invoke(
        self, function: str, event: Mapping[str, Any], seconds: float | None = None
    ) -> dict[str, Any]:
        """Call a function; the answer has `error` and `payload`.

        `seconds` is how long it may take, where that is less than its timeout.
        """
        asked = "" if seconds is None else f"?seconds={seconds}"
        return dict(self._ask("POST", f"/functions/{function}/invoke{asked}", event))

    def kill_workers(self, function: str) -> None:
        """Kill a function's workers, busy or not."""
        self._ask("POST", f"/functions/{function}/kill")

    def kill_edge(self) -> None:
        """Kill the edge and its workers; it is started again by itself."""
        self._ask("POST", "/edge/kill")

    def log(self, name: str) -> str:
        """Return a log: a function's name, `edge` or `ministack`."""
        path = self.data / "logs" / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def _ask(self, method: str, path: str, document: Any = None) -> Any:
        answer = httpx.request(
            method, f"{self.control}{path}", json=document, timeout=660, trust_env=False
        )
        if answer.is_error:
            raise ValueError(answer.text)
        return answer.json()


def command_line(data: Path, arguments: Sequence[str] = ()) -> list[str]:
    """Return the command that runs the local stack on free ports."""
    nephele = Path(sys.executable).with_name("nephele")
    ports = ["--http-port", "0", "--dicom-port", "0", "--https-port", "0", "--aws-port", "0"]
    return [str(nephele), "up", "--data", str(data), *ports, *arguments]


@contextmanager
def running_stack(
    data: Path,
    assemblies: Path,
    *arguments: str,
    configuration: Mapping[str, Any] | None = None,
) -> Iterator[Stack]:
    """Run a local stack.

    Parameters
    ----------
    data : Path
        Its data folder; a second run continues where the first ended.
    assemblies : Path
        Where synthesized templates are shared between stacks of the same configuration.
    arguments : str
        More options of `nephele up`.
    configuration : mapping, optional
        Orthanc's configuration.
    """
    data.mkdir(parents=True, exist_ok=True)
    options = _configured(data, assemblies, configuration or {})
    command = command_line(data, [*options, *arguments])
    with (
        (data / "up.log").open("a+", encoding="utf-8") as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True) as process,
    ):
        try:
            running = _wait_until_ready(data, process)
            yield running
            if process.poll() is None:
                NOTES.add(running.grants())
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(STOP_SECONDS)


def _configured(data: Path, assemblies: Path, configuration: Mapping[str, Any]) -> list[str]:
    text = json.dumps(configuration, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = assemblies / digest
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "orthanc.json"
    config.write_text(text, encoding="utf-8")
    return ["--config", str(config), "--assembly", str(folder / "assembly")]


def _wait_until_ready(data: Path, process: subprocess.Popen[str]) -> Stack:
    description = data / "stack.json"
    deadline = time.monotonic() + START_SECONDS
    while not (description.is_file() and _pid(description) == process.pid):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail("the local stack did not start:\n" + (data / "up.log").read_text())
        time.sleep(_LOOK_AGAIN_SECONDS)
    found = json.loads(description.read_text(encoding="utf-8"))
    return Stack(
        http=found["http"],
        dicom=found["dicom"],
        aws=found["aws"],
        control=found["control"],
        trusted=Path(found["trusted"]),
        data=data,
        process=process,
        https=found.get("https", ""),
    )


def _pid(description: Path) -> int:
    return int(json.loads(description.read_text(encoding="utf-8"))["pid"])


@pytest.fixture(scope="session")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of synthesized templates that stacks of this session share."""
    return tmp_path_factory.mktemp("assemblies")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, assemblies: Path) -> Iterator[Stack]:
    """Run one local stack for the whole session: default configuration, no login, no faults.

    Tests that use it share its archive: they bring UIDs of their own and put switches back.
    """
    os.environ.pop("AWS_ENDPOINT_URL", None)
    with running_stack(tmp_path_factory.mktemp("stack"), assemblies) as running:
        yield running
