"""Orthanc's metadata: the one table of their names and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

FIRST_USER_METADATA = 1024
LAST_USER_METADATA = 65535
"""Numbers of metadata that users name (`UserMetadata`), both ends included."""


class Metadata(IntEnum):
    """A core metadata: its number in Orthanc; the last three are Nephele's own."""

    INDEX_IN_SERIES = 1
    RECEPTION_DATE = 2
    REMOTE_AET = 3
    EXPECTED_NUMBER_OF_INSTANCES = 4
    MODIFIED_FROM = 5
    ANONYMIZED_FROM = 6
    LAST_UPDATE = 7
    ORIGIN = 8
    TRANSFER_SYNTAX = 9
    SOP_CLASS_UID = 10
    REMOTE_IP = 11
    CALLED_AET = 12
    HTTP_USERNAME = 13
    PIXEL_DATA_OFFSET = 14
    MAIN_DICOM_TAGS_SIGNATURE = 15
    MAIN_DICOM_SEQUENCES = 16
    PIXEL_DATA_VR = 17
    IS_PROTECTED = 18
    PATIENT_RECYCLING_ORDER = 19
    ORIGINAL_MD5 = 1021
    ORIGINAL_SOP_INSTANCE_UID = 1022
    INGEST_TRANSCODING_FAILURE = 1023

    @property
    def label(self) -> str:
        """Return Orthanc's name, as in `/metadata/{name}`."""
        return _LABELS[self]


_SPELLINGS = {"AET": "AET", "IP": "IP", "MD5": "MD5", "VR": "VR"}
_NAMED = {Metadata.ORIGINAL_SOP_INSTANCE_UID: "OriginalSOPInstanceUID"}
_LABELS = {
    member: "".join(_SPELLINGS.get(word, word.capitalize()) for word in member.name.split("_"))
    for member in Metadata
} | _NAMED
_BY_LABEL = {label: member for member, label in _LABELS.items()} | {
    "RemoteAet": Metadata.REMOTE_AET,  # as the Orthanc Book spells it
}
_MOST_DIGITS = 9


def metadata_named(name: str) -> Metadata | None:
    """Return a core metadata by its name or number, None if there is no such one."""
    number = number_of(name)
    if number is not None:
        return Metadata(number) if number in _LABELS else None
    return _BY_LABEL.get(name)


def number_of(name: str) -> int | None:
    """Return a number in decimal digits, of metadata or attachments; None for any other name."""
    is_number = name.isascii() and name.removeprefix("-").isdecimal()
    return int(name) if is_number and len(name) <= _MOST_DIGITS else None


def is_user_metadata(number: int) -> bool:
    """Tell whether a number is one that users may write."""
    return FIRST_USER_METADATA <= number <= LAST_USER_METADATA


@dataclass(frozen=True, slots=True)
class MetadataNames:
    """The names metadata have here: Orthanc's own, and those of `UserMetadata`."""

    user: Mapping[str, int]

    def number(self, name: str) -> int | None:
        """Return a number by its name, or by itself; None if there is no such name."""
        if name in self.user:
            return self.user[name]
        known = metadata_named(name)
        if known is not None:
            return int(known)
        return number_of(name)

    def name(self, number: int) -> str:
        """Return the name of a number: itself where it has none."""
        for name, user_number in self.user.items():
            if user_number == number:
                return name
        return _LABELS[Metadata(number)] if number in _LABELS else str(number)
