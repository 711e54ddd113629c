"""Putting a transcoded file together."""

from __future__ import annotations

from dataclasses import dataclass

from nephele.domain.attributes import PIXEL_DATA
from nephele.domain.elements import Element
from nephele.domain.transcoding.derivation import text
from nephele.domain.transcoding.source import META_START, Source
from nephele.domain.transcoding.writing import ElementWriter
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.domain.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

_EXTENDED_OFFSETS = frozenset({0x7FE00001, 0x7FE00002, 0x7FE00003})


@dataclass(frozen=True, slots=True)
class Pixels:
    """What transcoding makes of the pixels: the element, encoded, and what describes it."""

    element: bytes
    changes: tuple[Element, ...]
    compressed_bytes: int


def write_data_set(
    source: Source, target: TransferSyntax, changes: dict[int, Element], pixels: Pixels | None
) -> bytes:
    """Encode all elements; those in an encoding that stays are copied as they stand."""
    writer = ElementWriter(
        is_implicit_vr=target.is_implicit_vr,
        is_big_endian_source=not source.syntax.is_little_endian,
        is_implicit_source=source.syntax.is_implicit_vr,
    )
    stays = source.syntax.is_little_endian and not (
        source.syntax.is_implicit_vr or target.is_implicit_vr
    )
    changed_groups = {tag >> 16 for tag in (*changes, *((PIXEL_DATA,) if pixels else ()))}
    is_signed = source.is_signed
    parts = []
    for tag in sorted(source.elements | changes):
        element = changes.get(tag) or source.elements[tag]
        if tag & 0xFFFF == 0 and (not stays or tag >> 16 in changed_groups):
            continue
        if pixels is not None and tag in _EXTENDED_OFFSETS:
            continue
        if pixels is not None and tag == PIXEL_DATA:
            parts.append(pixels.element)
        elif stays and tag not in changes:
            parts.append(source.data[element.start : element.stop])
        else:
            parts.append(writer.element(element, is_signed=is_signed))
    return b"".join(parts)


def write_meta(source: Source, transfer_syntax_uid: str, sop_instance_uid: str) -> bytes:
    """Encode the preamble and the file meta information, Nephele being their writer now."""
    writer = ElementWriter()
    meta = source.meta | {
        element.tag: element
        for element in (
            Element(0x00020001, "OB", memoryview(b"\0\1")),
            text(0x00020003, "UI", sop_instance_uid.encode("latin-1")),
            text(0x00020010, "UI", transfer_syntax_uid.encode("ascii")),
            text(0x00020012, "UI", IMPLEMENTATION_CLASS_UID.encode("ascii")),
            text(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode("ascii")),
        )
    }
    content = b"".join(writer.element(meta[tag]) for tag in sorted(meta) if tag & 0xFFFF)
    length = len(content).to_bytes(4, "little")
    return source.encoded[:META_START] + writer.header(0x00020000, "UL", 4) + length + content
