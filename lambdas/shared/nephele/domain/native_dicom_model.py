"""The Native DICOM Model of a data set, in XML. See PS3.19 annex A.1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from nephele.domain.dicom_json_model import Json, tag_key
from nephele.domain.dictionary import creator_tag, is_private, is_private_creator, name_of

_NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_NEVER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, however they are written."""


def native_dicom_model(model: Json) -> bytes:
    """Write a data set as an XML document in UTF-8.

    Tags of private attributes keep their block, beside their `privateCreator`. Characters that
    XML cannot hold are left out.

    Parameters
    ----------
    model : Json
        As `nephele.domain.dicom_json_model` makes it.
    """
    root = ET.Element("NativeDicomModel", {"xmlns": _NAMESPACE, "xml:space": "preserve"})
    _write_data_set(root, model)
    ET.indent(root)
    return f"{_DECLARATION}{ET.tostring(root, encoding='unicode')}\n".encode()


def _write_data_set(parent: ET.Element, model: Json) -> None:
    for key, attribute in model.items():
        node = ET.SubElement(parent, "DicomAttribute", _description(key, attribute["vr"], model))
        if "BulkDataURI" in attribute:
            ET.SubElement(node, "BulkData", {"uri": attribute["BulkDataURI"]})
        if "InlineBinary" in attribute:
            ET.SubElement(node, "InlineBinary").text = attribute["InlineBinary"]
        for number, value in enumerate(attribute.get("Value", ()), start=1):
            _write_value(node, attribute["vr"], str(number), value)


def _description(key: str, vr: str, model: Json) -> dict[str, str]:
    """Return what an element says of an attribute; none that is not known has a keyword."""
    tag, described = int(key, 16), {"tag": key, "vr": vr}
    if is_private(tag) and not is_private_creator(tag):
        creator = _text(model.get(tag_key(creator_tag(tag)), {}).get("Value", [""])[0])
        return described | ({"privateCreator": creator} if creator else {})
    keyword = name_of(tag).removeprefix("RETIRED_")
    return described | ({"keyword": keyword} if keyword.isalnum() else {})


def _write_value(node: ET.Element, vr: str, number: str, value: Any) -> None:
    if vr == "SQ":
        _write_data_set(ET.SubElement(node, "Item", {"number": number}), value)
    elif vr == "PN":
        _write_person_name(ET.SubElement(node, "PersonName", {"number": number}), value or {})
    else:
        written = ET.SubElement(node, "Value", {"number": number})
        written.text = None if value is None else _text(value)


def _write_person_name(node: ET.Element, groups: Mapping[str, str]) -> None:
    for name, group in groups.items():
        written = ET.SubElement(node, name)
        for component, text in zip(_COMPONENTS, group.split("^"), strict=False):
            if text:
                ET.SubElement(written, component).text = _text(text)


def _text(value: object) -> str:
    return _NEVER.sub("", str(value))
