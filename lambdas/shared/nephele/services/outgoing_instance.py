"""One instance on its way to another archive: opened, transcoded where that is asked."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from nephele.aws.connections import Answer, Reply
from nephele.aws.read_ahead import ReadAhead
from nephele.domain.attributes import IDENTIFIERS
from nephele.domain.compression import inflate
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.part10 import read_file_meta
from nephele.domain.resources import Resource, StoredFile
from nephele.domain.transcoding.sinks import SpoolSink
from nephele.errors import (
    BadFileFormat,
    NepheleError,
    NoPresentationContext,
    NotTranscodable,
    StorageFull,
)
from nephele.services.archive import Archive
from nephele.services.plain_files import plain_key
from nephele.services.retrieve import file_of
from nephele.services.transcoding import begin_transcoding

LARGEST_AHEAD_BYTES = 8 << 20
"""Larger objects are opened when it is their turn, and read block by block."""
_SPOOL_BYTES = 4 << 20
"""What one transcoded instance keeps in memory at most."""
_CHUNK_BYTES = 1 << 20


@dataclass(slots=True)
class Outgoing:
    """An instance that is sent next.

    Attributes
    ----------
    orthanc_id : OrthancId
        In the archive.
    sop_class_uid, sop_instance_uid, transfer_syntax_uid : str
        Of what is sent: a lossy transcoding makes a new instance.
    error : NepheleError or None
        Why it cannot be sent.
    """

    orthanc_id: OrthancId
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    transfer_syntax_uid: str = ""
    error: NepheleError | None = None
    _file: BinaryIO | None = None
    _data_set_offset: int = 0
    _opened: ExitStack = field(default_factory=ExitStack)

    def iter_chunks(self) -> Iterator[bytes | memoryview]:
        """Yield the data set, without file meta information, piece by piece."""
        if self._file is None:
            return
        self._file.seek(self._data_set_offset)
        if isinstance(self._file, io.BytesIO):
            yield memoryview(self._file.getvalue())[self._file.tell() :]
            return
        while chunk := self._file.read(_CHUNK_BYTES):
            yield chunk

    def close(self) -> None:
        """Free what it holds."""
        self._file = None
        self._opened.close()


def read_outgoing(archive: Archive, instance: Resource, syntaxes: Sequence[str]) -> Outgoing:
    """Open one instance in the first of some transfer syntaxes it can be had in.

    Raises
    ------
    NoPresentationContext
        There is no such syntax.
    NotTranscodable, BadFileFormat, StorageFull
        It cannot be had in any of them.
    """
    if not syntaxes:
        raise NoPresentationContext("no presentation context takes the instance")
    outgoing = unread(instance)
    source = instance.metadata.get("TransferSyntax")
    failures: list[NepheleError] = []
    with ExitStack() as undo:
        undo.callback(outgoing.close)
        file = outgoing._opened.enter_context(open_object(archive, instance))
        for syntax in syntaxes:
            try:
                outgoing._file = (
                    file if syntax == source else _transcode(archive, file, syntax, outgoing)
                )
                outgoing._file.seek(0)
                outgoing._data_set_offset = read_file_meta(outgoing._file).data_set_offset
            except (NotTranscodable, BadFileFormat, StorageFull) as exc:
                failures.append(exc)
                continue
            outgoing.transfer_syntax_uid = syntax
            undo.pop_all()
            return outgoing
    raise failures[0]


def unread(instance: Resource) -> Outgoing:
    """Describe an instance that was not opened, or cannot be."""
    return Outgoing(
        instance.orthanc_id,
        instance.metadata.get("SopClassUid", ""),
        instance.main_tags.get(IDENTIFIERS[Level.INSTANCE].tag, ""),
    )


@dataclass(slots=True)
class SmallFile:
    """The file of an instance that is being read: `read` it once, or `discard` it."""

    _archive: Archive
    _stored: StoredFile
    _body: bytes | None
    _reply: Reply[Answer] | None

    def read(self) -> bytes:
        """Wait for the file. Raises as `Bucket.open_range`."""
        if self._reply is not None:
            body = self._reply.read().body
            self._body = inflate(body) if self._stored.is_compressed else body
            self._archive.object_cache.put(self._stored.key, self._body)
        return self._body or b""

    def discard(self) -> None:
        """Forget it, unless it was read."""
        if self._reply is not None:
            self._reply.discard()


def begin_small_file(archive: Archive, instance: Resource) -> SmallFile | None:
    """Begin to read the file of an instance; None where it is too large to be held in memory."""
    stored = file_of(instance)
    if stored.size_bytes > LARGEST_AHEAD_BYTES:
        return None
    body = archive.object_cache.get(stored.key)
    reply = archive.bucket.begin_range(stored.key, 0) if body is None else None
    return SmallFile(archive, stored, body, reply)


@contextmanager
def open_object(archive: Archive, instance: Resource) -> Iterator[BinaryIO]:
    """Open the file of an instance: in memory where it is small, else by ranges."""
    small = begin_small_file(archive, instance)
    if small is not None:
        yield io.BytesIO(small.read())
        return
    stored = file_of(instance)
    key = plain_key(archive.bucket, stored)
    with ReadAhead(archive.bucket, key, stored.size_bytes) as opened:
        yield cast("BinaryIO", opened)


def _transcode(archive: Archive, file: BinaryIO, syntax: str, outgoing: Outgoing) -> BinaryIO:
    """Transcode a file to a spool, which is closed with the instance."""
    with ExitStack() as undo:
        spool = undo.enter_context(SpoolSink(_SPOOL_BYTES))
        file.seek(0)
        with begin_transcoding(archive, file, syntax) as transcoding:
            transcoding.write(spool)
            outgoing.sop_instance_uid = transcoding.sop_instance_uid
        outgoing._opened.push(undo.pop_all())
    return spool.file
