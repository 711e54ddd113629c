"""A worker process: it serves the connections its parent hands to it, a thread for each."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

from dimse_edge import control
from dimse_edge.association import EdgeAssociation
from dimse_edge.site import MAXIMUM_CONNECTIONS, Site, open_site
from dimse_edge.tls import check, server_side
from nephele.aws import clients
from nephele.errors import NepheleError
from nephele.logs import logger
from nephele.services.archive import open_archive
from nephele.settings.environment import EdgeEnvironment

_PR_SET_PDEATHSIG = 1
_ABORTED_SECONDS = 3.0
"""How long associations that were aborted may take to see it."""


class Worker:
    """The associations of one process.

    Parameters
    ----------
    parent : socket
        Where connections come from, and where it is told that associations end.
    """

    def __init__(self, site: Site, parent: socket.socket, drain_seconds: float) -> None:
        self._site = site
        self._parent = parent
        self._drain_seconds = drain_seconds
        self._associations: set[EdgeAssociation] = set()
        self._changed = threading.Condition()

    def run(self) -> None:
        """Serve until the parent says to drain, or is gone."""
        self._parent.send(control.READY)
        while True:
            message, connection = control.receive(self._parent)
            if connection is not None:
                self._serve(connection)
            elif message == control.DRAIN:
                self._drain(self._drain_seconds)
                return
            elif not message:
                self._drain(0)
                return

    def _serve(self, connection: socket.socket) -> None:
        with self._changed:
            self._site.associations += 1
            is_flooded = self._site.associations > MAXIMUM_CONNECTIONS
        if is_flooded:
            logger.warning("too many connections", extra={"connections": MAXIMUM_CONNECTIONS})
            self._refuse(connection)
            return
        try:
            secured = server_side(self._site.archive, connection)
            association = EdgeAssociation(self._site, secured, self._ended)
        except OSError:
            logger.debug("the peer was gone already")
            self._refuse(connection)
            return
        except NepheleError as error:
            logger.error("TLS is not possible", extra={"reason": str(error)})
            self._refuse(connection)
            return
        with self._changed:
            self._associations.add(association)
        association.start()

    def _refuse(self, connection: socket.socket) -> None:
        connection.close()
        self._count_off()

    def _ended(self, association: EdgeAssociation) -> None:
        with self._changed:
            self._associations.discard(association)
        self._count_off()

    def _count_off(self) -> None:
        with self._changed:
            self._site.associations -= 1
            self._changed.notify_all()
        try:
            self._parent.send(control.ENDED)
        except OSError:
            logger.debug("the parent is gone")

    def _drain(self, seconds: float) -> None:
        if self._wait_for_end(seconds):
            return
        with self._changed:
            left = list(self._associations)
        logger.warning("associations are aborted", extra={"associations": len(left)})
        for association in left:
            association.cut()
        self._wait_for_end(_ABORTED_SECONDS)

    def _wait_for_end(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._site.associations:
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not self._changed.wait(remaining):
                    return not self._site.associations
        return True


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies; Linux only.

    Elsewhere the end of the control socket has the same effect, a little later.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(1)


def begin_child(parent: int) -> None:
    """Leave signals to the parent, which says when to end, and do not outlive it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    die_with_parent(parent)


def main(descriptor: int, parent: int) -> None:
    """Run a worker on the control socket it has inherited."""
    begin_child(parent)
    environment = EdgeEnvironment()
    directory = environment.temporary_directory
    tempfile.tempdir = directory or None  # transcoded instances go there too
    site = open_site(open_archive(environment), Path(directory) if directory else None)
    try:
        check(site.archive)
    except NepheleError as error:
        logger.error("TLS is not possible", extra={"reason": str(error)})
        raise SystemExit(1) from error
    for client in (clients.s3, clients.dynamodb):
        client()
    gc.collect()
    gc.freeze()
    Worker(site, socket.socket(fileno=descriptor), environment.drain_seconds).run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
