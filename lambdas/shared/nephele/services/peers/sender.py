"""Sending instances to a peer, several at a time: what one slice of a job does for each of them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from typing import TypeVar

from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.errors import NepheleError, NetworkProtocol, UnknownResource
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.peers.client import PeerClient, Upload, confirmed
from nephele.services.peers.connections import Transient
from nephele.services.peers.uploads import Form, begin_upload, opened_upload

PAUSES_SECONDS = (0.3, 1.0, 3.0)
"""Before each further attempt, when a peer cannot be reached or is busy."""
_RANDOM = random.SystemRandom()

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Ahead:
    """An instance before it is sent: what it travels as, or how many bytes went already.

    Attributes
    ----------
    cancel : callable
        Gives it up; False where that is too late, since it may be on its way.
    """

    result: Callable[[], Upload | int]
    cancel: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An instance that was sent: `answer` waits until that is confirmed, and counts the bytes."""

    answer: Callable[[], int]
    has_failed: bool = False


def _fail(error: NepheleError) -> int:
    raise error


@dataclass(slots=True)
class Sender:
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
    ) -> Ahead:
        """Begin to read an instance; what else is to be done with it is done by a thread."""
        small = None
        if instance is not None and instance.file and orthanc_id not in self.doubtful:
            small = begin_upload(self.archive, instance, self.form)
        if small is None:
            future = pool.submit(self._prepare, orthanc_id, instance)
            return Ahead(future.result, future.cancel)

        def read() -> Upload:
            body = small.read()
            return Upload(body, len(body))

        def discard() -> bool:
            small.discard()
            return True

        return Ahead(read, discard)

    def _prepare(self, orthanc_id: OrthancId, instance: Resource | None) -> Upload | int:
        """Return an instance as it is sent, or how many bytes went over the wire.

        What is too large to be kept is sent at once, by the same thread; what is there already is
        not sent at all.
        """
        if orthanc_id in self.doubtful and self._insist(
            repeat(lambda: self.client.has(orthanc_id))
        ):
            return self._sent_before(instance)
        if instance is None:
            raise UnknownResource("It was deleted meanwhile")
        return self._insist(repeat(lambda: self._read_or_stream(instance)))

    def _sent_before(self, instance: Resource | None) -> int:
        """Return how many bytes of an instance went over the wire before, 0 if nobody knows."""
        if instance is None or instance.file is None or not self.form.keeps(instance):
            return 0
        return instance.file.size_bytes

    def _read_or_stream(self, instance: Resource) -> Upload | int:
        with opened_upload(self.archive, instance, self.form) as upload:
            if isinstance(upload.body, bytes):
                return upload
            self.client.store(upload)
            return upload.size_bytes

    def begin(self, ahead: Ahead) -> UnderWay:
        """Send what was begun ahead; what fails is told when it is its turn."""
        try:
            upload = ahead.result()
        except NepheleError as exc:
            return UnderWay(partial(_fail, exc), has_failed=True)
        if isinstance(upload, int):
            return UnderWay(lambda: upload)
        pending = self.client.begin_store(upload)

        def again() -> int:
            self.client.store(upload)
            return upload.size_bytes

        def first() -> int:
            confirmed(pending)
            return upload.size_bytes

        attempts = chain([first], repeat(again))
        return UnderWay(lambda: self._insist(attempts), pending.has_failed)

    def _insist(self, attempts: Iterator[Callable[[], _Result]]) -> _Result:
        """Return what the first attempt returns that succeeds."""
        for pause, attempt in zip((*PAUSES_SECONDS, None), attempts, strict=False):
            try:
                return attempt()
            except Transient as error:
                if pause is None:
                    raise
                logger.info("peer will be tried again", extra={"reason": type(error).__name__})
                time.sleep(pause * _RANDOM.uniform(0.5, 1.0))
        raise NetworkProtocol("The peer cannot be reached")
