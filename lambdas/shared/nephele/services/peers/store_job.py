"""The job `OrthancPeerStore`: instances to a peer, several at a time, each confirmed by it.

What is sent is settled by the first slice. A job that lost its worker asks the peer whether it has
what was under way then, so that nothing is sent twice that has arrived.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.errors import NepheleError, NetworkProtocol, UnknownResource
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.sending import Plan, Progress
from nephele.services.jobs.slices import Slice
from nephele.services.peers.client import PeerClient, Transient
from nephele.services.peers.known import require_peer
from nephele.services.peers.uploads import Form, opened_upload

_AT_ONCE = 4
"""Requests that are under way side by side."""
_FEW = 200
"""So many ids are kept in the job's row, more in an object."""
_ROWS_AT_ONCE = 100
_SAVED_EVERY = 20
_PAUSES_SECONDS = (0.3, 1.0, 3.0)
"""Before each further attempt, when a peer cannot be reached or is busy."""
_RANDOM = random.SystemRandom()


def run(archive: Archive, piece: Slice) -> bool:
    """Send what is left, as much as there is time for.

    Its end may be done again, with the plan gone: another worker finds that all was sent.
    """
    plan = Plan(archive, piece, _FEW)
    if not plan.is_sent and not _send(archive, piece, plan):
        return False
    plan.forget()
    return True


def _send(archive: Archive, piece: Slice, plan: Plan) -> bool:
    """Send as much as there is time for; tell whether that was all."""
    is_new = not plan.is_settled
    ids = plan.instances(Bytes=0)
    peer = require_peer(archive, piece.request["Peer"])
    form = Form(
        piece.request["Transcode"], piece.request["LossyQuality"], piece.request["Compress"]
    )
    with PeerClient(archive, peer) as client, ThreadPoolExecutor(_AT_ONCE) as pool:
        sender = _Sender(archive, client, form)
        sending = _Sending(piece, sender, pool)
        if not is_new and piece.position.pop("UnderWay", False):
            sender.doubtful = frozenset(ids[piece.position["Done"] :][: _SAVED_EVERY + _AT_ONCE])
        sending.send(ids)
    return plan.is_sent


@dataclass(slots=True)
class _Sender:
    """Sends one instance, by whichever thread.

    Attributes
    ----------
    doubtful : frozenset of OrthancId
        What may have arrived before: the peer is asked first.
    """

    archive: Archive
    client: PeerClient
    form: Form
    doubtful: frozenset[OrthancId] = frozenset()

    def send(self, orthanc_id: OrthancId, instance: Resource | None) -> int:
        """Send an instance and return how many bytes went over the wire."""
        if orthanc_id in self.doubtful and self.client.has(orthanc_id):
            return 0
        if instance is None:
            raise UnknownResource("It was deleted meanwhile")
        for pause in (*_PAUSES_SECONDS, None):
            try:
                with opened_upload(self.archive, instance, self.form) as upload:
                    self.client.store(upload)
                    return upload.size_bytes
            except Transient as error:
                if pause is None:
                    raise
                logger.info("peer will be tried again", extra={"reason": type(error).__name__})
                time.sleep(pause * _RANDOM.uniform(0.5, 1.0))
        raise NetworkProtocol("The peer cannot be reached")


class _Sending:
    """One slice's way through the instances: some under way, their answers taken in order."""

    def __init__(self, piece: Slice, sender: _Sender, pool: ThreadPoolExecutor) -> None:
        self._piece = piece
        self._sender = sender
        self._pool = pool
        self._progress = Progress(piece, _SAVED_EVERY)

    def send(self, ids: list[OrthancId]) -> None:
        """Send as many as there is time for; a failure ends the job unless it is permissive."""
        position = self._piece.position
        position["UnderWay"] = True  # before the first request: it may arrive, and we not know
        self._piece.checkpoint()
        waiting: deque[Future[int]] = deque()
        remaining = self._iter_resources(ids[position["Done"] :])
        try:
            while True:
                while len(waiting) < _AT_ONCE and self._piece.has_time():
                    named = next(remaining, None)
                    if named is None:
                        break
                    waiting.append(self._pool.submit(self._sender.send, *named))
                if not waiting:
                    break
                self._take(waiting.popleft())
                self._progress.advance(len(ids))
        finally:
            for future in waiting:
                future.cancel()
        position.pop("UnderWay", None)
        self._progress.end(len(ids))

    def _iter_resources(self, ids: list[OrthancId]) -> Iterator[tuple[OrthancId, Resource | None]]:
        index = self._sender.archive.index
        for start in range(0, len(ids), _ROWS_AT_ONCE):
            some = ids[start : start + _ROWS_AT_ONCE]
            found = index.resources(some)
            for orthanc_id in some:
                yield orthanc_id, found.get(orthanc_id)

    def _take(self, future: Future[int]) -> None:
        """Count what was confirmed, or pass over what was not."""
        position, content = self._piece.position, self._piece.content
        try:
            position["Bytes"] += future.result()
        except UnknownResource as error:
            content["FailedInstancesCount"] += 1
            if not self._piece.is_permissive:
                raise NepheleError("An instance was deleted after the job was submitted") from error
        except NetworkProtocol as error:
            if not self._piece.is_permissive:
                raise
            content["FailedInstancesCount"] += 1
            logger.warning("instance not sent: passed over", extra={"reason": str(error)})
        content["Size"] = str(position["Bytes"])
        content["SizeMB"] = position["Bytes"] >> 20
