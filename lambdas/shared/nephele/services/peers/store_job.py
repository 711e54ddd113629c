"""The job `OrthancPeerStore`: instances to a peer, several at a time, each confirmed by it.

What is sent is settled by the first slice. A job that lost its worker asks the peer whether it has
what was under way then, so that nothing is sent twice that has arrived.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from typing import TypeVar

from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.errors import NepheleError, NetworkProtocol, UnknownResource
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.sending import Plan, Progress
from nephele.services.jobs.slices import Slice
from nephele.services.peers.client import PeerClient, Upload, confirmed
from nephele.services.peers.connections import Transient
from nephele.services.peers.known import require_peer
from nephele.services.peers.uploads import Form, begin_upload, opened_upload

_AT_ONCE = 4
"""Requests that are under way side by side."""
_READ_AHEAD = 4
"""Instances that are read, and transcoded, before it is their turn."""
_FEW = 200
"""So many ids are kept in the job's row, more in an object."""
_ROWS_AT_ONCE = 100
_SAVED_EVERY = 25
_PAUSES_SECONDS = (0.3, 1.0, 3.0)
"""Before each further attempt, when a peer cannot be reached or is busy."""
_RANDOM = random.SystemRandom()

_Result = TypeVar("_Result")


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
        sender = _Sender(archive, client, form)
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


@dataclass(frozen=True, slots=True)
class _Ahead:
    """An instance before it is sent: what it travels as, or how many bytes went already."""

    result: Callable[[], Upload | int]
    cancel: Callable[[], object]


def _fail(error: NepheleError) -> int:
    raise error


@dataclass(slots=True)
class _Sender:
    """Sends instances: one thread has the requests of several under way, to S3 and to the peer.

    Threads that did so would take the interpreter from each other again and again, which cost a
    third of the time of all (ADR 0016). They are for what takes a processor: transcoding.

    Attributes
    ----------
    doubtful : frozenset of OrthancId
        What may have arrived before: the peer is asked first.
    """

    archive: Archive
    client: PeerClient
    form: Form
    doubtful: frozenset[OrthancId] = frozenset()

    def begin_ahead(
        self, pool: ThreadPoolExecutor, orthanc_id: OrthancId, instance: Resource | None
    ) -> _Ahead:
        """Begin to read an instance; what else is to be done with it is done by a thread."""
        small = None
        if instance is not None and instance.file and orthanc_id not in self.doubtful:
            small = begin_upload(self.archive, instance, self.form)
        if small is None:
            future = pool.submit(self._prepare, orthanc_id, instance)
            return _Ahead(future.result, future.cancel)

        def read() -> Upload:
            body = small.read()
            return Upload(body, len(body))

        return _Ahead(read, small.discard)

    def _prepare(self, orthanc_id: OrthancId, instance: Resource | None) -> Upload | int:
        """Return an instance as it is sent, or how many bytes went over the wire.

        What is too large to be kept is sent at once, by the same thread; what is there already is
        not sent at all.
        """
        if orthanc_id in self.doubtful and self.client.has(orthanc_id):
            return 0
        if instance is None:
            raise UnknownResource("It was deleted meanwhile")
        return self._insist(repeat(lambda: self._read_or_stream(instance)))

    def _read_or_stream(self, instance: Resource) -> Upload | int:
        with opened_upload(self.archive, instance, self.form) as upload:
            if isinstance(upload.body, bytes):
                return upload
            self.client.store(upload)
            return upload.size_bytes

    def begin(self, ahead: _Ahead) -> Callable[[], int]:
        """Send what was begun ahead; return what waits for the answer and counts the bytes."""
        try:
            upload = ahead.result()
        except NepheleError as exc:
            return partial(_fail, exc)  # when it is its turn
        if isinstance(upload, int):
            return lambda: upload
        pending = self.client.begin_store(upload)

        def again() -> int:
            self.client.store(upload)
            return upload.size_bytes

        def first() -> int:
            confirmed(pending)
            return upload.size_bytes

        return lambda: self._insist(chain([first], repeat(again)))

    def _insist(self, attempts: Iterator[Callable[[], _Result]]) -> _Result:
        """Return what the first attempt returns that succeeds."""
        for pause, attempt in zip((*_PAUSES_SECONDS, None), attempts, strict=False):
            try:
                return attempt()
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
        ahead = self._iter_ahead(ids[position["Done"] :])
        under_way: deque[Callable[[], int]] = deque()
        with closing(ahead):
            while True:
                while len(under_way) < _AT_ONCE and (one := next(ahead, None)) is not None:
                    under_way.append(self._sender.begin(one))
                if not under_way:
                    break
                self._take(under_way.popleft())
                self._progress.advance(len(ids))
        position.pop("UnderWay", None)  # saved with the end of the slice

    def _iter_ahead(self, ids: list[OrthancId]) -> Generator[_Ahead]:
        """Yield instances that are being read, while there is time."""
        waiting: deque[_Ahead] = deque()
        remaining = self._iter_resources(ids)
        try:
            while True:
                while len(waiting) < _READ_AHEAD and self._piece.has_time():
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
