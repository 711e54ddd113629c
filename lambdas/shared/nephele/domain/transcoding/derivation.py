"""What a lossy result says of itself: a new instance, derived from its source.

See PS3.3 C.7.6.1.1.5 and C.12.4.
"""

from __future__ import annotations

import struct

from nephele.domain.attributes import SOP_CLASS_UID, SOP_INSTANCE_UID
from nephele.domain.elements import DataSet, Element
from nephele.domain.uids import derive_uid

_IMAGE_TYPE = 0x00080008
_DERIVATION_DESCRIPTION = 0x00082111
_SOURCE_IMAGE_SEQUENCE = 0x00082112
_DERIVATION_CODE_SEQUENCE = 0x00089215
_LOSSY = 0x00282110
_LOSSY_RATIO = 0x00282112
_LOSSY_METHOD = 0x00282114
_LONGEST_SHORT_TEXT = 1024
_METHODS = {
    "1.2.840.10008.1.2.4.50": ("ISO_10918_1", "JPEG"),
    "1.2.840.10008.1.2.4.51": ("ISO_10918_1", "JPEG"),
    "1.2.840.10008.1.2.4.81": ("ISO_14495_1", "JPEG-LS"),
    "1.2.840.10008.1.2.4.91": ("ISO_15444_1", "JPEG 2000"),
    "1.2.840.10008.1.2.4.112": ("ISO_18181_1", "JPEG XL"),
    "1.2.840.10008.1.2.4.203": ("ISO_15444_15", "High-Throughput JPEG 2000"),
}
"""Lossy targets: Lossy Image Compression Method (PS3.3 C.7.6.1.1.5.1) and its name."""


def makes_new_instance(transfer_syntax_uid: str) -> bool:
    """Tell whether what is compressed so is another instance: Orthanc's rule for lossy syntaxes."""
    return transfer_syntax_uid in _METHODS


def derived_uid(
    source_uid: str, content_digest: bytes, transfer_syntax_uid: str, lossy_quality: int
) -> str:
    """Return the SOP Instance UID of a lossy result: always the same for the same source."""
    return derive_uid(source_uid, content_digest, transfer_syntax_uid, str(lossy_quality))


def derivation(
    elements: DataSet, transfer_syntax_uid: str, sop_instance_uid: str, ratio: float
) -> list[Element]:
    """Return the elements that a lossy result adds or replaces.

    Parameters
    ----------
    elements : DataSet
        Of the source.
    ratio : float
        Size of the native pixels over that of the compressed ones.
    """
    method, name = _METHODS[transfer_syntax_uid]
    description = f"Lossy compression with {name}, ratio {ratio:.2f}".encode("ascii")
    method_values = _appended(elements, _LOSSY_METHOD, method.encode("ascii"))
    return [
        text(_IMAGE_TYPE, "CS", _derived_image_type(elements)),
        text(SOP_INSTANCE_UID, "UI", sop_instance_uid.encode("ascii")),
        text(_DERIVATION_DESCRIPTION, "ST", _described(elements, description)),
        _longer(elements, _SOURCE_IMAGE_SEQUENCE, _source(elements)),
        _longer(elements, _DERIVATION_CODE_SEQUENCE, _code(b"113040", b"Lossy Compression")),
        text(_LOSSY, "CS", b"01"),
        text(_LOSSY_RATIO, "DS", _appended(elements, _LOSSY_RATIO, f"{ratio:.2f}".encode())),
        text(_LOSSY_METHOD, "CS", method_values),
    ]


def text(tag: int, vr: str, value: bytes) -> Element:
    """Make an element of a textual VR, padded to an even length."""
    padding = b"\0" if vr == "UI" else b" "
    return Element(tag, vr, memoryview(value + padding * (len(value) % 2)))


def number(tag: int, value: int, *, is_little_endian: bool) -> Element:
    """Make a US element in the byte order of the source."""
    return Element(tag, "US", memoryview(struct.pack("<H" if is_little_endian else ">H", value)))


def _value(elements: DataSet, tag: int) -> bytes:
    element = elements.get(tag)
    return b"" if element is None else bytes(element.value).strip(b" \0")


def _derived_image_type(elements: DataSet) -> bytes:
    values = _value(elements, _IMAGE_TYPE).split(b"\\")
    return b"\\".join((b"DERIVED", *(values[1:] or [b"PRIMARY"])))


def _appended(elements: DataSet, tag: int, value: bytes) -> bytes:
    before = _value(elements, tag)
    return before + b"\\" + value if before else value


def _described(elements: DataSet, description: bytes) -> bytes:
    """Put a description in front of what was done before, where there is room for both."""
    before = _value(elements, _DERIVATION_DESCRIPTION)
    both = b"%b; %b" % (description, before) if before else description
    return both if len(both) <= _LONGEST_SHORT_TEXT else description


def _longer(elements: DataSet, tag: int, content: DataSet) -> Element:
    """Return a sequence with one more item."""
    before = elements.get(tag)
    return _sequence(tag, *((before and before.items) or ()), content)


def _sequence(tag: int, *contents: DataSet) -> Element:
    return Element(tag, "SQ", memoryview(b""), items=contents)


def _data_set(*elements: Element) -> DataSet:
    return {element.tag: element for element in elements}


def _source(elements: DataSet) -> DataSet:
    purpose = _sequence(0x0040A170, _code(b"121320", b"Uncompressed predecessor"))
    return _data_set(
        text(0x00081150, "UI", _value(elements, SOP_CLASS_UID)),
        text(0x00081155, "UI", _value(elements, SOP_INSTANCE_UID)),
        purpose,
    )


def _code(value: bytes, meaning: bytes) -> DataSet:
    return _data_set(
        text(0x00080100, "SH", value),
        text(0x00080102, "SH", b"DCM"),
        text(0x00080104, "LO", meaning),
    )
