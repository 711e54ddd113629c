"""Orthanc's attachments: the one table of their names and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nephele.domain.metadata import number_of
from nephele.settings.user_names import ANY_BYTES, UserContent

DICOM = 1
DICOM_AS_JSON = 2
FIRST_USER_CONTENT = 1024
LAST_USER_CONTENT = 65535
_CORE = {"dicom": DICOM, "dicom-as-json": DICOM_AS_JSON, "dicom-until-pixel-data": 3}
_CORE_NAMES = {number: name for name, number in _CORE.items()}
_MEDIA_TYPES = {DICOM: "application/dicom", DICOM_AS_JSON: "application/json"}


@dataclass(frozen=True, slots=True)
class ContentNames:
    """The names attachments have here: Orthanc's own, and those of `UserContentType`."""

    user: Mapping[str, UserContent]

    def number(self, name: str) -> int | None:
        """Return the number of a type by its name, or by itself; None if there is no such name."""
        if name in self.user:
            return self.user[name].number
        if name in _CORE:
            return _CORE[name]
        return number_of(name)

    def name(self, number: int) -> str:
        """Return the name of a type: its number where it has none."""
        for name, content in self.user.items():
            if content.number == number:
                return name
        return _CORE_NAMES.get(number, str(number))

    def media_type(self, number: int) -> str:
        """Return the media type of a type."""
        for content in self.user.values():
            if content.number == number:
                return content.media_type
        return _MEDIA_TYPES.get(number, ANY_BYTES)


def is_user_content(number: int) -> bool:
    """Tell whether a type is one that users may write."""
    return FIRST_USER_CONTENT <= number <= LAST_USER_CONTENT
