"""The main DICOM tags of an instance, as Orthanc keeps and shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nephele.domain.attributes import MAIN_ATTRIBUTES, Attribute, main_attribute
from nephele.domain.character_set import Encoding
from nephele.domain.elements import Element
from nephele.domain.extra_tags import extra_main_attributes
from nephele.domain.levels import Level
from nephele.domain.values import TEXT_VRS, format_text, format_value

MAXIMUM_LENGTH = 256
"""Longer values, in bytes of UTF-8, are no main tags and not shown in lists of tags."""

_OWN_NUMBERS: frozenset[int] = frozenset(
    attribute.number for attribute in MAIN_ATTRIBUTES if attribute.vr != "SQ"
)

MainTags = dict[Level, dict[str, str]]


def main_tag_numbers() -> frozenset[int]:
    """Return the tags that are kept, those the configuration adds included."""
    return _OWN_NUMBERS.union(attribute.number for attribute in _iter_extra())


def _iter_extra() -> Iterator[Attribute]:
    for level in Level:
        yield from extra_main_attributes(level)


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
    for attribute in (*MAIN_ATTRIBUTES, *_iter_extra()):
        value = values.get(attribute.number)
        if value is None or attribute.vr == "SQ":
            continue
        text = _text(attribute, value, encoding, is_little_endian)
        if not is_too_long(text):
            tags[attribute.level][attribute.tag] = text
    return tags


def _text(attribute: Attribute, value: bytes, encoding: Encoding, is_little_endian: bool) -> str:
    if attribute.vr in TEXT_VRS:
        return format_text(value, attribute.vr, encoding)
    element = Element(attribute.number, attribute.vr, memoryview(value))
    return format_value(element, encoding, is_little_endian=is_little_endian) or ""


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
