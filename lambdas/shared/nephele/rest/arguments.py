"""Arguments of GET requests, read as Orthanc reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from nephele.domain.dictionary import parse_tag
from nephele.errors import BadParameterType, BadRequest, ParameterOutOfRange

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}")
_SIZE_MODULUS = 1 << 64
_FLAGS = {"": True, "1": True, "true": True, "0": False, "false": False}


def arguments_of(request: Request) -> dict[str, str]:
    """Return the query of a GET request; keys without a value have the empty string."""
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return dict(pairs)


def flag(arguments: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    """Return a boolean argument: absent is the default, present without a value is true.

    Raises
    ------
    ParameterOutOfRange
        The value is none of `0`, `1`, `true`, `false`.
    """
    if name not in arguments:
        return default
    try:
        return _FLAGS[arguments[name]]
    except KeyError:
        raise ParameterOutOfRange(f"Expected a Boolean for argument: {name}") from None


def unsigned(text: str) -> int:
    """Return a number as an unsigned 64-bit one: a negative number is huge, as in Orthanc.

    Raises
    ------
    BadParameterType
        The text is not a number, or more than 64 bits could ever hold.
    """
    if not _NUMBER.fullmatch(text):
        raise BadParameterType("Syntax error in some user-supplied data")
    return int(text) % _SIZE_MODULUS


def page(arguments: Mapping[str, str], uri: str) -> tuple[int, int | None]:
    """Return `since` and `limit` of a list: both are given, or neither.

    A limit of 0 is no limit, returned as None.

    Raises
    ------
    BadRequest
        Only one of them is given.
    """
    for name, other in (("since", "limit"), ("limit", "since")):
        if name in arguments and other not in arguments:
            raise BadRequest(f'Missing "{other}" argument for GET request against: {uri}')
    if "since" not in arguments:
        return 0, None
    since, limit = (_unless_negative(unsigned(arguments[name])) for name in ("since", "limit"))
    return since, limit or None


def _unless_negative(number: int) -> int:
    """Return 0 for what was below it: Orthanc's database takes it for no bound."""
    return number if number < _SIZE_MODULUS >> 1 else 0


def words(text: str, separator: str) -> tuple[str, ...]:
    """Split a list argument; blanks around items and empty items do not count."""
    return tuple(word.strip() for word in text.split(separator) if word.strip())


def lifted_tags(arguments: Mapping[str, str]) -> frozenset[int]:
    """Return the tags of `ignore-length`, which are shown however long they are.

    Raises
    ------
    BadRequest
        One of them is no tag.
    """
    return frozenset(_tag(name) for name in words(arguments.get("ignore-length", ""), ","))


def _tag(name: str) -> int:
    tag = parse_tag(name)
    if tag is None:
        raise BadRequest("Unknown DICOM tag")
    return tag
