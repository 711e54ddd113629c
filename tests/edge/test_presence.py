"""What a task tells of itself: its side port, its protection, its health."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from bench.edge import edge_environment
from dimse_edge.health import answers
from dimse_edge.presence import Presence
from tests.edge.conftest import StartEdge

_SECONDS = 30.0


def ask(port: int) -> str:
    """Ask a side port as a load balancer does; return the status line, or "" if it is closed."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: task\r\n\r\n")
            return connection.recv(1024).split(b"\r\n")[0].decode()
    except ConnectionError:
        return ""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_the_side_port_tells_that_connections_may_come(start_edge: StartEdge) -> None:
    port = free_port()
    edge = start_edge(NEPHELE_SIDE_PORT=str(port))
    assert ask(port) == "HTTP/1.1 200 OK"
    with socket.create_connection(("127.0.0.1", port)):  # one who says nothing holds nobody up
        assert answers(edge.port, "ANY-SCP")
    assert ask(port) == "HTTP/1.1 200 OK"
    edge.stop()
    assert ask(port) == ""


@pytest.mark.parametrize(
    ("configuration", "called_aet"),
    [
        pytest.param({}, "ANY-SCP", id="accepted"),
        pytest.param({"DicomCheckCalledAet": True, "DicomAet": "HOSPITAL"}, "OTHER", id="rejected"),
    ],
)
def test_the_health_check_makes_no_noise(
    start_edge: StartEdge, configuration: dict[str, Any], called_aet: str
) -> None:
    edge = start_edge(configuration)
    assert answers(edge.port, called_aet)
    entity = AE(ae_title="SCANNER")
    association = entity.associate("127.0.0.1", edge.port, contexts=[_context()], ae_title="OTHER")
    if association.is_established:
        association.release()
    ended = edge.wait_for("association ended")
    assert ended["calling_aet"] == "SCANNER"


@pytest.mark.parametrize(
    ("is_enabled", "code"),
    [pytest.param(True, 1, id="nobody there"), pytest.param(False, 0, id="nobody wanted")],
)
def test_the_containers_health_check(*, is_enabled: bool, code: int) -> None:
    configuration = {"DicomPort": free_port(), "DicomServerEnabled": is_enabled}
    environment = edge_environment("http://127.0.0.1:1", configuration)
    command = [sys.executable, "-m", "dimse_edge.health"]
    assert (
        subprocess.run(command, env=environment, timeout=_SECONDS, check=False).returncode == code
    )


def _context() -> Any:
    from pynetdicom.presentation import build_context

    return build_context(Verification)


def _answer(is_refused: bool) -> bytes:
    return json.dumps({"failure": {"Reason": "AGENT"}} if is_refused else {}).encode()


class Agent:
    """ECS's agent, as far as a task talks to it."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []
        self.refused: set[int] = set()
        self._changed = threading.Condition()
        agent = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with agent._changed:
                    agent.states.append({"path": self.path, **json.loads(body)})
                    is_refused = len(agent.states) in agent.refused
                    agent._changed.notify_all()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(_answer(is_refused))

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.states) >= count, _SECONDS)
            return self.states


@pytest.fixture
def agent() -> Iterator[Agent]:
    found = Agent()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def test_a_task_is_protected_while_associations_live(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ECS_AGENT_URI", agent.url)
    monkeypatch.setenv("NEPHELE_TABLE", "the-table")
    presence = Presence()
    presence.start()
    presence.tell(1)
    agent.wait_for(1)
    presence.tell(2)
    presence.tell(0)
    agent.wait_for(2)
    presence.tell(1)
    agent.wait_for(3)
    presence.stop()
    assert [state["ProtectionEnabled"] for state in agent.states] == [True, False, True, False]
    assert {state["path"] for state in agent.states} == {"/task-protection/v1/state"}
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {metric["archive"] for metric in metrics} == {"the-table"}
    assert {"Associations": [1.0]}.items() <= metrics[-1].items()


def test_a_protection_that_could_not_be_given_up_is_given_up_later(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECS_AGENT_URI", agent.url)
    monkeypatch.setattr("dimse_edge.presence._TELL_SECONDS", 0.05)
    agent.refused = {2}
    presence = Presence()
    presence.start()
    presence.tell(1)
    agent.wait_for(1)
    presence.tell(0)
    states = agent.wait_for(3)
    presence.stop()
    assert [state["ProtectionEnabled"] for state in states] == [True, False, False]


def test_nothing_is_told_outside_of_ecs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECS_AGENT_URI", raising=False)
    presence = Presence()
    presence.start()
    presence.tell(1)
    presence.stop()
