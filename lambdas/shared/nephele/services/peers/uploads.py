"""Instances as they travel to a peer: transcoded and compressed where that is asked."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from nephele.domain.resources import Resource
from nephele.domain.transcoding.sinks import SpoolSink
from nephele.errors import BadFileFormat, NotTranscodable, StorageFull
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.outgoing_instance import SmallFile, begin_small_file, open_object
from nephele.services.peers.client import Upload
from nephele.services.transcoding import begin_transcoding

_LARGEST_IN_MEMORY_BYTES = 8 << 20
_GZIP_LEVEL = 9
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Form:
    """How instances are sent.

    Attributes
    ----------
    transfer_syntax : str
        UID of the transfer syntax, "" for the instance's own.
    """

    transfer_syntax: str = ""
    lossy_quality: int | None = None
    is_compressed: bool = False

    def keeps(self, instance: Resource) -> bool:
        """Tell whether an instance travels as it is."""
        is_wanted = self.transfer_syntax in ("", instance.metadata.get("TransferSyntax"))
        return is_wanted and not self.is_compressed


def begin_upload(archive: Archive, instance: Resource, form: Form) -> SmallFile | None:
    """Begin to read a small instance that travels as it is; None for any other."""
    return begin_small_file(archive, instance) if form.keeps(instance) else None


@contextmanager
def opened_upload(archive: Archive, instance: Resource, form: Form) -> Iterator[Upload]:
    """Open an instance; what cannot be transcoded travels as it is, as in Orthanc."""
    with ExitStack() as stack:
        file = stack.enter_context(open_object(archive, instance))
        file = _transcoded(archive, instance, file, form, stack)
        if form.is_compressed:
            file = _compressed(file, stack)
        size_bytes = file.seek(0, 2)
        file.seek(0)
        is_small = size_bytes <= _LARGEST_IN_MEMORY_BYTES
        body = file.read() if is_small else _iter_chunks(file)
        yield Upload(body, size_bytes, form.is_compressed)


def _iter_chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def _spool(stack: ExitStack) -> BinaryIO:
    return cast(
        "BinaryIO",
        stack.enter_context(tempfile.SpooledTemporaryFile(_LARGEST_IN_MEMORY_BYTES)),
    )


def _transcoded(
    archive: Archive, instance: Resource, source: BinaryIO, form: Form, stack: ExitStack
) -> BinaryIO:
    """Return the instance in the wanted transfer syntax, or as it is."""
    wanted = form.transfer_syntax
    if wanted in ("", instance.metadata.get("TransferSyntax")):
        return source
    sink = stack.enter_context(SpoolSink(_LARGEST_IN_MEMORY_BYTES))
    try:
        with begin_transcoding(archive, source, wanted, form.lossy_quality) as transcoding:
            transcoding.write(sink)
    except (NotTranscodable, BadFileFormat, StorageFull) as error:
        facts = {"orthanc_id": instance.orthanc_id, "reason": type(error).__name__}
        logger.warning("instance travels as it is", extra=facts)
        return source
    return sink.file


def _compressed(file: BinaryIO, stack: ExitStack) -> BinaryIO:
    spool = _spool(stack)
    file.seek(0)
    with gzip.GzipFile(fileobj=spool, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0) as packed:
        while chunk := file.read(_CHUNK_BYTES):
            packed.write(chunk)
    return spool
