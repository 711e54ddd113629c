"""DICOMDIR: the directory of a file-set on media. See PS3.3 annex F and PS3.10 section 8."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nephele.domain.archive_layout.tree import Branch, Leaf, iter_leaves, ordered
from nephele.domain.explicit_vr import UNDEFINED_LENGTH
from nephele.domain.levels import Level
from nephele.domain.part10 import write_preamble
from nephele.domain.transcoding.writing import ElementWriter, item_header
from nephele.domain.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN
from nephele.domain.uids import derive_uid

NAME = "DICOMDIR"
CHARACTER_SET = "0008,0005"
"""Tag under which a study keeps the Specific Character Set of its first instance."""
_STORAGE = "1.2.840.10008.1.3.10"
_FILE_SET_ID = b"ORTHANC_MEDIA "
_UTF8 = "ISO_IR 192"
_IN_USE = b"\xff\xff"
_POINTER = struct.Struct("<I")

# Of each level: tag, VR, `?` where it is left out if it is empty, `+` on extended media only.
_KEYS = {
    Level.PATIENT: "0010,0010 PN\n0010,0020 LO ?",
    Level.STUDY: """0008,0020 DA\n0008,0030 TM\n0008,0050 SH\n0008,1030 LO
        0020,000d UI\n0020,0010 SH ?""",
    Level.SERIES: "0008,0060 CS\n0008,103e LO ?+\n0020,000e UI\n0020,0011 IS ?",
}


@dataclass(frozen=True, slots=True)
class _Key:
    tag: str
    number: int
    vr: str
    is_optional: bool
    is_extended: bool


def _keys(text: str) -> tuple[_Key, ...]:
    keys = []
    for line in text.split("\n"):
        tag, vr, marks = (*line.split(), "")[:3]
        number = int(tag.replace(",", ""), 16)
        keys.append(_Key(tag, number, vr, "?" in marks, "+" in marks))
    return tuple(keys)


_KEYS_OF = {level: _keys(text) for level, text in _KEYS.items()}


@dataclass(frozen=True, slots=True)
class MediaFile:
    """What the record of a file tells of it: as it is on the media."""

    name: str
    transfer_syntax_uid: str
    sop_instance_uid: str


@dataclass(slots=True)
class _Record:
    """A record as it will stand there: `content` follows the three that every record has."""

    kind: bytes
    content: bytes
    beneath: list[_Record]
    offset: int = 0

    @property
    def size_bytes(self) -> int:
        return _ITEM_BYTES + _FIXED_BYTES + len(self.content)


_WRITER = ElementWriter()
_ITEM_BYTES = 8
_FIXED_BYTES = 12 + 10 + 12


def write_dicomdir(
    patients: list[Branch], file_of: Callable[[Leaf], MediaFile], *, is_extended: bool
) -> bytes:
    """Return the directory of a file-set: the same bytes for the same resources and files.

    Values that are not ASCII are written in UTF-8, whatever the files have.
    """
    records = [_record(patient, file_of, "", is_extended) for patient in ordered(patients)]
    uids = [file_of(leaf).sop_instance_uid for leaf in iter_leaves(patients)]
    front = write_preamble(_STORAGE, derive_uid(NAME, *uids), EXPLICIT_VR_LITTLE_ENDIAN)
    # Both pointers to the root entity, the consistency flag and the head of the sequence follow.
    start = len(front) + 8 + len(_FILE_SET_ID) + 2 * 12 + 10 + 12
    end = _place(records, start)
    first, last = (records[0].offset, records[-1].offset) if records else (0, 0)
    parts = [
        front,
        _element(0x00041130, "CS", _FILE_SET_ID),
        _element(0x00041200, "UL", _POINTER.pack(first)),
        _element(0x00041202, "UL", _POINTER.pack(last)),
        _element(0x00041212, "US", b"\0\0"),
        _WRITER.header(0x00041220, "SQ", min(end - start, UNDEFINED_LENGTH)),
    ]
    parts += _iter_encoded(records)
    return b"".join(parts)


def _record(
    branch: Branch, file_of: Callable[[Leaf], MediaFile], character_set: str, is_extended: bool
) -> _Record:
    character_set = branch.tags.get(CHARACTER_SET, character_set) or _inherited(branch)
    beneath = [
        _record(one, file_of, character_set, is_extended) for one in ordered(branch.branches)
    ]
    beneath += [_image(leaf, file_of(leaf), character_set) for leaf in branch.ordered_leaves()]
    values = [
        (key.number, key.vr, branch.tags.get(key.tag, ""))
        for key in _KEYS_OF[branch.level]
        if (branch.tags.get(key.tag) or not key.is_optional)
        and (is_extended or not key.is_extended)
    ]
    kind = branch.level.value.upper().encode("ascii")
    return _Record(kind, _type(kind) + _described(values, character_set), beneath)


def _inherited(branch: Branch) -> str:
    """Return the character set of what is beneath: a patient goes by its first study."""
    return next((one.tags.get(CHARACTER_SET, "") for one in ordered(branch.branches)), "")


def _image(leaf: Leaf, file: MediaFile, character_set: str) -> _Record:
    referenced = (
        (0x00041500, "CS", file.name.replace("/", "\\")),
        (0x00041510, "UI", leaf.sop_class_uid),
        (0x00041511, "UI", file.sop_instance_uid),
        (0x00041512, "UI", file.transfer_syntax_uid),
    )
    content = b"".join(_text(tag, vr, value) for tag, vr, value in referenced)
    own = _described([(0x00200013, "IS", leaf.instance_number)], character_set)
    return _Record(b"IMAGE", _type(b"IMAGE") + content + own, [])


def _described(values: list[tuple[int, str, str]], character_set: str) -> bytes:
    if not all(value.isascii() for _, _, value in values):
        character_set = _UTF8
    encoded = [_text(tag, vr, value) for tag, vr, value in values]
    if character_set:
        encoded.insert(0, _text(0x00080005, "CS", character_set))
    return b"".join(encoded)


def _type(kind: bytes) -> bytes:
    return _element(0x00041430, "CS", kind + b" " * (len(kind) % 2))


def _text(tag: int, vr: str, value: str) -> bytes:
    encoded = value.encode()
    padding = b"\0" if vr == "UI" else b" "
    return _element(tag, vr, encoded + padding * (len(encoded) % 2))


def _element(tag: int, vr: str, value: bytes) -> bytes:
    return _WRITER.header(tag, vr, len(value)) + value


def _place(records: list[_Record], offset: int) -> int:
    """Give each record its offset in the file, those beneath it behind it; return the end."""
    for record in records:
        record.offset = offset
        offset = _place(record.beneath, offset + record.size_bytes)
    return offset


def _iter_encoded(records: list[_Record]) -> Iterator[bytes]:
    for number, record in enumerate(records):
        following = records[number + 1].offset if number + 1 < len(records) else 0
        beneath = record.beneath[0].offset if record.beneath else 0
        yield item_header(record.size_bytes - _ITEM_BYTES)
        yield _element(0x00041400, "UL", _POINTER.pack(following))
        yield _element(0x00041410, "US", _IN_USE)
        yield _element(0x00041420, "UL", _POINTER.pack(beneath))
        yield record.content
        yield from _iter_encoded(record.beneath)
