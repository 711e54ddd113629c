"""Putting a transcoded file together from its parts."""

from __future__ import annotations

from dataclasses import dataclass

from nephele.domain.elements import DataSet, Element
from nephele.domain.transcoding.derivation import text
from nephele.domain.transcoding.source import Source
from nephele.domain.transcoding.writing import ElementWriter
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.domain.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

_ENCAPSULATION = frozenset({0x7FE00001, 0x7FE00002, 0x7FE00003})
"""The Extended Offset Table, its lengths, and the total length of encapsulated pixel data."""
_BEHIND_ALL = 1 << 32


@dataclass(frozen=True, slots=True)
class Assembly:
    """Encodes what is around the pixels.

    Attributes
    ----------
    writer : ElementWriter
        For elements whose values come from the source.
    stays : bool
        Source and target encode elements alike: those that do not change are copied.
    are_pixels_new : bool
        The pixels are encoded anew, so what tells where their frames were is left out.
    """

    source: Source
    target: TransferSyntax
    writer: ElementWriter
    stays: bool
    are_pixels_new: bool

    def elements(self, changes: DataSet) -> bytes:
        """Encode the elements in front of the pixels; all where there are none."""
        tags = sorted(tag for tag in self.source.elements | changes if tag < self._pixel_tag)
        return self._encode(tags, self.source.elements, self.source.data, changes)

    def tail(self, changes: DataSet) -> bytes:
        """Encode the elements behind the pixels."""
        data, behind = self.source.read_tail()
        late = sorted(tag for tag in self.source.elements | changes if tag > self._pixel_tag)
        return self._encode(late, self.source.elements, self.source.data, changes) + self._encode(
            list(behind), behind, data, {}
        )

    @property
    def _pixel_tag(self) -> int:
        return _BEHIND_ALL if self.source.pixels is None else self.source.pixels.tag

    def _encode(self, tags: list[int], elements: DataSet, data: bytes, changes: DataSet) -> bytes:
        """Encode elements; group lengths that would be wrong are left out."""
        changed_groups = {tag >> 16 for tag in changes}
        if self.are_pixels_new:
            changed_groups.add(self._pixel_tag >> 16)
        is_signed = self.source.is_signed
        parts = []
        for tag in tags:
            if tag & 0xFFFF == 0 and (not self.stays or tag >> 16 in changed_groups):
                continue
            if self.are_pixels_new and tag in _ENCAPSULATION:
                continue
            element = changes.get(tag) or elements[tag]
            if self.stays and tag not in changes:
                parts.append(data[element.start : element.stop])
            else:
                parts.append(self.writer.element(element, is_signed=is_signed))
        return b"".join(parts)

    def meta(self, sop_instance_uid: str) -> bytes:
        """Encode the preamble and the file meta information, Nephele being their writer now."""
        writer = ElementWriter()
        meta = self.source.meta | {
            element.tag: element
            for element in (
                Element(0x00020001, "OB", memoryview(b"\0\1")),
                text(0x00020003, "UI", sop_instance_uid.encode("latin-1")),
                text(0x00020010, "UI", self.target.uid.encode("ascii")),
                text(0x00020012, "UI", IMPLEMENTATION_CLASS_UID.encode("ascii")),
                text(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode("ascii")),
            )
        }
        content = b"".join(writer.element(meta[tag]) for tag in sorted(meta) if tag & 0xFFFF)
        length = len(content).to_bytes(4, "little")
        return self.source.preamble + writer.header(0x00020000, "UL", 4) + length + content


def assembly_of(source: Source, target: TransferSyntax, *, are_pixels_new: bool) -> Assembly:
    """Return what encodes the elements of a source in the target's syntax."""
    layout = source.layout
    is_swapped = layout.is_little_endian != target.is_little_endian
    writer = ElementWriter(
        is_implicit_vr=target.is_implicit_vr,
        is_big_endian=not target.is_little_endian,
        is_swapped=is_swapped,
        is_implicit_source=layout.is_implicit_vr,
    )
    stays = not (is_swapped or layout.is_implicit_vr or target.is_implicit_vr)
    return Assembly(source, target, writer, stays, are_pixels_new)
