"""The records of a ZIP file. See PKWARE's APPNOTE 6.3, 4.3 and 4.5.3 (ZIP64)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_EXTRA_64 = 1
_PLAIN_VERSION, _ZIP64_VERSION = 20, 45
_UTF8 = 0x800
_FULL_32, _FULL_16 = 0xFFFFFFFF, 0xFFFF
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)")
_FIRST_YEAR, _LAST_YEAR = 1980, 2107
_EPOCH = (0, 1 << 5 | 1)


class Method(IntEnum):
    """How a member is compressed."""

    STORED = 0
    DEFLATED = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """What both records of a member tell.

    Attributes
    ----------
    modified : str
        UTC, `YYYYMMDDTHHMMSS`; 1980 where it is anything else.
    """

    name: str
    modified: str
    method: Method
    crc: int
    packed_bytes: int
    raw_bytes: int

    @property
    def is_large(self) -> bool:
        """Tell whether the local header needs ZIP64."""
        return max(self.packed_bytes, self.raw_bytes) >= _FULL_32


def local_header(entry: Entry) -> bytes:
    """Return what stands in front of a member's data."""
    name = entry.name.encode()
    sizes = (entry.packed_bytes, entry.raw_bytes)
    extra = b""
    if entry.is_large:
        extra = struct.pack("<2H2Q", _EXTRA_64, 16, entry.raw_bytes, entry.packed_bytes)
        sizes = (_FULL_32, _FULL_32)
    version = _ZIP64_VERSION if entry.is_large else _PLAIN_VERSION
    common = (version, _flags(name), entry.method, *_dos_time(entry.modified), entry.crc, *sizes)
    return _LOCAL.pack(b"PK\x03\x04", *common, len(name), len(extra)) + name + extra


def central_directory(entries: Iterable[tuple[Entry, int]], start: int) -> bytes:
    """Return the directory and the end of a ZIP file.

    Parameters
    ----------
    entries : iterable of (Entry, int)
        Members with the offsets of their local headers, in the order they are listed.
    start : int
        Offset of the directory.
    """
    records = [_central(entry, offset) for entry, offset in entries]
    directory = b"".join(records)
    return directory + _end(len(records), len(directory), start)


def _central(entry: Entry, offset: int) -> bytes:
    """Return a member's record; what does not fit stands in its extra field, in this order."""
    name = entry.name.encode()
    wide: list[int] = []

    def fitted(value: int) -> int:
        if value < _FULL_32:
            return value
        wide.append(value)
        return _FULL_32

    raw_bytes, packed_bytes, start = (
        fitted(value) for value in (entry.raw_bytes, entry.packed_bytes, offset)
    )
    extra = struct.pack(f"<2H{len(wide)}Q", _EXTRA_64, 8 * len(wide), *wide) if wide else b""
    version = _ZIP64_VERSION if wide else _PLAIN_VERSION
    common = (version, version, _flags(name), entry.method, *_dos_time(entry.modified))
    lengths = (len(name), len(extra), 0)
    header = _CENTRAL.pack(
        b"PK\x01\x02", *common, entry.crc, packed_bytes, raw_bytes, *lengths, 0, 0, 0, start
    )
    return header + name + extra


def _end(count: int, size: int, start: int) -> bytes:
    wide = b""
    if count >= _FULL_16 or size >= _FULL_32 or start >= _FULL_32:
        version = _ZIP64_VERSION
        wide = _END_64.pack(
            b"PK\x06\x06", 44, version, version, 0, 0, count, count, size, start
        ) + _LOCATOR_64.pack(b"PK\x06\x07", 0, start + size, 1)
    count, size, start = min(count, _FULL_16), min(size, _FULL_32), min(start, _FULL_32)
    return wide + _END.pack(b"PK\x05\x06", 0, 0, count, count, size, start, 0)


def _flags(name: bytes) -> int:
    return 0 if name.isascii() else _UTF8


def _dos_time(modified: str) -> tuple[int, int]:
    """Return time and date as MS-DOS has them: from 1980 on, by two seconds."""
    found = _TIME.match(modified)
    if found is None:
        return _EPOCH
    year, month, day, hour, minute, second = (int(part) for part in found.groups())
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return _EPOCH
    return hour << 11 | minute << 5 | second // 2, year - _FIRST_YEAR << 9 | month << 5 | day
