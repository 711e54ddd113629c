"""One entry of Orthanc's `Dictionary`: an element that no data dictionary has."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_TAG = re.compile(r"([0-9a-fA-F]{4})[,-]?([0-9a-fA-F]{1,4})")
_MEMBERS = (
    "ValueRepresentation",
    "Name",
    "MinimumMultiplicity",
    "MaximumMultiplicity",
    "PrivateCreator",
)
_VALUE_REPRESENTATIONS = frozenset(
    """
    AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR
    US UT UV
    """.split()
)


def _check_tag(tag: str) -> str:
    if not _TAG.fullmatch(tag):
        raise ValueError("an entry's tag has the form gggg,eeee, in hexadecimal")
    return tag


def _check_value_representation(vr: str) -> str:
    """Refuse what is no value representation. See PS3.5 6.2."""
    if vr not in _VALUE_REPRESENTATIONS:
        raise ValueError(f"{vr!r} is no value representation")
    return vr


EntryTag = Annotated[str, AfterValidator(_check_tag)]


class DictionaryEntry(BaseModel):
    """Name and value representation of an element; `private_creator` is for private ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    vr: Annotated[str, AfterValidator(_check_value_representation)] = Field(
        alias="ValueRepresentation"
    )
    name: str = Field(alias="Name", min_length=1)
    minimum: int = Field(default=1, ge=0, alias="MinimumMultiplicity")
    maximum: int = Field(default=1, ge=0, alias="MaximumMultiplicity")
    private_creator: str = Field(default="", alias="PrivateCreator")


def parse_entry(value: object) -> Any:
    """Bring `[VR, name, minimum?, maximum?, private creator?]` to names; ValueError if it fails."""
    if not isinstance(value, list):
        return value
    if not 2 <= len(value) <= len(_MEMBERS):
        raise ValueError("an entry is [VR, name, minimum?, maximum?, private creator?]")
    return dict(zip(_MEMBERS, value, strict=False))


def tag_number(tag: str) -> int:
    """Return the number of an entry's tag; of a private one, the last byte says which it is."""
    match = _TAG.fullmatch(tag)
    if match is None:
        raise ValueError(tag)
    return int(match[1], 16) << 16 | int(match[2], 16)
