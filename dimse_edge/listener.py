"""The parent process: it owns the DICOM port and hands each connection to a worker.

It has one thread, which only accepts and counts, so no association ever waits for another one in
the same interpreter unless both were given to the same worker.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from dimse_edge.helpers import Helpers
from dimse_edge.presence import Presence
from dimse_edge.side_port import SidePort
from dimse_edge.worker_process import WorkerProcess
from nephele.logs import logger

_BACKLOG = 1024
_ENDING_SECONDS = 5.0
_RESTART_SECONDS = 1.0
_ACCEPT_PAUSE_SECONDS = 1.0
"""How long connections wait in the kernel when none can be accepted: too many files are open."""


class WorkerFailed(Exception):
    """A worker ended before it was ready: its environment is wrong."""


class Listener:
    """A bound port and its workers; `run` serves until SIGTERM or SIGINT.

    Parameters
    ----------
    address, port : str, int
        Where to listen; port 0 takes a free one. OSError if it is taken.
    worker_processes : int
        How many workers; 0 takes one for each core.
    drain_seconds : float
        How long associations may finish after SIGTERM.
    helpers : iterable of str
        Modules of processes besides, for jobs and HTTPS.
    side_port : SidePort, optional
        Where the load balancer asks whether connections may come.
    """

    def __init__(
        self,
        address: str,
        port: int,
        worker_processes: int,
        drain_seconds: float,
        *,
        helpers: Iterable[str] = (),
        side_port: SidePort | None = None,
    ) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((address, port))
        self._socket.setblocking(False)
        self._count = worker_processes or os.cpu_count() or 1
        self._drain_seconds = drain_seconds
        self._workers: dict[socket.socket, WorkerProcess] = {}
        self._selector = selectors.DefaultSelector()
        self._helpers = Helpers(helpers, self._selector)
        self._restart_at: float | None = None
        self._accept_at: float | None = None
        self._is_listening = False
        self._is_accepting = False
        self._side_port = side_port
        self._presence = Presence()

    @property
    def port(self) -> int:
        """Return the port."""
        return int(self._socket.getsockname()[1])

    def run(self) -> None:
        """Start the workers, serve, and drain when a signal asks for it.

        Raises
        ------
        WorkerFailed
            The first workers could not start.
        """
        with self._wakeup() as wakeup:
            if self._side_port is not None:
                self._selector.register(self._side_port.socket, selectors.EVENT_READ)
            self._presence.start()
            try:
                for _ in range(self._count):
                    self._start_worker()
                self._helpers.start()
                while not self._step(wakeup):
                    pass
            finally:
                self._drain()

    @contextmanager
    def _wakeup(self) -> Iterator[socket.socket]:
        """Make the signals that end the process readable as a socket."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        previous = signal.set_wakeup_fd(writer.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        self._selector.register(reader, selectors.EVENT_READ)
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(previous)
            reader.close()
            writer.close()

    def _step(self, wakeup: socket.socket) -> bool:
        """Wait for something to happen and act upon it; True when it is time to end."""
        for key, _ in self._selector.select(self._seconds_to_wait()):
            if key.fileobj is wakeup:
                return True
            if key.fileobj is self._socket:
                self._accept()
            elif self._side_port is not None and key.fileobj is self._side_port.socket:
                self._side_port.answer(is_ready=self._is_accepting)
            elif isinstance(key.fileobj, socket.socket) and not self._helpers.hear(key.fileobj):
                self._hear(self._workers[key.fileobj])
        self._do_what_is_due()
        self._helpers.start()
        self._presence.tell(sum(worker.associations for worker in self._workers.values()))
        return False

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        if self._restart_at is not None and now >= self._restart_at:
            self._restart_at = None
            while len(self._workers) < self._count:
                self._start_worker()
        if self._accept_at is not None and now >= self._accept_at:
            self._accept_at = None
            self._accept_connections(self._has_worker())

    def _seconds_to_wait(self) -> float | None:
        """Return how long nothing is to be done; None where nothing is at all."""
        moments = (self._restart_at, self._accept_at, self._helpers.due)
        due = [at for at in moments if at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _has_worker(self) -> bool:
        return any(worker.is_ready for worker in self._workers.values())

    def _start_worker(self) -> None:
        worker = WorkerProcess()
        self._workers[worker.control] = worker
        self._selector.register(worker.control, selectors.EVENT_READ)

    def _hear(self, worker: WorkerProcess) -> None:
        was_ready = worker.is_ready
        if not worker.listen_to():
            self._replace(worker)
        elif worker.is_ready and not was_ready:
            self._worker_is_ready()

    def _worker_is_ready(self) -> None:
        if self._is_listening:
            self._accept_connections(True)
        elif all(worker.is_ready for worker in self._workers.values()):
            self._socket.listen(_BACKLOG)
            self._is_listening = True
            self._accept_connections(True)
            logger.info("listening", extra={"port": self.port, "workers": self._count})

    def _accept_connections(self, wanted: bool) -> None:
        """Let connections in, or let them wait in the kernel while no worker is there."""
        if wanted and not self._is_accepting:
            self._selector.register(self._socket, selectors.EVENT_READ)
        elif self._is_accepting and not wanted:
            self._selector.unregister(self._socket)
        self._is_accepting = wanted

    def _replace(self, worker: WorkerProcess) -> None:
        """Notice that a worker has died; its associations have died with it."""
        self._forget(worker)
        code = worker.reap(_ENDING_SECONDS)
        facts = {"exit_code": code, "associations": worker.associations}
        logger.error("worker ended unexpectedly", extra={"worker": worker.pid, **facts})
        if not self._is_listening:
            raise WorkerFailed
        if worker.is_ready:
            self._start_worker()
        else:
            self._restart_at = time.monotonic() + _RESTART_SECONDS
        self._accept_connections(self._has_worker())

    def _forget(self, worker: WorkerProcess) -> None:
        self._selector.unregister(worker.control)
        del self._workers[worker.control]

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:
            logger.error("connections cannot be accepted", extra={"reason": error.strerror})
            self._accept_connections(False)
            self._accept_at = time.monotonic() + _ACCEPT_PAUSE_SECONDS
            return
        with connection:
            connection.setblocking(True)
            ready = (worker for worker in self._workers.values() if worker.is_ready)
            for worker in sorted(ready, key=lambda worker: worker.load):
                if worker.serve(connection):
                    return
            logger.error("no worker takes a connection")

    def _drain(self) -> None:
        """Stop accepting, let the workers finish, and wait for their end."""
        while self._is_accepting and self._has_waiting():
            self._accept()
        self._socket.close()
        if self._side_port is not None:
            self._side_port.close()
        logger.info("draining", extra={"workers": len(self._workers)})
        deadline = time.monotonic() + self._drain_seconds + _ENDING_SECONDS
        children = [*self._helpers.processes, *self._workers.values()]
        for worker in children:
            worker.drain()
        for worker in children:
            worker.reap(deadline - time.monotonic())
        self._presence.stop()
        self._selector.close()
        logger.info("ended")

    def _has_waiting(self) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            return bool(selector.select(0))
