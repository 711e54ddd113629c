"""Orthanc's JSON of DICOM tags: the formats Full, Short and Human."""

from __future__ import annotations

import io
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nephele.domain.attributes import PIXEL_DATA, SPECIFIC_CHARACTER_SET, tag_of
from nephele.domain.character_set import DefaultEncoding, Encoding, encoding_of
from nephele.domain.dictionary import is_private_creator, name_of
from nephele.domain.elements import DataSet, Element, read_elements
from nephele.domain.inflate import MAXIMUM_INFLATED_BYTES, InflatingReader
from nephele.domain.main_tags import is_too_long
from nephele.domain.part10 import read_file_meta
from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    TransferSyntax,
    transfer_syntax,
)
from nephele.domain.values import format_value

_FIRST_META_OFFSET = 132

Json = dict[str, Any]


class TagFormat(StrEnum):
    """How tags are shown; the value is Orthanc's name."""

    FULL = "Full"
    SHORT = "Short"
    HUMAN = "Human"


def tags_json(
    encoded: bytes,
    tag_format: TagFormat = TagFormat.FULL,
    *,
    default_encoding: DefaultEncoding = "Latin1",
    ignore_length: frozenset[int] = frozenset(),
    pixel_data: int | None = None,
    only: frozenset[int] | None = None,
    is_whole: bool = False,
    behind_pixel_data: bytes = b"",
) -> Json:
    """Return the tags of an instance.

    Parameters
    ----------
    encoded : bytes
        A header as `nephele.domain.header` keeps it, or a whole file.
    ignore_length : frozenset of int
        Tags shown however long they are, at any depth.
    pixel_data : int, optional
        Tag of the pixel data, which are shown too: a header ends in front of them.
    only : frozenset of int, optional
        Show these alone, of the top level.
    is_whole : bool
        Show elements above (7fe0,0010) too.
    behind_pixel_data : bytes
        More of them, encoded.

    Raises
    ------
    BadFileFormat
        The bytes cannot be parsed.
    """
    elements, syntax = read_data_set(encoded)
    writer = _writer(elements, tag_format, syntax, default_encoding, ignore_length)
    shown = dict(elements) if is_whole else _until_pixel_data(elements)
    if pixel_data is not None:
        shown.setdefault(pixel_data, Element(pixel_data, "OW", memoryview(b"")))
    if behind_pixel_data:
        shown |= read_elements(behind_pixel_data, syntax)
    if only is not None:
        shown = {tag: element for tag, element in shown.items() if tag in only}
    return writer.data_set(shown)


def read_data_set(encoded: bytes) -> tuple[DataSet, TransferSyntax]:
    """Read the elements of a header or a whole file, inflated where they are deflated.

    Raises
    ------
    BadFileFormat
        The bytes cannot be parsed.
    """
    file = io.BytesIO(encoded)
    meta = read_file_meta(file)
    syntax = transfer_syntax(meta.transfer_syntax_uid)
    if syntax.is_deflated:
        return read_elements(InflatingReader(file).read(MAXIMUM_INFLATED_BYTES), syntax), syntax
    return read_elements(encoded, syntax, meta.data_set_offset), syntax


def header_json(encoded: bytes, tag_format: TagFormat = TagFormat.FULL) -> Json:
    """Return the file meta information (group 0002) of an instance, textual elements only.

    Raises
    ------
    BadFileFormat
        The bytes cannot be parsed.
    """
    meta = read_file_meta(io.BytesIO(encoded))
    syntax = transfer_syntax(EXPLICIT_VR_LITTLE_ENDIAN)
    elements = read_elements(encoded[: meta.data_set_offset], syntax, _FIRST_META_OFFSET)
    textual = {tag: element for tag, element in elements.items() if element.vr != "OB"}
    return _writer(elements, tag_format, syntax, "Ascii", frozenset()).data_set(textual)


def in_format(full: Json, tag_format: TagFormat) -> Json:
    """Return the tags of a data set in another format than the full one."""
    if tag_format is TagFormat.FULL:
        return full
    is_human = tag_format is TagFormat.HUMAN
    return {
        shown["Name"] if is_human else tag: _value(shown, tag_format) for tag, shown in full.items()
    }


def _value(shown: Json, tag_format: TagFormat) -> Any:
    if shown["Type"] == "Sequence":
        return [in_format(item, tag_format) for item in shown["Value"]]
    return shown["Value"]


def _until_pixel_data(elements: DataSet) -> DataSet:
    return {tag: element for tag, element in elements.items() if tag <= PIXEL_DATA}


def _writer(
    elements: DataSet,
    tag_format: TagFormat,
    syntax: TransferSyntax,
    default_encoding: DefaultEncoding,
    ignore_length: frozenset[int],
) -> _Writer:
    declared = elements.get(SPECIFIC_CHARACTER_SET)
    encoding = encoding_of(
        None if declared is None else bytes(declared.value), default=default_encoding
    )
    return _Writer(tag_format, encoding, syntax.is_little_endian, ignore_length)


@dataclass(frozen=True, slots=True)
class _Writer:
    tag_format: TagFormat
    encoding: Encoding
    is_little_endian: bool
    ignore_length: frozenset[int]

    def data_set(self, elements: DataSet) -> Json:
        """Return the JSON of the elements of a data set or an item."""
        if self.tag_format is TagFormat.HUMAN:
            return {name_of(e.tag, e.creator): self._value(e)[1] for e in elements.values()}
        if self.tag_format is TagFormat.SHORT:
            return {tag_of(e.tag): self._value(e)[1] for e in elements.values()}
        return {tag_of(e.tag): self._full(e) for e in elements.values()}

    def _full(self, element: Element) -> Json:
        kind, value = self._value(element)
        answer = {"Name": name_of(element.tag, element.creator), "Type": kind, "Value": value}
        if element.creator and not is_private_creator(element.tag):
            answer["PrivateCreator"] = element.creator
        return answer

    def _value(self, element: Element) -> tuple[str, str | list[Json] | None]:
        """Return Orthanc's `Type` and value of an element."""
        if element.items is not None:
            return "Sequence", [self.data_set(item) for item in element.items]
        text = format_value(element, self.encoding, is_little_endian=self.is_little_endian)
        if text is None:
            return "Null", None
        if element.tag not in self.ignore_length and is_too_long(text):
            return "TooLong", None
        return "String", text
