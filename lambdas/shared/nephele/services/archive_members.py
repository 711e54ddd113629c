"""DICOM files inside gzip and ZIP uploads, read within bounds.

A bomb is refused before anything is stored: by the size of one file (Orthanc's
`MaximumFileSizeInArchiveMB`), by the room that is left for temporary files, and by the ratio of
what comes out to what came in.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from nephele.domain.full_disk import full_disk_translated
from nephele.errors import BadFileFormat, FileTooLarge, StorageFull

SPOOL_BYTES = 8 << 20
"""Bytes of one file that are held in memory; the rest goes to a temporary file."""
MAXIMUM_RATIO = 250
"""Most bytes that may come out of one that went in, above `UNSUSPECTED_BYTES` (deflate: 1,032)."""
UNSUSPECTED_BYTES = 64 << 20
_CHUNK_BYTES = 256 << 10
_RESERVED_BYTES = 16 << 20
_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_GZIP_WBITS = 31
_RESOURCE_FORK = "__MACOSX/"
_TOO_LARGE = "A file is larger after decompression than MaximumFileSizeInArchiveMB allows"
_BOMB = "The archive expands too much to be read safely"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large one file may become; see `MaximumFileSizeInArchiveMB`, 0 for no limit."""

    maximum_file_mb: int

    def check(self, size_bytes: int, packed_bytes: int) -> None:
        """Raise FileTooLarge when that many bytes out of so many are too many."""
        if self.maximum_file_mb and size_bytes > self.maximum_file_mb << 20:
            raise FileTooLarge(_TOO_LARGE)
        is_suspicious = size_bytes > UNSUSPECTED_BYTES
        if is_suspicious and size_bytes > MAXIMUM_RATIO * max(packed_bytes, 1):
            raise FileTooLarge(_BOMB)
        if size_bytes > SPOOL_BYTES and size_bytes > free_bytes():
            raise StorageFull("There is no room to unpack the archive")


def free_bytes() -> int:
    """Return the room for temporary files; Lambda has 512 MB unless configured otherwise."""
    return shutil.disk_usage(tempfile.gettempdir()).free - _RESERVED_BYTES


def new_spool(memory_bytes: int = SPOOL_BYTES) -> BinaryIO:
    """Return an empty temporary file that stays in memory while it is small."""
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=memory_bytes))


def is_zip(file: BinaryIO) -> bool:
    """Tell whether a file begins as a ZIP archive; its position is unchanged."""
    start = file.tell()
    signature = file.read(4)
    file.seek(start)
    return signature in _ZIP_SIGNATURES


@contextmanager
def gunzipped(file: BinaryIO, bounds: Bounds) -> Iterator[BinaryIO]:
    """Inflate a gzip file into a temporary one, positioned at its beginning.

    Raises
    ------
    BadFileFormat
        It is not gzip, or ends too soon.
    FileTooLarge, StorageFull
        The bounds do not allow what comes out.
    """
    with new_spool() as spool:
        with full_disk_translated():
            _inflate(file, spool.write, bounds)
        spool.seek(0)
        yield spool


def _inflate(file: BinaryIO, write: Callable[[bytes], int], bounds: Bounds) -> None:
    engine = zlib.decompressobj(_GZIP_WBITS)
    unpacked = 0
    try:
        while not engine.eof:
            chunk = engine.unconsumed_tail or file.read(_CHUNK_BYTES)
            piece = engine.decompress(chunk, _CHUNK_BYTES)
            if not chunk and not piece:
                raise BadFileFormat("The gzip body is truncated")
            unpacked += len(piece)
            bounds.check(unpacked, file.tell())
            write(piece)
    except zlib.error as exc:
        raise BadFileFormat("The body is not gzip, although its Content-Encoding says so") from exc


@contextmanager
def open_zip(file: BinaryIO, bounds: Bounds) -> Iterator[ZipMembers]:
    """Open a ZIP archive; all its members are checked against the bounds before one is read.

    Raises
    ------
    BadFileFormat
        It cannot be read.
    FileTooLarge, StorageFull
        A member, or all together, are more than the bounds allow.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as exc:
        raise BadFileFormat("Cannot open ZIP archive from memory buffer") from exc
    with archive:
        if not archive.infolist():
            raise BadFileFormat("Cannot open ZIP archive from memory buffer")
        members = [member for member in archive.infolist() if _is_candidate(member)]
        for member in members:
            bounds.check(member.file_size, member.compress_size)
        total = sum(member.file_size for member in members)
        packed = sum(member.compress_size for member in members)
        if total > UNSUSPECTED_BYTES and total > MAXIMUM_RATIO * max(packed, 1):
            raise FileTooLarge(_BOMB)
        yield ZipMembers(archive, members)


@dataclass(frozen=True, slots=True)
class ZipMembers:
    """What may be DICOM in an open ZIP archive, in its order."""

    archive: zipfile.ZipFile
    members: list[zipfile.ZipInfo]

    @contextmanager
    def open(self, member: zipfile.ZipInfo) -> Iterator[BinaryIO]:
        """Unpack one member into a temporary file, positioned at its beginning."""
        with new_spool() as spool:
            try:
                with full_disk_translated(), self.archive.open(member) as packed:
                    shutil.copyfileobj(packed, spool, _CHUNK_BYTES)
            except (zipfile.BadZipFile, zlib.error, EOFError) as exc:
                raise BadFileFormat("A member of the ZIP archive is damaged") from exc
            except (NotImplementedError, RuntimeError) as exc:
                raise BadFileFormat("A member of the ZIP archive cannot be unpacked") from exc
            spool.seek(0)
            yield spool


def _is_candidate(member: zipfile.ZipInfo) -> bool:
    name = member.filename.rpartition("/")[2]
    if member.is_dir() or not member.file_size or name.upper() == "DICOMDIR":
        return False
    return _RESOURCE_FORK not in member.filename and not name.startswith("._")
