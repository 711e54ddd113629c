"""Main DICOM tags that the configuration adds to Orthanc's own (`ExtraMainDicomTags`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nephele.domain.attributes import Attribute, main_attribute, main_attributes, number_of, tag_of
from nephele.domain.dictionary import name_of, parse_tag, vr_of
from nephele.domain.levels import Level
from nephele.errors import ConfigurationError

_OPTION = "ExtraMainDicomTags"
_UNSHOWN = frozenset("OB OW OV UN".split())

Names = Mapping[str, Sequence[str]]
"""Keywords or numbers of tags, by Orthanc's name of a level."""

_extra: dict[Level, tuple[Attribute, ...]] = {}


def extra_attributes(names: Names) -> dict[Level, tuple[Attribute, ...]]:
    """Return the attributes an `ExtraMainDicomTags` adds to each level, ascending by tag.

    What is a main DICOM tag of its level anyway does not count.

    Raises
    ------
    ConfigurationError
        A name is no tag, or stands for a sequence or bytes.
    """
    found: dict[Level, tuple[Attribute, ...]] = {}
    for level in Level:
        main = {attribute.number for attribute in main_attributes(level)}
        numbers = {_number(name) for name in names.get(level.value, ())}
        found[level] = tuple(_attribute(number, level) for number in sorted(numbers - main))
    both = {one.number for one in found[Level.PATIENT]} & {one.number for one in found[Level.STUDY]}
    if both:
        raise ConfigurationError(
            f"{_OPTION}: {tag_of(min(both))} may not belong to the patient and to the study"
        )
    return found


def _number(name: str) -> int:
    number = parse_tag(name)
    if number is None:
        raise ConfigurationError(f"{_OPTION}: {name!r} is no DICOM tag")
    return number


def _attribute(number: int, level: Level) -> Attribute:
    tag, vr = tag_of(number), vr_of(number)
    if vr == "SQ" or vr in _UNSHOWN:
        raise ConfigurationError(f"{_OPTION}: {tag} has no text that could be kept")
    return Attribute(name_of(number), tag, number, vr, level)


def use_extra_main_tags(names: Names) -> None:
    """Set what this process keeps of instances besides Orthanc's own main DICOM tags."""
    _extra.clear()
    _extra.update(extra_attributes(names))


def extra_main_attributes(level: Level) -> tuple[Attribute, ...]:
    """Return the attributes that were added to a level, in ascending order of tag."""
    return _extra.get(level, ())


def shown_tags(level: Level) -> frozenset[str]:
    """Return the tags a resource of a level is shown with."""
    attributes = (*main_attributes(level), *extra_main_attributes(level))
    return frozenset(attribute.tag for attribute in attributes)


def default_signature(level: Level) -> str:
    """Return Orthanc's signature of its own main tags of a level."""
    return ";".join(sorted(attribute.tag for attribute in main_attributes(level)))


def extended_signature(level: Level) -> str | None:
    """Return the signature of the main tags of a level, None where none were added."""
    return ";".join(sorted(shown_tags(level))) if extra_main_attributes(level) else None


def main_tag_name(tag: str) -> str:
    """Return the name of a main DICOM tag, one that was added included."""
    attribute = main_attribute(tag)
    return name_of(number_of(tag)) if attribute is None else attribute.keyword
