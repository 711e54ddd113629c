"""HTTPS that hangs is noticed by its own process's silence, and begun anew."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from dimse_edge import helpers, pulse
from dimse_edge.helpers import Helpers

_SILENT = "tests.edge.silent"


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Take connections and hang."""
    monkeypatch.setattr(pulse, "_PATIENCE_SECONDS", 0.2)
    with socket.create_server(("0.0.0.0", 0)) as hanging:  # noqa: S104  as in a container
        hanging.settimeout(30)
        yield hanging


def test_who_takes_connections_and_hangs_is_not_alive(listener: socket.socket) -> None:
    with pytest.raises(TimeoutError):
        pulse.is_answered(("127.0.0.1", listener.getsockname()[1]))


def test_who_is_not_there_is_not_alive() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and nobody listens
        with pytest.raises(ConnectionRefusedError):
            pulse.is_answered(closed.getsockname())


def test_answers_alone_are_told_and_questions_go_on(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "SECONDS", 0.0)
    answers = iter([False, True, TimeoutError(), ConnectionResetError(), True])
    asked: list[tuple[str, int]] = []
    told: list[int] = []
    all_told = threading.Event()

    def is_answered(place: tuple[str, int]) -> bool:
        asked.append(place)
        answer = next(answers, False)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def tell() -> None:
        told.append(len(asked))
        if len(told) == 2:
            all_told.set()

    monkeypatch.setattr(pulse, "is_answered", is_answered)
    with pulse.beating(listener, tell):
        assert all_told.wait(30)
    assert told == [2, 5]
    assert asked[0] == ("127.0.0.1", listener.getsockname()[1])


@pytest.fixture
def selector(monkeypatch: pytest.MonkeyPatch) -> Iterator[selectors.BaseSelector]:
    monkeypatch.setattr(helpers, "HTTPS", _SILENT)
    monkeypatch.setattr(helpers, "_HTTPS_AGAIN_SECONDS", 0.0)
    with selectors.DefaultSelector() as found:
        yield found


def hear(selector: selectors.BaseSelector, running: Helpers) -> None:
    """Wait until one of them says something, or ends."""
    ((key, _),) = selector.select(30)
    assert isinstance(key.fileobj, socket.socket)
    assert running.hear(key.fileobj)


def test_https_that_is_silent_is_ended_and_begun_anew(
    selector: selectors.BaseSelector,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    running = Helpers([_SILENT], selector)
    running.start()
    (first,) = running.processes
    assert running.due is None, "before it serves it may take its time"
    hear(selector, running)
    due = running.due
    assert due is not None
    running.start()
    assert running.processes == [first], "it is not silent for long"
    monkeypatch.setattr(time, "monotonic", lambda: due)
    running.start()
    monkeypatch.undo()
    monkeypatch.setattr(helpers, "HTTPS", _SILENT)
    monkeypatch.setattr(helpers, "_HTTPS_AGAIN_SECONDS", 0.0)
    assert "HTTPS does not answer" in caplog.text
    hear(selector, running)
    assert running.processes == []
    running.start()
    (second,) = running.processes
    assert second.pid != first.pid
    hear(selector, running)
    second.drain()
    assert second.reap(30) == 0
