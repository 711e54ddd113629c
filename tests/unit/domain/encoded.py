"""Data sets and files encoded by hand, byte by byte, so that they can be wrong on purpose."""

from __future__ import annotations

import struct
from pathlib import Path

import pydicom.data

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
UNDEFINED = 0xFFFFFFFF
_LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
_DATA = Path(pydicom.data.__file__).parent

ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def real_file(name: str) -> bytes:
    """Return one of the files in pydicom's wheel, by its path below `pydicom/data`."""
    return (_DATA / name).read_bytes()


def test_file(name: str) -> bytes:
    """Return one of pydicom's test files."""
    return real_file(f"test_files/{name}")


test_file.__test__ = False  # type: ignore[attr-defined]


def element(tag: int, vr: str, value: bytes | str, size: int | None = None) -> bytes:
    """Encode an explicit element; `size` is what its header says, if not the truth."""
    raw = value.encode("latin-1") if isinstance(value, str) else value
    if size is None and len(raw) % 2:
        raw += b"\0" if vr in ("UI", "OB", "UN") else b" "
    length = len(raw) if size is None else size
    if vr in _LONG:
        return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode(), 0, length) + raw
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), length) + raw


def implicit(tag: int, value: bytes | str) -> bytes:
    """Encode an implicit element."""
    raw = value.encode("latin-1") if isinstance(value, str) else value
    raw += b" " * (len(raw) % 2)
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(raw)) + raw


def item(content: bytes, size: int | None = None) -> bytes:
    """Encode an item; `size` is what its header says, if not the truth."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content) if size is None else size) + content


def meta(transfer_syntax_uid: str = EXPLICIT) -> bytes:
    """Encode a preamble and file meta information."""
    content = (
        element(0x00020001, "OB", b"\0\1")
        + element(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.7")
        + element(0x00020003, "UI", "1.2.3.4")
        + element(0x00020010, "UI", transfer_syntax_uid)
        + element(0x00020012, "UI", "1.2.3")
    )
    length = element(0x00020000, "UL", struct.pack("<I", len(content)))
    return b"\0" * 128 + b"DICM" + length + content


def data_set(changes: dict[int, bytes] | None = None, end: bytes = b"") -> bytes:
    """Encode a small instance.

    `changes` replaces elements by tag or adds them (whole, encoded; empty ones are left out), and
    `end` goes last.
    """
    elements = {
        0x00080005: element(0x00080005, "CS", "ISO_IR 192"),
        0x00080016: element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"),
        0x00080018: element(0x00080018, "UI", "1.2.3.4"),
        0x00100010: element(0x00100010, "PN", "A^B"),
        0x00100020: element(0x00100020, "LO", "PID"),
        0x0020000D: element(0x0020000D, "UI", "1.2.3"),
        0x0020000E: element(0x0020000E, "UI", "1.2.3.1"),
        0x00200013: element(0x00200013, "IS", "1"),
    } | (changes or {})
    return b"".join(elements[tag] for tag in sorted(elements)) + end


def dicom_file(changes: dict[int, bytes] | None = None, end: bytes = b"") -> bytes:
    """Encode a small file."""
    return meta() + data_set(changes, end)
