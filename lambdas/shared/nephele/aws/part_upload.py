"""Writing an object whose beginning is known last: its first part goes last."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Self, cast

from nephele.aws.bucket import CONTENT_TYPE, Bucket
from nephele.aws.multipart import PART_BYTES, MultipartUpload
from nephele.aws.read_ahead import ReadAhead

HELD_BYTES = 64 << 20
"""Up to this size an object is held in memory, written at the end, and its MD5 known."""
_PARTS_AT_ONCE = 4
_PARTS_OF_ONE_SIZE = 2000
"""So many parts are 8 MiB, as many more 16 MiB, and so on: S3 allows 10,000."""

Describe = Callable[[bytes | None], Mapping[str, str]]
"""Makes the user metadata of an object: of its bytes, of None where they are not held."""

Pack = Callable[[bytes, Mapping[str, str]], tuple[bytes, Mapping[str, str]]]
"""Makes of an object that is held, and its metadata, what is written."""


@dataclass(frozen=True, slots=True)
class Staging:
    """Where a large object is written first, since its metadata are known when it is whole.

    Attributes
    ----------
    key : str
        Of the object that is read once more and copied under its metadata; a rule of the bucket
        removes it.
    describe : callable
        Makes the metadata of it.
    """

    key: str
    describe: Callable[[BinaryIO], Mapping[str, str]]


class PartUpload:
    """A sink for an object; a context manager that leaves nothing behind after an error.

    Nothing is written before `finish` unless there is more than `HELD_BYTES`. Then parts are
    written while others are made, a few at a time; the first one is kept until its front comes.

    Parameters
    ----------
    pack : callable, optional
        Packs the object where it is held as a whole; larger ones stay as they are.
    is_new : bool
        `finish` raises Conflict where an object is there already.
    staging : Staging, optional
        For what is not held; without it, `describe` is asked before anything is known.
    """

    def __init__(
        self,
        bucket: Bucket,
        key: str,
        describe: Describe,
        pack: Pack | None = None,
        staging: Staging | None = None,
        *,
        is_new: bool = False,
    ) -> None:
        self._bucket = bucket
        self._pack = pack
        self._is_new = is_new
        self._staging = staging
        self._final_key = key
        self._key = key if staging is None else staging.key
        self._describe = describe
        self._first = bytearray()
        self._part = bytearray()
        self._upload: MultipartUpload | None = None
        self._etags: dict[int, str] = {}
        self._number = 1
        self._writing: deque[tuple[int, Future[str]]] = deque()
        self._pool = ThreadPoolExecutor(_PARTS_AT_ONCE, thread_name_prefix="parts")
        self.size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        if self._upload is not None:
            self._upload.abort_if_open()

    def begin(self, front_bytes: int) -> None:
        """Do nothing: parts have no order."""

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes behind the front."""
        self.size_bytes += len(data)
        if self._upload is not None:
            self._part += data
        else:
            self._first += data
            if self.size_bytes <= HELD_BYTES:
                return
            self._upload = self._start()
        while len(self._part) >= (size := self._part_bytes):
            self._put(self._upload, bytes(memoryview(self._part)[:size]))
            del self._part[:size]

    def finish(self, front: bytes) -> None:
        """Take the front; return when S3 has the whole object."""
        self.size_bytes += len(front)
        upload = self._upload
        if upload is None:
            self._write_held(front + self._first)
            return
        if self._part:
            self._put(upload, bytes(self._part))
        while self._writing:
            self._await_one()
        self._etags[1] = upload.put(1, front + self._first)
        is_final = self._staging is None
        etags = [self._etags[number] for number in sorted(self._etags)]
        upload.complete_own(etags, is_new=self._is_new and is_final)
        self._upload = None
        if self._staging is not None:
            self._unstage(self._staging)

    @property
    def _part_bytes(self) -> int:
        return PART_BYTES << self._number // _PARTS_OF_ONE_SIZE

    def _start(self) -> MultipartUpload:
        """Begin the upload; what was held becomes its first parts."""
        metadata = self._describe(None) if self._staging is None else {}
        upload = self._bucket.begin_upload(self._key, CONTENT_TYPE, metadata)
        self._part += memoryview(self._first)[PART_BYTES:]
        self._first = self._first[:PART_BYTES]
        return upload

    def _unstage(self, staging: Staging) -> None:
        with ReadAhead(self._bucket, staging.key, self.size_bytes) as file:
            metadata = staging.describe(cast("BinaryIO", file))
        self._bucket.copy(
            staging.key, self._final_key, metadata, self.size_bytes, is_new=self._is_new
        )

    def _put(self, upload: MultipartUpload, part: bytes) -> None:
        self._number += 1
        self._writing.append((self._number, self._pool.submit(upload.put, self._number, part)))
        if len(self._writing) >= _PARTS_AT_ONCE:
            self._await_one()

    def _await_one(self) -> None:
        number, future = self._writing.popleft()
        self._etags[number] = future.result()

    def _write_held(self, encoded: bytes) -> None:
        metadata = self._describe(encoded)
        if self._pack is not None:
            encoded, metadata = self._pack(encoded, metadata)
        self._bucket.put_whole(self._final_key, encoded, metadata, is_new=self._is_new)
