"""The main DICOM tags of an instance, as Orthanc keeps and shows them."""

from __future__ import annotations

from collections.abc import Mapping

from nephele.domain.attributes import MAIN_ATTRIBUTES, Attribute, main_attribute
from nephele.domain.character_set import Encoding
from nephele.domain.levels import Level
from nephele.domain.values import format_text, format_unsigned_shorts

MAXIMUM_LENGTH = 256
"""Longer values, in bytes of UTF-8, are no main tags and not shown in lists of tags."""

MAIN_TAG_NUMBERS: frozenset[int] = frozenset(
    attribute.number for attribute in MAIN_ATTRIBUTES if attribute.vr != "SQ"
)

MainTags = dict[Level, dict[str, str]]


def is_too_long(text: str) -> bool:
    """Tell whether a value is too long to be kept or shown."""
    return len(text) > MAXIMUM_LENGTH or len(text.encode()) > MAXIMUM_LENGTH


def main_tags(
    values: Mapping[int, bytes], encoding: Encoding, *, is_little_endian: bool = True
) -> MainTags:
    """Return the main tags by level, `"gggg,eeee"` to value.

    Only what is in the data set appears, empty values as empty text; sequences and what is too
    long are left out.

    Parameters
    ----------
    values : mapping of int to bytes
        Encoded values of the top-level elements, by tag.
    """
    tags: MainTags = {level: {} for level in Level}
    for attribute in MAIN_ATTRIBUTES:
        value = values.get(attribute.number)
        if value is None or attribute.vr == "SQ":
            continue
        text = _text(attribute, value, encoding, is_little_endian)
        if not is_too_long(text):
            tags[attribute.level][attribute.tag] = text
    return tags


def _text(attribute: Attribute, value: bytes, encoding: Encoding, is_little_endian: bool) -> str:
    if attribute.vr == "US":
        return format_unsigned_shorts(value, is_little_endian=is_little_endian)
    return format_text(value, attribute.vr, encoding)


def index_in_series(tags: MainTags) -> str | None:
    """Return Orthanc's `IndexInSeries`: InstanceNumber, else ImageIndex, None without either."""
    instance = tags[Level.INSTANCE]
    for keyword in ("InstanceNumber", "ImageIndex"):
        if (value := instance.get(_tag(keyword))) is not None:
            return value.strip()
    return None


def expected_number_of_instances(tags: MainTags) -> int | None:
    """Return how many instances the series should hold, None where it does not say."""
    for first, second in (
        ("ImagesInAcquisition", "NumberOfTemporalPositions"),
        ("NumberOfSlices", "NumberOfTimeSlices"),
        ("CardiacNumberOfImages", None),
    ):
        one = _positive(tags, first)
        other = 1 if second is None else _positive(tags, second)
        if one is not None and other is not None:
            return one * other
    return None


def _positive(tags: MainTags, keyword: str) -> int | None:
    try:
        number = int(tags[Level.SERIES].get(_tag(keyword), ""))
    except ValueError:
        return None
    return number if number > 0 else None


def _tag(keyword: str) -> str:
    attribute = main_attribute(keyword)
    if attribute is None:
        raise KeyError(keyword)
    return attribute.tag
