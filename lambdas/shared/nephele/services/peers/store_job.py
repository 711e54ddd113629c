"""The job `OrthancPeerStore`: instances to a peer, several at a time, each confirmed by it.

What is sent is settled by the first slice. A job that lost its worker asks the peer whether it has
what was under way then, so that nothing is sent twice that has arrived.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.errors import NepheleError, NetworkProtocol, UnknownResource
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.sending import Plan, Progress
from nephele.services.jobs.slices import Slice
from nephele.services.peers.client import PeerClient
from nephele.services.peers.known import require_peer
from nephele.services.peers.sender import Ahead, Sender, UnderWay
from nephele.services.peers.uploads import Form

_AT_ONCE = 8
"""Requests that are under way side by side."""
_READ_AHEAD = 4
"""Instances that are read, and transcoded, before it is their turn."""
_FEW = 200
"""So many ids are kept in the job's row, more in an object."""
_ROWS_AT_ONCE = 100
_SAVED_FIRST, _SAVED_EVERY = 16, 64


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
    ids = plan.instances(Bytes=0, UnderWay=True)
    peer = require_peer(archive, piece.request["Peer"])
    form = Form(
        piece.request["Transcode"], piece.request["LossyQuality"], piece.request["Compress"]
    )
    with PeerClient(archive, peer) as client, ThreadPoolExecutor(_READ_AHEAD) as pool:
        sender = Sender(archive, client, form)
        if not is_new:
            sender.doubtful = _begin_again(piece, ids)
        _Sending(piece, sender, pool).send(ids)
    return plan.is_sent


def _begin_again(piece: Slice, ids: list[OrthancId]) -> frozenset[OrthancId]:
    """Note that requests are under way again; return what may have arrived before unnoticed."""
    position = piece.position
    was_cut = "UnderWay" in position
    position["UnderWay"] = True  # before the first request: it may arrive, and we not know
    piece.checkpoint()
    some = ids[position["Done"] :][: _SAVED_EVERY + _AT_ONCE + _READ_AHEAD]
    return frozenset(some if was_cut else ())


class _Sending:
    """One slice's way through the instances: some under way, their answers taken in order."""

    def __init__(self, piece: Slice, sender: Sender, pool: ThreadPoolExecutor) -> None:
        self._piece = piece
        self._sender = sender
        self._pool = pool
        self._progress = Progress(piece, _SAVED_EVERY, _SAVED_FIRST)

    def send(self, ids: list[OrthancId]) -> None:
        """Send as many as there is time for; a failure ends the job unless it is permissive."""
        position = self._piece.position
        ahead = self._iter_ahead(ids[position["Done"] :])
        under_way: deque[UnderWay] = deque()
        with closing(ahead):
            while True:
                while self._may_begin(under_way) and (one := next(ahead, None)) is not None:
                    under_way.append(self._sender.begin(one))
                if not under_way:
                    break
                self._take(under_way.popleft().answer)
                self._progress.advance(len(ids))
        position.pop("UnderWay", None)  # saved with the end of the slice

    @staticmethod
    def _may_begin(under_way: deque[UnderWay]) -> bool:
        """Tell whether another one may be sent: not while one that failed waits for its turn."""
        return len(under_way) < _AT_ONCE and not (under_way and under_way[-1].has_failed)

    def _iter_ahead(self, ids: list[OrthancId]) -> Generator[Ahead]:
        """Yield instances that are being read, while there is time."""
        waiting: deque[Ahead] = deque()
        remaining = self._iter_resources(ids)
        try:
            while True:
                has_time = self._piece.has_time()
                while not has_time and waiting and waiting[-1].cancel():
                    waiting.pop()
                while has_time and len(waiting) < _READ_AHEAD:
                    named = next(remaining, None)
                    if named is None:
                        break
                    waiting.append(self._sender.begin_ahead(self._pool, *named))
                if not waiting:
                    return
                yield waiting.popleft()
        finally:
            for ahead in waiting:
                ahead.cancel()

    def _iter_resources(self, ids: list[OrthancId]) -> Iterator[tuple[OrthancId, Resource | None]]:
        index = self._sender.archive.index
        for start in range(0, len(ids), _ROWS_AT_ONCE):
            some = ids[start : start + _ROWS_AT_ONCE]
            found = index.resources(some)
            for orthanc_id in some:
                yield orthanc_id, found.get(orthanc_id)

    def _take(self, answer: Callable[[], int]) -> None:
        """Count what was confirmed, or pass over what was not."""
        position, content = self._piece.position, self._piece.content
        try:
            position["Bytes"] += answer()
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
