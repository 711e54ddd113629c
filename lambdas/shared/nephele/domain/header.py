"""What the index needs of an instance, read from the bytes in front of its pixel data."""

from __future__ import annotations

from dataclasses import dataclass

from nephele.domain.levels import Level
from nephele.domain.orthanc_id import Identity


@dataclass(frozen=True, slots=True)
class InstanceHeader:
    """Everything the index keeps of one instance.

    Attributes
    ----------
    encoded : bytes
        The file from its preamble up to, not including, the pixel data element (the whole file
        where there is none). It is what the index keeps, so no value is ever re-encoded.
    main_tags : dict
        By level, `"gggg,eeee"` to value as Orthanc shows it (UTF-8, padding stripped, at most
        256 characters: longer ones are left out).
    pixel_data_offset : int or None
        Offset in the file of the pixel data element (its tag), None where there is none.
    pixel_data_vr : str or None
        VR of the pixel data element as written; None in Implicit VR and where there is none.
    index_in_series : str or None
        InstanceNumber, else ImageIndex, stripped; kept as text since it may be no number.
    expected_number_of_instances : int or None
        What the series should hold, computed as Orthanc does (rest.md 3.1).
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
        The bytes are not a Part 10 file, or end before the pixel data and before a whole element.
    MissingIdentifier
        Study, Series or SOP Instance UID is missing or empty.
    """
    raise NotImplementedError
