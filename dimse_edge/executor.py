"""The executor process: it takes the edge's jobs out of their queue, and works on them by threads.

It ends when its parent says so, or is gone: jobs that are under way save where they stand and go
back to the queue.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import cast

from dimse_edge import control
from dimse_edge.site import open_site
from dimse_edge.worker import begin_child
from nephele.aws import clients
from nephele.aws.queues import Queue, Received
from nephele.errors import NepheleError
from nephele.logs import logger
from nephele.services.archive import Archive, open_archive
from nephele.services.jobs import kinds
from nephele.services.jobs.kinds import JobKind
from nephele.services.jobs.worker import run_received
from nephele.settings.environment import EdgeEnvironment

_QUEUE = "edge_jobs"
_MOST_MESSAGES = 10
_SLICE_SECONDS = 60.0
"""A slice ends after so long where a job has steps: others have their turn."""
_PAUSE_SECONDS = 2.0
"""How long a queue that does not answer is left alone."""
_KINDS = {
    "DicomEcho": "echo",
    "DicomFind": "find",
    "DicomFindWorklist": "worklist",
    "DicomModalityStore": "store_job",
    "DicomStoreStraight": "straight",
    "AutoForward": "forward",
    "DicomMoveScu": "move",
    "DicomGetScu": "get",
    "StorageCommitmentScu": "commitment_request",
    "StorageCommitmentScp": "commitment_report",
}
"""The module of `dimse_edge.scu` behind each type of job."""


def load_kind(job_type: str) -> JobKind:
    """Return the code of a kind of jobs the edge runs: its own, or the wheel's."""
    if job_type not in _KINDS:
        return kinds.load_kind(job_type)
    return cast("JobKind", import_module(f"dimse_edge.scu.{_KINDS[job_type]}"))


class Executor:
    """Works on jobs, several at a time, until it is told to drain.

    Parameters
    ----------
    threads : int
        How many jobs at a time.
    """

    def __init__(self, archive: Archive, threads: int) -> None:
        self._archive = archive
        self._queue: Queue = archive.queue(_QUEUE)
        self._slots = threading.Semaphore(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="job")
        self._is_draining = threading.Event()
        self._changed = threading.Condition()
        self._running = 0

    def start(self) -> None:
        """Begin to take jobs out of the queue."""
        threading.Thread(target=self._poll_or_end, name="poller", daemon=True).start()

    def drain(self, seconds: float) -> bool:
        """Let jobs come to the end of their step; False if some did not within the time."""
        self._is_draining.set()
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, seconds)

    def _poll_or_end(self) -> None:
        """Poll; without it the process is of no use: the parent starts another one."""
        try:
            self._poll()
        except BaseException:  # noqa: BLE001  nobody else would notice
            logger.exception("jobs are not received any more")
            os._exit(1)

    def _poll(self) -> None:
        while not self._is_draining.is_set():
            free = self._take_slots()
            received = self._receive(free)
            for message in received:
                self.take(message)
            for _ in range(free - len(received)):
                self._slots.release()

    def _take_slots(self) -> int:
        """Wait for one thread that is free, and return how many are."""
        self._slots.acquire()
        free = 1
        while free < _MOST_MESSAGES and self._slots.acquire(blocking=False):
            free += 1
        return free

    def _receive(self, most: int) -> list[Received]:
        try:
            return self._queue.receive(most)
        except NepheleError as error:
            logger.warning("jobs cannot be received", extra={"error": type(error).__name__})
        except Exception:  # noqa: BLE001  the outermost boundary of one poll
            logger.exception("jobs cannot be received")
        self._is_draining.wait(_PAUSE_SECONDS)
        return []

    def take(self, message: Received) -> None:
        """Work on a message that was received, by a thread that is free."""
        with self._changed:
            self._running += 1
        self._pool.submit(self._work, message)

    def _work(self, message: Received) -> None:
        end = time.monotonic() + _SLICE_SECONDS
        try:
            if self._is_draining.is_set():
                self._queue.keep_away(message.handle, 0)
                return
            run_received(
                self._archive,
                self._queue,
                message,
                load_kind,
                lambda: not self._is_draining.is_set() and time.monotonic() < end,
            )
        except NepheleError as error:
            logger.warning("message not returned", extra={"error": type(error).__name__})
        except Exception:  # noqa: BLE001  the outermost boundary of one message
            logger.exception("job failed")
        finally:
            self._slots.release()
            with self._changed:
                self._running -= 1
                self._changed.notify_all()


def main(descriptor: int, parent: int) -> None:
    """Run the executor on the control socket it has inherited."""
    begin_child(parent)
    environment = EdgeEnvironment()
    tempfile.tempdir = environment.temporary_directory or None
    archive = open_archive(environment)
    open_site(archive)
    for client in (clients.s3, clients.dynamodb, clients.sqs):
        client()
    for job_type in _KINDS:
        load_kind(job_type)
    executor = Executor(archive, environment.executor_threads)
    executor.start()
    with socket.socket(fileno=descriptor) as connection:
        connection.send(control.READY)
        while control.receive(connection)[0] not in (control.DRAIN, b""):
            pass
    if not executor.drain(environment.drain_seconds):
        logger.warning("jobs are left to their leases")
    sys.stdout.flush()
    os._exit(0)  # without waiting for threads: those that are left wait for their peers


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
