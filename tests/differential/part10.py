"""Writes DICOM files by hand, however odd their values."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_UNDEFINED = 0xFFFFFFFF
_LONG_VRS = frozenset("OB OD OF OL OW SQ UC UN UR UT OV SV UV".split())
_PADDED_WITH_NUL = frozenset({"UI", "OB", "UN"})
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


@dataclass(frozen=True, slots=True)
class Value:
    """A value representation and the bytes of a value, not yet padded."""

    vr: str
    encoded: bytes


Elements = Mapping[int, Value]


def text(vr: str, value: str, encoding: str = "ascii") -> Value:
    """Return a textual value."""
    return Value(vr, value.encode(encoding))


def numbers(vr: str, *values: float) -> Value:
    """Return a binary numeric value."""
    code = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "OF": "f"}[vr]
    return Value(vr, struct.pack(f"<{len(values)}{code}", *values))


def sequence(*items: Elements) -> Value:
    """Return a sequence; sequence and items have undefined lengths."""
    encoded = b"".join(
        _delimiter(_ITEM, _UNDEFINED) + data_set(item) + _delimiter(_ITEM_END, 0) for item in items
    )
    return Value("SQ", encoded + _delimiter(_SEQUENCE_END, 0))


def _delimiter(tag: int, length: int) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, length)


def data_set(elements: Elements) -> bytes:
    """Encode elements as Explicit VR Little Endian, ascending."""
    return b"".join(_element(tag, elements[tag]) for tag in sorted(elements))


def _element(tag: int, value: Value) -> bytes:
    encoded = value.encoded
    if len(encoded) % 2:
        encoded += b"\0" if value.vr in _PADDED_WITH_NUL else b" "
    start = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, value.vr.encode())
    if value.vr in _LONG_VRS:
        length = _UNDEFINED if value.vr == "SQ" else len(encoded)
        return start + struct.pack("<HI", 0, length) + encoded
    return start + struct.pack("<H", len(encoded)) + encoded


def part10(elements: Elements, transfer_syntax_uid: str = EXPLICIT_LITTLE) -> bytes:
    """Return a whole file; its meta information names the same class and instance."""
    meta = {
        0x00020001: Value("OB", b"\0\1"),
        0x00020002: elements.get(0x00080016, Value("UI", b"")),
        0x00020003: elements.get(0x00080018, Value("UI", b"")),
        0x00020010: text("UI", transfer_syntax_uid),
        0x00020012: text("UI", "1.2.826.0.1.3680043.2.1143.999"),
    }
    encoded = data_set(meta)
    length = _element(0x00020000, numbers("UL", len(encoded)))
    return bytes(128) + b"DICM" + length + encoded + data_set(elements)


def secondary_capture(
    patient: str | None,
    study: str,
    series: str,
    instance: str,
    extra: Elements | None = None,
    without: Sequence[int] = (),
) -> bytes:
    """Return a small image of these identifiers, with other elements added or left out.

    Parameters
    ----------
    patient : str or None
        None leaves PatientID out.
    """
    elements = {
        0x00080016: text("UI", SECONDARY_CAPTURE),
        0x00080018: text("UI", instance),
        0x00080060: text("CS", "OT"),
        0x00100010: text("PN", "Doe^Jane"),
        0x0020000D: text("UI", study),
        0x0020000E: text("UI", series),
        **pixels(bytes(range(16)), 4, 4),
    }
    if patient is not None:
        elements[0x00100020] = text("LO", patient, "utf-8")
    elements |= extra or {}
    return part10({tag: value for tag, value in elements.items() if tag not in without})


def pixels(
    data: bytes,
    rows: int,
    columns: int,
    *,
    interpretation: str = "MONOCHROME2",
    samples: int = 1,
    allocated: int = 8,
    stored: int | None = None,
    is_signed: bool = False,
    planar: int = 0,
) -> dict[int, Value]:
    """Return the elements of the Image Pixel module (PS3.3 C.7.6.3)."""
    bits = stored or allocated
    elements = {
        0x00280002: numbers("US", samples),
        0x00280004: text("CS", interpretation),
        0x00280010: numbers("US", rows),
        0x00280011: numbers("US", columns),
        0x00280100: numbers("US", allocated),
        0x00280101: numbers("US", bits),
        0x00280102: numbers("US", bits - 1),
        0x00280103: numbers("US", int(is_signed)),
        0x7FE00010: Value("OW" if allocated > 8 else "OB", data),
    }
    if samples > 1:
        elements[0x00280006] = numbers("US", planar)
    return elements
