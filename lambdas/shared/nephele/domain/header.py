"""What the index needs of an instance, read from the bytes in front of its pixel data."""

from __future__ import annotations

import io
import sys
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from nephele.domain.attributes import SOP_CLASS_UID, SPECIFIC_CHARACTER_SET
from nephele.domain.character_set import encoding_of
from nephele.domain.inflate import InflatingReader
from nephele.domain.levels import Level
from nephele.domain.main_tags import (
    expected_number_of_instances,
    index_in_series,
    main_tag_numbers,
    main_tags,
)
from nephele.domain.orthanc_id import Identity
from nephele.domain.part10 import FileMeta, identity_of, read_file_meta, uid_of
from nephele.domain.transfer_syntax import transfer_syntax
from nephele.domain.walk import IDENTIFYING, Walk, walk_data_set

_EMPTY_PIXEL_DATA = b"\xe0\x7f\x10\x00OW" + bytes(6)


@dataclass(frozen=True, slots=True)
class InstanceHeader:
    """Everything the index keeps of one instance.

    Attributes
    ----------
    encoded : bytes
        The file from its preamble up to, not including, the pixel data element (the whole file
        where there is none). It is what the index keeps, so no value is ever re-encoded. Of a
        deflated file, the elements up to the pixel data, of which an empty one is left, are
        deflated anew. Empty where it is longer than the reader wanted to hold.
    main_tags : dict
        By level, `"gggg,eeee"` to value as Orthanc shows it (UTF-8, padding stripped, at most
        256 characters: longer ones are left out).
    pixel_data_offset : int or None
        Offset in the file of the pixel data element (its tag), None where there is none or the
        data set is deflated.
    pixel_data_vr : str or None
        VR of the pixel data element as written; None in Implicit VR and where there is none.
    index_in_series : str or None
        InstanceNumber, else ImageIndex, stripped; kept as text since it may be no number.
    expected_number_of_instances : int or None
        What the series should hold, computed as Orthanc does (rest.md 3.1).
    default_encoding : str
        What text is read under where no SpecificCharacterSet says it.
    """

    identity: Identity
    sop_class_uid: str
    transfer_syntax_uid: str
    encoded: bytes
    main_tags: dict[Level, dict[str, str]]
    pixel_data_offset: int | None
    pixel_data_vr: str | None
    index_in_series: str | None
    expected_number_of_instances: int | None
    default_encoding: str = "Latin1"


def read_header(encoded: bytes, default_encoding: str = "Latin1") -> InstanceHeader:
    """Read the header of a DICOM file.

    Parameters
    ----------
    encoded : bytes
        A Part 10 file from its first byte, at least up to the pixel data element.
    default_encoding : str
        Orthanc's `DefaultEncoding`, for files without SpecificCharacterSet.

    Raises
    ------
    BadFileFormat
        The bytes are not a Part 10 file, or end before the pixel data and before a whole element;
        or one of the UIDs is empty.
    MissingIdentifier
        Study, Series or SOP Instance UID is missing.
    """
    return read_file_header(io.BytesIO(encoded), default_encoding, sys.maxsize)


def read_file_header(
    file: BinaryIO, default_encoding: str, maximum_header_bytes: int
) -> InstanceHeader:
    """Read the header of a DICOM file in memory that does not grow with the file.

    Parameters
    ----------
    file : BinaryIO
        Seekable; it is read from its first byte.
    maximum_header_bytes : int
        A longer header (of a deflated data set: inflated) is walked over and not kept.

    Raises
    ------
    BadFileFormat, MissingIdentifier
        As `read_header`.
    """
    file.seek(0)
    meta = read_file_meta(file)
    syntax = transfer_syntax(meta.transfer_syntax_uid)
    walk = walk_data_set(
        file, syntax.uid, IDENTIFYING | main_tag_numbers(), stop_at_pixel_data=True
    )
    encoding = encoding_of(walk.values.get(SPECIFIC_CHARACTER_SET), default_encoding)
    tags = main_tags(walk.values, encoding, is_little_endian=syntax.is_little_endian)
    return InstanceHeader(
        identity=identity_of(walk, default_encoding),
        sop_class_uid=uid_of(walk, SOP_CLASS_UID),
        transfer_syntax_uid=syntax.uid,
        encoded=_encoded_header(file, meta, walk, maximum_header_bytes),
        main_tags=tags,
        pixel_data_offset=walk.pixel_data_offset,
        pixel_data_vr=walk.pixel_data_vr,
        index_in_series=index_in_series(tags),
        expected_number_of_instances=expected_number_of_instances(tags),
        default_encoding=default_encoding,
    )


def _encoded_header(file: BinaryIO, meta: FileMeta, walk: Walk, maximum_bytes: int) -> bytes:
    if walk.header_end_offset > maximum_bytes:
        return b""
    file.seek(0)
    if transfer_syntax(meta.transfer_syntax_uid).is_deflated:
        return file.read(meta.data_set_offset) + _deflated_header(file, walk)
    return file.read(walk.header_end_offset)


def _deflated_header(file: BinaryIO, walk: Walk) -> bytes:
    """Deflate the part of a deflated data set that is in front of the pixel data."""
    elements = InflatingReader(file).read(walk.header_end_offset)
    if walk.has_pixel_data:
        elements += _EMPTY_PIXEL_DATA
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(elements) + deflater.flush()
