"""`nephele up` from outside: its ready line, its end, what is left, what survives."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from pydicom.data import get_testdata_file

from infra.local.certificate import ensure_certificate
from infra.local.folders import DataFolder
from tests.stack import Stack, command_line, running_stack

CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))
CHALLENGE = 'Basic realm="Orthanc Secure Area"'
USERS = {"AuthenticationEnabled": True, "RegisteredUsers": {"alice": "secret"}}
_LOOK_AGAIN_SECONDS = 0.05


def _processes(data: Path) -> dict[int, str]:
    """Return the processes that have the data folder in their command line or environment."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            told = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if str(data).encode() in told:
            found[int(folder.name)] = told[:80].replace(b"\0", b" ").decode("utf-8", "replace")
    return found


def _wait_until_gone(data: Path, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while left := _processes(data):
        if time.monotonic() > deadline:
            pytest.fail(f"still running: {left}")
        time.sleep(_LOOK_AGAIN_SECONDS)


def _up(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*command_line(data), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("option", ["--http-port", "--dicom-port", "--aws-port"])
def test_a_taken_port_is_said_in_one_line(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = _up(tmp_path, option, str(port))
    assert ended.returncode == 1
    assert ended.stderr == f"nephele up: port {port} is taken; choose another with {option}\n"
    assert "ready" not in ended.stdout
    _wait_until_gone(tmp_path)


def test_a_wrong_option_is_said_in_one_line(tmp_path: Path) -> None:
    config = tmp_path / "orthanc.json"
    config.write_text('{"NoSuchOption": 1}', encoding="utf-8")
    ended = _up(tmp_path / "data", "--config", str(config))
    assert ended.returncode == 1
    assert ended.stderr == "nephele up: NoSuchOption: there is no such option\n"


def test_files_are_looked_for_beside_the_configuration(tmp_path: Path) -> None:
    """One that is missing is said with its whole path, and leaves nothing to recover from."""
    folder, data = tmp_path / "configured", tmp_path / "data"
    made = ensure_certificate(folder / "tls")
    (folder / "edge.pem").write_bytes(made.chain.read_bytes() + made.key.read_bytes())
    options = {
        "SslEnabled": True,
        "SslCertificate": "edge.pem",
        "DicomTlsTrustedCertificates": "tls/none.pem",
    }
    config = folder / "orthanc.json"
    config.write_text(json.dumps(options), encoding="utf-8")
    ended = _up(data, "--config", str(config))
    assert ended.returncode == 1
    missing = f"DicomTlsTrustedCertificates: {folder}/tls/none.pem: No such file or directory; put"
    assert ended.stderr.strip().splitlines()[-1].startswith(f"nephele: {missing}")
    assert not DataFolder(data).is_unsaved
    _wait_until_gone(data)


def test_a_signal_while_starting_leaves_nothing(tmp_path: Path, assemblies: Path) -> None:
    process = subprocess.Popen(
        command_line(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("not emulated")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, process.stdout.read()
    _wait_until_gone(tmp_path)


class TestOneFolder:
    """Three runs on one data folder; each test continues where the one before ended."""

    @pytest.fixture(scope="class")
    @staticmethod
    def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tmp_path_factory.mktemp("kept")

    def test_a_login_is_needed_when_the_configuration_says_so(
        self, data: Path, assemblies: Path
    ) -> None:
        with running_stack(data, assemblies, configuration=USERS) as stack:
            ready = (data / "up.log").read_text().splitlines()[-1]
            assert ready == f"ready http={stack.http} dicom={stack.dicom} aws={stack.aws}"
            self._check_logins(stack)
            with stack.rest(auth=("alice", "secret")) as rest:
                stored = rest.post("/instances", content=CT.read_bytes()).json()
            (data / "id").write_text(stored["ID"])
            stack.wait_idle()
            self._check_second_run_is_refused(data)
            assert stack.stop(signal.SIGINT) == 0
        _wait_until_gone(data)

    def test_data_survive_a_stop(self, data: Path, assemblies: Path) -> None:
        instance = (data / "id").read_text()
        with running_stack(data, assemblies, configuration=USERS) as stack:
            with stack.rest(auth=("alice", "secret")) as rest:
                assert rest.get("/instances").json() == [instance]
                assert rest.get(f"/instances/{instance}/file").content == CT.read_bytes()
            assert stack.stop(signal.SIGTERM) == 0
        _wait_until_gone(data)

    def test_nothing_outlives_a_kill(self, data: Path, assemblies: Path) -> None:
        with running_stack(data, assemblies, configuration=USERS) as stack:
            assert len(_processes(data)) > 3
            assert stack.stop(signal.SIGKILL) == -signal.SIGKILL
        _wait_until_gone(data)

    @staticmethod
    def _check_logins(stack: Stack) -> None:
        with stack.rest() as rest:
            refused = rest.get("/system")
            wrong = rest.get("/system", auth=("alice", "wrong"))
            right = rest.get("/system", auth=("alice", "secret"))
        for answer in (refused, wrong):
            assert answer.status_code == httpx.codes.UNAUTHORIZED
            assert answer.headers["WWW-Authenticate"] == CHALLENGE
        assert right.json()["ApiVersion"] == 30

    @staticmethod
    def _check_second_run_is_refused(data: Path) -> None:
        ended = _up(data)
        assert ended.returncode == 1
        assert ended.stderr.endswith("is used by another local stack; choose another with --data\n")
