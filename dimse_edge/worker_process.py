"""A worker process, or a helper's, as the parent sees it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

from dimse_edge import control
from nephele.logs import logger

WORKER = "dimse_edge.worker"
EXECUTOR = "dimse_edge.executor"
HTTPS = "dimse_edge.https"


class WorkerProcess:
    """A process that was started to serve connections, to work on jobs, or for HTTPS.

    Parameters
    ----------
    module : str
        What it runs.

    Attributes
    ----------
    control : socket
        Readable when the process has something to say, or has ended.
    associations : int
        Connections handed over that have not ended yet.
    last_heard : float
        When it last said something, by the monotonic clock; its start before that.
    """

    def __init__(self, module: str = WORKER) -> None:
        self.control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                [
                    sys.executable,
                    "-m",
                    module,
                    str(theirs.fileno()),
                    str(os.getpid()),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self.control.setblocking(False)
        self.associations = 0
        self.is_ready = False
        self.last_used = 0.0
        self.last_heard = time.monotonic()

    @property
    def pid(self) -> int:
        """Return the id of the process."""
        return self._process.pid

    @property
    def load(self) -> tuple[int, float]:
        """Return what the least loaded worker has the least of: associations, then recency."""
        return self.associations, self.last_used

    def serve(self, connection: socket.socket) -> bool:
        """Hand a connection over; False if the worker cannot take it."""
        try:
            control.send_connection(self.control, connection)
        except OSError:
            return False
        self.associations += 1
        self.last_used = time.monotonic()
        return True

    def listen_to(self) -> bool:
        """Take notice of what the worker says; False if it is gone."""
        messages = control.receive_messages(self.control)
        self.associations -= messages.count(control.ENDED)
        self.is_ready = self.is_ready or control.READY in messages
        self.last_heard = time.monotonic()
        return bool(messages)

    def drain(self) -> None:
        """Ask the worker to end as soon as its associations have."""
        try:
            self.control.send(control.DRAIN)
        except OSError:
            logger.debug("the worker is gone already")

    def kill(self) -> None:
        """End the process at once: it answers nobody. Its end is heard as any other."""
        self._process.kill()

    def reap(self, seconds: float) -> int:
        """Wait for the end of the process, kill it if it does not come; return its exit code."""
        self.control.close()
        try:
            return self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
