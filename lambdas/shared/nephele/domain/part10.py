"""The DICOM file format of PS3.10: the preamble and the file meta information."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from nephele.domain import attributes
from nephele.domain.character_set import PADDING, encoding_of, strip_uid
from nephele.domain.explicit_vr import SHORT_VRS, has_long_length
from nephele.domain.orthanc_id import Identity
from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from nephele.domain.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from nephele.domain.walk import Walk, walk_data_set
from nephele.errors import BadFileFormat, BadParameterType, MissingIdentifier

_PREAMBLE = b"\0" * 128 + b"DICM"
_MAXIMUM_META_BYTES = 1 << 20
_SHORT = struct.Struct("<HH2sH")
_LONG = struct.Struct("<I")

LONGEST_PATIENT_ID = 256
"""Orthanc keeps no longer main DICOM tags and so cannot identify a patient without one."""

_SOP_CLASS = 0x00020002
_SOP_INSTANCE = 0x00020003
_TRANSFER_SYNTAX = 0x00020010


@dataclass(frozen=True, slots=True)
class FileMeta:
    """The file meta information; `data_set_offset` is where the data set begins.

    `transfer_syntax_uid` is guessed from the data set where the file does not name it.
    """

    transfer_syntax_uid: str
    media_storage_sop_class_uid: str
    media_storage_sop_instance_uid: str
    data_set_offset: int


@dataclass(frozen=True, slots=True)
class InspectedFile:
    """A whole file whose elements have all been walked over.

    Offsets count from the file's first byte; `pixel_data_offset` and `pixel_data_vr` are as in
    `nephele.domain.walk.Walk`.
    """

    identity: Identity
    sop_class_uid: str
    transfer_syntax_uid: str
    pixel_data_offset: int | None
    pixel_data_vr: str | None
    data_set_offset: int
    size_bytes: int


def write_preamble(
    sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, source_aet: str = ""
) -> bytes:
    """Encode the preamble and file meta information that go before a received data set.

    Parameters
    ----------
    source_aet : str
        Who sent it: Source Application Entity Title (0002,0016), left out when empty.
    """
    elements = [
        _element(0x0001, b"OB", b"\0\1"),
        _element(0x0002, b"UI", sop_class_uid.encode("ascii")),
        _element(0x0003, b"UI", sop_instance_uid.encode("ascii")),
        _element(0x0010, b"UI", transfer_syntax_uid.encode("ascii")),
        _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID.encode("ascii")),
        _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME.encode("ascii")),
    ]
    if source_aet:
        elements.append(_element(0x0016, b"AE", source_aet.encode("ascii", "replace")))
    meta = b"".join(elements)
    return _PREAMBLE + _element(0x0000, b"UL", _LONG.pack(len(meta))) + meta


def _element(element: int, vr: bytes, value: bytes) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    if has_long_length(vr):
        return struct.pack("<HH2sHI", 2, element, vr, 0, len(value)) + value
    return _SHORT.pack(2, element, vr, len(value)) + value


def read_file_meta(file: BinaryIO) -> FileMeta:
    """Read the file meta information and leave the file at the data set.

    The group's length is not relied upon: some writers get it wrong.

    Raises
    ------
    BadFileFormat
        The file does not begin with the preamble, or its meta information is damaged.
    """
    if file.read(len(_PREAMBLE))[128:] != b"DICM":
        raise BadFileFormat("there is no DICOM preamble")
    values: dict[int, str] = {}
    while (element := _read_element(file)) is not None:
        values[element[0]] = element[1].decode("latin-1").strip(PADDING)
    offset = file.tell()
    if not values and not file.read(1):
        raise BadFileFormat("there is nothing behind the DICOM preamble")
    file.seek(offset)
    syntax = values.get(_TRANSFER_SYNTAX) or _guess_transfer_syntax(file)
    file.seek(offset)
    return FileMeta(syntax, values.get(_SOP_CLASS, ""), values.get(_SOP_INSTANCE, ""), offset)


def _read_element(file: BinaryIO) -> tuple[int, bytes] | None:
    """Return tag and value of the next element of group 0002, None when there is none."""
    start = file.tell()
    header = file.read(8)
    if len(header) < 8 or header[:2] != b"\2\0":
        file.seek(start)
        return None
    group, element, vr, size = _SHORT.unpack(header)
    if has_long_length(vr) and vr != b"SQ":
        (size,) = _LONG.unpack(file.read(4).ljust(4, b"\xff"))
    elif vr not in SHORT_VRS:
        raise BadFileFormat("the file meta information is not in Explicit VR Little Endian")
    if size > _MAXIMUM_META_BYTES or len(value := file.read(size)) < size:
        raise BadFileFormat("the file meta information is truncated")
    return group << 16 | element, value


def _guess_transfer_syntax(file: BinaryIO) -> str:
    vr = file.read(8)[4:6]
    is_explicit = vr in SHORT_VRS or has_long_length(vr)
    return EXPLICIT_VR_LITTLE_ENDIAN if is_explicit else IMPLICIT_VR_LITTLE_ENDIAN


def inspect_part10(file: BinaryIO, default_encoding: str = "Latin1") -> InspectedFile:
    """Walk over a whole file from its first byte and say which instance it is.

    Raises
    ------
    BadFileFormat
        It is not a DICOM file, not whole, or one of the UIDs is empty.
    MissingIdentifier
        Study, Series or SOP Instance UID is missing.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    meta = read_file_meta(file)
    walk = walk_data_set(file, meta.transfer_syntax_uid)
    return InspectedFile(
        identity=received_identity(walk, default_encoding),
        sop_class_uid=uid_of(walk, attributes.SOP_CLASS_UID),
        transfer_syntax_uid=meta.transfer_syntax_uid,
        pixel_data_offset=walk.pixel_data_offset,
        pixel_data_vr=walk.pixel_data_vr,
        data_set_offset=meta.data_set_offset,
        size_bytes=size,
    )


def uid_of(walk: Walk, tag: int) -> str:
    """Return a UID of a walked data set without its padding, empty where it is missing."""
    return strip_uid(walk.values.get(tag, b"").split(b"\0", 1)[0].decode("latin-1"))


def identity_of(walk: Walk, default_encoding: str = "Latin1") -> Identity:
    """Return the identity of a walked data set.

    Raises
    ------
    BadFileFormat
        One of the UIDs is there and empty.
    MissingIdentifier
        Study, Series or SOP Instance UID is missing.
    """
    encoding = encoding_of(
        walk.values.get(attributes.SPECIFIC_CHARACTER_SET), default=default_encoding
    )
    return Identity(
        patient_id=encoding.decode_identifier(walk.values.get(attributes.PATIENT_ID, b"")),
        study_instance_uid=_required(walk, "StudyInstanceUID", attributes.STUDY_INSTANCE_UID),
        series_instance_uid=_required(walk, "SeriesInstanceUID", attributes.SERIES_INSTANCE_UID),
        sop_instance_uid=_required(walk, "SOPInstanceUID", attributes.SOP_INSTANCE_UID),
    )


def received_identity(walk: Walk, default_encoding: str = "Latin1") -> Identity:
    """Return the identity of a data set that has just come, as `identity_of`.

    Raises
    ------
    BadParameterType
        The PatientID is longer than any main DICOM tag may be; Orthanc refuses it alike. What is
        stored already stays indexable.
    """
    identity = identity_of(walk, default_encoding)
    if len(identity.patient_id) > LONGEST_PATIENT_ID:
        raise BadParameterType(
            f"PatientID (0010,0020) is longer than {LONGEST_PATIENT_ID} characters"
        )
    return identity


def _required(walk: Walk, keyword: str, tag: int) -> str:
    label = f"{keyword} ({attributes.tag_of(tag)})"
    if tag not in walk.values:
        raise MissingIdentifier(f"{label} is missing")
    if not (uid := uid_of(walk, tag)):
        raise BadFileFormat(f"{label} is empty")
    return uid
