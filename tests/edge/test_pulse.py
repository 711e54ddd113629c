"""HTTPS that hangs is noticed by its own process's silence, and begun anew."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from dimse_edge import helpers, pulse
from dimse_edge.helpers import Helpers

_SILENT = "tests.edge.silent"


def test_who_takes_connections_and_hangs_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "SECONDS", 0.0)
    monkeypatch.setattr(pulse, "_PATIENCE_SECONDS", 0.2)
    told: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as hanging, contextlib.ExitStack() as stack:
        hanging.settimeout(30)

        def take_two() -> None:
            """Take the second connection when the patience with the first one is over."""
            for _ in range(2):
                stack.enter_context(hanging.accept()[0])

        async def ask() -> None:
            taking = asyncio.to_thread(take_two)
            beating = asyncio.create_task(
                pulse.beat(*hanging.getsockname(), lambda: told.append("alive"))
            )
            await taking
            beating.cancel()

        asyncio.run(ask())
    assert told == []


def test_a_port_that_is_closed_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "SECONDS", 0.0)
    asked = threading.Semaphore(0)
    real = asyncio.open_connection

    async def open_connection(*arguments: object, **named: object) -> object:
        asked.release()
        return await real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "open_connection", open_connection)

    async def ask(closed: socket.socket) -> bool:
        beating = asyncio.create_task(pulse.beat(*closed.getsockname(), lambda: None))
        again = [await asyncio.to_thread(asked.acquire, timeout=30) for _ in range(3)]
        beating.cancel()
        return all(again)

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and nobody listens
        assert asyncio.run(ask(closed))


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
