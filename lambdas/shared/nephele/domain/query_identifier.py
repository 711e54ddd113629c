"""The identifier of a query or retrieve request: which level, and what of each tag.

See PS3.4 C.1.3 and C.4. Levels are read as Orthanc reads them: in any case, singular or plural.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from nephele.domain.attributes import SPECIFIC_CHARACTER_SET
from nephele.domain.character_set import DefaultEncoding, Encoding, encoding_of
from nephele.domain.dictionary import vr_of
from nephele.domain.elements import DataSet, Element, read_elements
from nephele.domain.levels import Level, level_named
from nephele.domain.transfer_syntax import TransferSyntax, transfer_syntax
from nephele.domain.values import format_value
from nephele.errors import BadFileFormat, BadRequest

QUERY_RETRIEVE_LEVEL = 0x00080052
_LONGEST_KEY = 1 << 16


@dataclass(frozen=True, slots=True)
class Key:
    """What an identifier says of one tag.

    Attributes
    ----------
    vr : str
        By the dictionary, else as written.
    text : str
        Its value, decoded; empty where it has none, and of sequences.
    items : tuple, optional
        Of a sequence: the keys of each item, by tag.
    creator : str
        Of private tags, who reserved the block.
    """

    tag: int
    vr: str
    text: str = ""
    items: tuple[Keys, ...] | None = None
    creator: str = ""


Keys = Mapping[int, Key]
"""Keys by tag, in ascending order of the data set."""


def read_keys(
    encoded: bytes | bytearray, transfer_syntax_uid: str, default_encoding: DefaultEncoding
) -> Keys:
    """Read the keys of an identifier as it came.

    Raises
    ------
    BadRequest
        It cannot be parsed.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    try:
        elements = read_elements(bytes(encoded), syntax)
    except (BadFileFormat, struct.error) as exc:
        raise BadRequest("the identifier cannot be parsed") from exc
    declared = elements.get(SPECIFIC_CHARACTER_SET)
    encoding = encoding_of(
        None if declared is None else bytes(declared.value), default=default_encoding
    )
    return _keys(elements, encoding, syntax)


def _keys(elements: DataSet, encoding: Encoding, syntax: TransferSyntax) -> Keys:
    return {tag: _key(elements[tag], encoding, syntax) for tag in sorted(elements)}


def _key(element: Element, encoding: Encoding, syntax: TransferSyntax) -> Key:
    known = vr_of(element.tag, element.creator)
    vr = element.vr if known == "UN" else known
    if element.items is not None:
        items = tuple(_keys(item, encoding, syntax) for item in element.items)
        return Key(element.tag, "SQ", items=items, creator=element.creator)
    if len(element.value) > _LONGEST_KEY:
        raise BadRequest("the identifier has a value that is too long")
    text = format_value(element, encoding, is_little_endian=syntax.is_little_endian)
    nothing: tuple[Keys, ...] | None = () if vr == "SQ" else None
    return Key(element.tag, vr, text or "", nothing, element.creator)


def level_of(keys: Keys) -> Level | None:
    """Return the level an identifier asks for, None where it names none.

    Raises
    ------
    BadRequest
        What it names is no level.
    """
    key = keys.get(QUERY_RETRIEVE_LEVEL)
    name = "" if key is None else key.text.strip()
    if not name:
        return None
    level = level_named(name)
    if level is None:
        raise BadRequest("QueryRetrieveLevel (0008,0052) names no level")
    return level
