"""The data dictionary as Orthanc speaks it: names and VRs of public and private elements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nephele.settings.dictionary_entry import DictionaryEntry

UNKNOWN_NAME = "Unknown Tag & Data"
"""What Orthanc calls an element that is in no dictionary."""

_STILL_CURRENT = frozenset(
    {
        *(0x00101000, 0x00380004, 0x00701807, 0x00701808, 0x30040010, 0x30040012, 0x30060085),
        *(0x30060088, 0x3008002B, 0x30100090),
    }
)
"""Retired by the edition pydicom follows, but not by the one Orthanc does."""

_GROUP_LENGTHS = {0x0000: "CommandGroupLength", 0x0002: "FileMetaInformationGroupLength"}
_HEXADECIMAL = re.compile(r"([0-9a-fA-F]{4})[,-]?([0-9a-fA-F]{4})")
_AMBIGUOUS = {"US or SS": "US", "OB or OW": "OW", "US or OW": "OW", "US or SS or OW": "OW"}


@dataclass(frozen=True, slots=True)
class _Own:
    """What the configuration adds to the dictionary; see `use_dictionary`."""

    public: Mapping[int, DictionaryEntry] = field(default_factory=dict)
    private: Mapping[tuple[str, int], DictionaryEntry] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    default_private_creator: str = ""
    has_private_dictionary: bool = True


_own = _Own()


def use_dictionary(
    entries: Mapping[str, DictionaryEntry],
    *,
    default_private_creator: str = "",
    has_private_dictionary: bool = True,
) -> None:
    """Set what this process knows besides PS3.6, in place of what was set before.

    Parameters
    ----------
    entries : mapping of str to DictionaryEntry
        Orthanc's `Dictionary`, by tag. An entry wins over PS3.6.
    default_private_creator : str
        Orthanc's `DefaultPrivateCreator`: of private elements that name none.
    has_private_dictionary : bool
        Orthanc's `LoadPrivateDictionary`.
    """
    global _own
    from nephele.settings.dictionary_entry import tag_number

    public: dict[int, DictionaryEntry] = {}
    private: dict[tuple[str, int], DictionaryEntry] = {}
    numbers: dict[str, int] = {}
    for text, entry in entries.items():
        tag = tag_number(text)
        if is_private(tag):
            creator = entry.private_creator or default_private_creator
            private[creator, _without_block(tag)] = entry
            numbers[entry.name] = tag if tag & 0xFF00 else tag | 0x1000
        else:
            public[tag] = entry
            numbers[entry.name] = tag
    own = _Own(public, private, numbers, default_private_creator, has_private_dictionary)
    if own != _own:
        _own = own
        for cached in (name_of, vr_of, parse_tag):
            cached.cache_clear()


def _without_block(tag: int) -> int:
    """Return a private tag without the block it is reserved in. See PS3.5 7.8.1."""
    return tag & 0xFFFF00FF


def is_private(tag: int) -> bool:
    """Tell whether a tag is private: its group is odd."""
    return bool(tag >> 16 & 1)


def is_private_creator(tag: int) -> bool:
    """Tell whether a tag reserves a block of private elements. See PS3.5 7.8.1."""
    return is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF


def creator_tag(tag: int) -> int:
    """Return the tag of the private creator that reserves a private element's block."""
    return tag & 0xFFFF0000 | tag >> 8 & 0xFF


@lru_cache(maxsize=16384)
def name_of(tag: int, creator: str = "") -> str:
    """Return Orthanc's name of an element: its keyword, marked where it is retired.

    The names of private elements come from pydicom's private dictionary, in camel case; those of
    `use_dictionary` are as they were given.
    """
    if tag & 0xFFFF == 0:
        generic = "PrivateGroupLength" if is_private(tag) else "GenericGroupLength"
        return _GROUP_LENGTHS.get(tag >> 16, generic)
    if is_private_creator(tag):
        return "PrivateCreator"
    if (own := _own_entry(tag, creator)) is not None:
        return own.name
    if is_private(tag):
        words = re.split(r"[^A-Za-z0-9]+", _private_entry(tag, creator)[1])
        return "".join(word[:1].upper() + word[1:] for word in words) or UNKNOWN_NAME
    _, keyword, is_retired = _public_entry(tag)
    prefix = "RETIRED_" if is_retired and tag not in _STILL_CURRENT else ""
    return prefix + keyword if keyword else UNKNOWN_NAME


@lru_cache(maxsize=16384)
def vr_of(tag: int, creator: str = "") -> str:
    """Return the VR of an element, `"UN"` when it is in no dictionary.

    Where the dictionary leaves a choice, the unsigned or the word one is taken.
    """
    if tag & 0xFFFF == 0:
        return "UL"
    if is_private_creator(tag):
        return "LO"
    if (own := _own_entry(tag, creator)) is not None:
        return own.vr
    vr = _private_entry(tag, creator)[0] if is_private(tag) else _public_entry(tag)[0]
    return _AMBIGUOUS.get(vr, vr)


def _own_entry(tag: int, creator: str) -> DictionaryEntry | None:
    if is_private(tag):
        return _own.private.get((creator or _own.default_private_creator, _without_block(tag)))
    return _own.public.get(tag)


def is_signedness_ambiguous(tag: int) -> bool:
    """Tell whether an element is US or SS, as Pixel Representation says."""
    return not is_private(tag) and _public_entry(tag)[0].startswith("US or SS")


@lru_cache(maxsize=4096)
def parse_tag(name: str) -> int | None:
    """Return the tag of `gggg,eeee`, `gggg-eeee`, `ggggeeee` or a keyword, None if it is none."""
    from pydicom.datadict import tag_for_keyword

    if match := _HEXADECIMAL.fullmatch(name):
        return int(match[1] + match[2], 16)
    if name in _own.numbers:
        return _own.numbers[name]
    return tag_for_keyword(name)


def _public_entry(tag: int) -> tuple[str, str, bool]:
    """Return VR, keyword and whether it is retired, of a public element."""
    from pydicom.datadict import get_entry

    try:
        vr, _, _, retired, keyword = get_entry(tag)
    except KeyError:
        return "UN", "", False
    return vr, keyword, bool(retired)


def _private_entry(tag: int, creator: str) -> tuple[str, str]:
    """Return VR and name of a private element."""
    from pydicom.datadict import get_private_entry

    creator = creator or _own.default_private_creator
    if not creator or not _own.has_private_dictionary:
        return "UN", ""
    try:
        vr, _, name, _ = get_private_entry(tag, creator)
    except KeyError:
        return "UN", ""
    return vr, "" if name == "?" else name
