"""Orthanc's storage compression: zlib, behind the size of what it holds."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from nephele.errors import CorruptedFile

_SIZE = struct.Struct("<Q")
PREFIX_BYTES = _SIZE.size
_CHUNK_BYTES = 1 << 20


def compress(content: bytes) -> bytes:
    """Return some content compressed."""
    return _SIZE.pack(len(content)) + zlib.compress(content)


def inflate(compressed: bytes) -> bytes:
    """Return what some bytes of `compress` hold.

    Raises
    ------
    CorruptedFile
        They are damaged, or cut.
    """
    return b"".join(iter_inflated([compressed]))


def compress_file(source: BinaryIO, target: BinaryIO) -> tuple[int, bytes]:
    """Compress a file into another one; return the size written, and the MD5 of it."""
    source.seek(0, 2)
    size_bytes = source.tell()
    source.seek(0)
    deflater, digest = zlib.compressobj(), hashlib.md5(usedforsecurity=False)
    written = 0

    def write(data: bytes) -> None:
        nonlocal written
        written += len(data)
        digest.update(data)
        target.write(data)

    write(_SIZE.pack(size_bytes))
    while chunk := source.read(_CHUNK_BYTES):
        write(deflater.compress(chunk))
    write(deflater.flush())
    target.seek(0)
    return written, digest.digest()


def iter_inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what compressed bytes hold, a MiB at a time however much that is.

    Raises
    ------
    CorruptedFile
        They are damaged, or cut.
    """
    inflater, head, size_bytes, count = zlib.decompressobj(), b"", -1, 0
    try:
        for chunk in chunks:
            data = chunk
            if size_bytes < 0:
                head += data
                if len(head) < PREFIX_BYTES:
                    continue
                (size_bytes,), data = _SIZE.unpack_from(head), head[PREFIX_BYTES:]
            while data:
                part = inflater.decompress(data, _CHUNK_BYTES)
                data = inflater.unconsumed_tail
                count += len(part)
                if part:
                    yield part
        rest = inflater.flush()
    except zlib.error as exc:
        raise CorruptedFile("a compressed object is damaged") from exc
    if rest:
        count += len(rest)
        yield rest
    if count != size_bytes or not inflater.eof:
        raise CorruptedFile("a compressed object is cut")


def inflate_beginning(compressed: bytes, size_bytes: int) -> bytes:
    """Return the first bytes of what the beginning of compressed bytes holds: as many as it can."""
    try:
        return zlib.decompressobj().decompress(compressed[PREFIX_BYTES:], size_bytes)
    except zlib.error as exc:
        raise CorruptedFile("a compressed object is damaged") from exc
