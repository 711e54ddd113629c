"""JSON as Orthanc writes it: sorted keys, one item a line, everything but ASCII escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from json.encoder import encode_basestring_ascii

_CONSTANTS = {True: "true", False: "false", None: "null"}


def styled(value: object, indent: str = "   ") -> str:
    r"""Write a JSON value in Orthanc's style.

    A container that is not empty begins on a line of its own, behind `"key" : ` too; an empty one
    is `[]` or `{}`.

    Parameters
    ----------
    indent : str
        Three blanks in answers, a tab in descriptions of errors.
    """
    pieces: list[str] = []
    _write(value, pieces, "\n", indent)
    return "".join(pieces)


def iter_styled(members: Iterable[tuple[str, object]], indent: str = "   ") -> Iterator[str]:
    """Write an object piece by piece, its members in their order: for one too large to be held."""
    line = "\n" + indent
    separator = "{"
    for key, member in members:
        start = line if _is_filled(member) else ""
        shifted = styled(member, indent).replace("\n", line)
        yield f"{separator}{line}{encode_basestring_ascii(key)} : {start}{shifted}"
        separator = ","
    yield "{}" if separator == "{" else "\n}"


def iter_styled_items(items: Iterable[object], indent: str = "   ") -> Iterator[str]:
    """Write an array piece by piece, as `iter_styled` an object."""
    line = "\n" + indent
    separator = "["
    for item in items:
        shifted = styled(item, indent).replace("\n", line)
        yield f"{separator}{line}{shifted}"
        separator = ","
    yield "[]" if separator == "[" else "\n]"


def _write(value: object, pieces: list[str], line: str, indent: str) -> None:
    if isinstance(value, str):
        pieces.append(encode_basestring_ascii(value))
    elif value is None or isinstance(value, bool):
        pieces.append(_CONSTANTS[value])
    elif isinstance(value, Mapping):
        _write_object(value, pieces, line, indent)
    elif isinstance(value, Sequence):
        _write_array(value, pieces, line, indent)
    else:
        pieces.append(json.dumps(value))


def _write_object(members: Mapping[str, object], pieces: list[str], line: str, indent: str) -> None:
    if not members:
        pieces.append("{}")
        return
    inner = line + indent
    separator = "{"
    for key in sorted(members):
        member = members[key]
        pieces += (separator, inner, encode_basestring_ascii(key), " : ")
        if _is_filled(member):
            pieces.append(inner)
        _write(member, pieces, inner, indent)
        separator = ","
    pieces += (line, "}")


def _write_array(items: Sequence[object], pieces: list[str], line: str, indent: str) -> None:
    if not items:
        pieces.append("[]")
        return
    inner = line + indent
    separator = "["
    for item in items:
        pieces += (separator, inner)
        _write(item, pieces, inner, indent)
        separator = ","
    pieces += (line, "]")


def _is_filled(value: object) -> bool:
    return isinstance(value, Mapping | Sequence) and not isinstance(value, str) and bool(value)
