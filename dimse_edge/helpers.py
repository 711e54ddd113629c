"""Processes beside the workers, for jobs and for HTTPS: each is started anew after its end."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterable

from dimse_edge.worker_process import HTTPS, WorkerProcess
from nephele.logs import logger

_ENDING_SECONDS = 5.0
_AGAIN_SECONDS = 1.0
_HTTPS_AGAIN_SECONDS = 10.0
"""It ends when it has no certificate, which comes by hand: `nephele secrets push`."""
_SILENT_SECONDS = 120.0
"""HTTPS that serves tells of itself eight times in that."""


class Helpers:
    """Processes that are given no connections; they are heard through a selector.

    Parameters
    ----------
    modules : iterable of str
        What they run.
    """

    def __init__(self, modules: Iterable[str], selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._due = dict.fromkeys(modules, 0.0)
        self._running: dict[socket.socket, tuple[str, WorkerProcess]] = {}

    @property
    def due(self) -> float | None:
        """Return when one is to be started or ended, by the monotonic clock; None for never."""
        silent = [process.last_heard + _SILENT_SECONDS for process in self._watched()]
        return min([*self._due.values(), *silent], default=None)

    @property
    def processes(self) -> list[WorkerProcess]:
        """Return those that run."""
        return [process for _, process in self._running.values()]

    def start(self) -> None:
        """Start those whose time has come; end one that serves HTTPS and answers nobody."""
        for process in self._watched():
            if process.last_heard + _SILENT_SECONDS <= time.monotonic():
                logger.error("HTTPS does not answer", extra={"worker": process.pid})
                process.is_ready = False  # it is ended once
                process.kill()
        for module in [module for module, due in self._due.items() if due <= time.monotonic()]:
            process = WorkerProcess(module)
            self._running[process.control] = module, process
            self._selector.register(process.control, selectors.EVENT_READ)
            del self._due[module]

    def _watched(self) -> list[WorkerProcess]:
        """Return the process of HTTPS while it serves: before that it may wait for long."""
        running = self._running.values()
        return [process for module, process in running if module == HTTPS and process.is_ready]

    def hear(self, control: socket.socket) -> bool:
        """Listen to one of them; False if that is none of them."""
        if control not in self._running:
            return False
        module, process = self._running[control]
        if not process.listen_to():
            self._selector.unregister(control)
            del self._running[control]
            code = process.reap(_ENDING_SECONDS)
            logger.error("helper ended unexpectedly", extra={"helper": module, "exit_code": code})
            wait = _HTTPS_AGAIN_SECONDS if module == HTTPS else _AGAIN_SECONDS
            self._due[module] = time.monotonic() + wait
        return True
