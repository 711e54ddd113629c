"""The DICOM JSON Model and the Native DICOM Model of data sets."""

from __future__ import annotations

import io
import json
import struct
import warnings
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from nephele.domain.dicom_json import read_data_set
from nephele.domain.dicom_json_model import Path, dicom_json_model
from nephele.domain.header import read_header
from nephele.domain.native_dicom_model import native_dicom_model
from tests.unit.domain.encoded import (
    IMPLICIT,
    dicom_file,
    element,
    implicit,
    item,
    meta,
    real_file,
    test_file,
)

_XML = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
BIG_ENDIAN = "1.2.840.10008.1.2.2"


def uri_of(path: Path) -> str:
    return "/".join(f"{step:x}" for step in path)


def model_of(encoded: bytes, inline_bytes: int = 1024, **options: Any) -> dict[str, Any]:
    elements, syntax = read_data_set(encoded)
    return dicom_json_model(elements, uri_of, syntax=syntax, inline_bytes=inline_bytes, **options)


def shown(tag: int, vr: str, value: bytes | str, **options: Any) -> dict[str, Any]:
    attribute: dict[str, Any] = model_of(dicom_file({tag: element(tag, vr, value)}), **options).get(
        f"{tag:08X}"
    )
    return attribute


def written(encoded: bytes, **options: Any) -> ET.Element:
    return ET.fromstring(native_dicom_model(model_of(encoded, **options)))  # noqa: S314  our own


VALUES = {
    "empty": (0x00080050, "SH", "", None),
    "blank": (0x00200013, "IS", "  ", None),
    "one text": (0x00080050, "SH", " A 1  ", [" A 1"]),
    "an empty one keeps its place": (0x00080008, "CS", "A\\\\C", ["A", None, "C"]),
    "a long text is one value": (0x00104000, "LT", " a\\b\r\nc ", [" a\\b\r\nc"]),
    "a URI is one value": (0x00080120, "UR", "http://a/b\\c ", ["http://a/b\\c"]),
    "unlimited characters are many": (0x00080119, "UC", "a\\b ", ["a", "b"]),
    "a UID without its padding": (0x00080014, "UI", "1.2.3", ["1.2.3"]),
    "a decimal": (0x00181030, "DS", " 1.50 ", [1.5]),
    "a whole decimal": (0x00180050, "DS", "1.5E+3", [1500]),
    "a tiny decimal": (0x00180050, "DS", "1e-6", [1e-6]),
    "a decimal that is none": (0x00180050, "DS", "1,5", None),
    "a decimal that is not finite": (0x00180050, "DS", "NaN\\1e400\\inf\\1", [None, None, None, 1]),
    "digits without end": (0x00180050, "DS", "9" * 9000, None),
    "an integer": (0x00200013, "IS", "+07", [7]),
    "an integer beyond 32 bits": (0x00181151, "IS", "99999999999", [99999999999]),
    "an integer with decimals": (0x00181151, "IS", "1.5\\2.0\\x\\3", [None, 2, None, 3]),
    "Python's own digits": (0x00181151, "IS", "1_0\\2", [None, 2]),
    "unsigned numbers": (0x00280010, "US", b"\1\0\0\xff", [1, 65280]),
    "an incomplete number": (0x00091001, "UL", b"\1\0\0\0\2\0", [1]),
    "no number": (0x00280010, "US", b"", None),
    "a 64-bit number": (0x00080302, "UV", struct.pack("<Q", 2**60), [2**60]),
    "a float": (0x00080301, "FL", struct.pack("<ff", 2.0, 0.5), [2, 0.5]),
    "floats that are not finite": (
        0x00189087,
        "FD",
        struct.pack("<ddd", float("nan"), float("inf"), 0.1),
        [None, None, 0.1],
    ),
    "tags": (
        0x00280009,
        "AT",
        struct.pack("<4H", 0x18, 0x1063, 0xFFFE, 0xABCD),
        ["00181063", "FFFEABCD"],
    ),
    "a sequence of nothing": (0x00081140, "SQ", b"", None),
    "an empty item": (0x00081140, "SQ", item(b""), [{}]),
    "a name": (
        0x00081070,
        "PN",
        "A^B=C=D",
        [{"Alphabetic": "A^B", "Ideographic": "C", "Phonetic": "D"}],
    ),
    "names, one of them empty": (
        0x00081070,
        "PN",
        "A==\\\\=B",
        [{"Alphabetic": "A"}, None, {"Ideographic": "B"}],
    ),
}


@pytest.mark.parametrize(("tag", "vr", "value", "expected"), VALUES.values(), ids=VALUES)
def test_values(tag: int, vr: str, value: bytes | str, expected: list[Any] | None) -> None:
    wanted = {"vr": vr} if expected is None else {"vr": vr, "Value": expected}
    assert shown(tag, vr, value) == wanted


def test_binary_values_are_inline_up_to_a_length() -> None:
    assert shown(0x00281201, "OW", b"\1\2\3\4", inline_bytes=4) == {
        "vr": "OW",
        "InlineBinary": "AQIDBA==",
    }
    assert shown(0x00281201, "OW", b"\1\2\3\4", inline_bytes=3) == {
        "vr": "OW",
        "BulkDataURI": "281201",
    }
    assert shown(0x00281201, "OW", b"", inline_bytes=3) == {"vr": "OW"}
    assert shown(0x00660016, "OF", b"\0\0\xc0\x3f") == {"vr": "OF", "InlineBinary": "AADAPw=="}


def test_the_uri_of_a_value_in_a_sequence_tells_the_item() -> None:
    inside = item(b"") + item(element(0x00281201, "OW", b"\1\2\3\4"))
    found = shown(0x00880200, "SQ", inside, inline_bytes=0)["Value"][1]["00281201"]
    assert found["BulkDataURI"] == "880200/1/281201"


def test_what_is_no_attribute_is_left_out() -> None:
    changes = {
        0x00080000: element(0x00080000, "UL", b"\1\0\0\0"),
        0xFFFCFFFC: element(0xFFFCFFFC, "OB", b"\0\0"),
    }
    assert model_of(dicom_file(changes)).keys() == model_of(dicom_file()).keys()


def test_big_endian_numbers_and_words() -> None:
    file = meta(BIG_ENDIAN) + b"".join(
        struct.pack(">HH2sH", group, number, vr, len(value)) + value
        for group, number, vr, value in (
            (0x0018, 0x9087, b"FD", struct.pack(">d", 0.25)),
            (0x0028, 0x0009, b"AT", b"\0\x18\x10\x63"),
            (0x0028, 0x0010, b"US", b"\1\0"),
        )
    )
    file += struct.pack(">HH2sHI", 0x0028, 0x1201, b"OW", 0, 4) + b"\1\2\3\4"
    file += struct.pack(">HH2sHI", 0x0028, 0x1202, b"OB", 0, 4) + b"\1\2\3\4"
    assert model_of(file) == {
        "00189087": {"vr": "FD", "Value": [0.25]},
        "00280009": {"vr": "AT", "Value": ["00181063"]},
        "00280010": {"vr": "US", "Value": [256]},
        "00281201": {"vr": "OW", "InlineBinary": "AgEEAw=="},
        "00281202": {"vr": "OB", "InlineBinary": "AQIDBA=="},
    }


@pytest.mark.parametrize(("representation", "vr", "value"), [(0, "US", 65535), (1, "SS", -1)])
def test_implicit_values_are_signed_as_the_pixels_are(
    representation: int, vr: str, value: int
) -> None:
    file = meta(IMPLICIT) + implicit(0x00280103, bytes((representation, 0)))
    file += implicit(0x00280106, b"\xff\xff")
    assert model_of(file)["00280106"] == {"vr": vr, "Value": [value]}


def test_unknown_vrs_are_those_of_the_dictionary() -> None:
    assert shown(0x00180050, "UN", "1.5 ") == {"vr": "DS", "Value": [1.5]}
    assert shown(0x00280010, "UN", b"\1\0") == {"vr": "US", "Value": [1]}
    assert shown(0x00281201, "UN", b"\1\0") == {"vr": "UN", "InlineBinary": "AQA="}
    assert shown(0x00090010, "UN", "ME") == {"vr": "LO", "Value": ["ME"]}
    assert shown(0x00091001, "UN", "ME") == {"vr": "UN", "InlineBinary": "TUU="}
    assert shown(0x00091001, "?!", "ME") == {"vr": "UN", "InlineBinary": "TUU="}


def test_an_item_may_have_a_character_set_of_its_own() -> None:
    greek = item(element(0x00080005, "CS", "ISO_IR 126") + element(0x00081030, "LO", b"\xeb"))
    utf_8 = item(element(0x00081030, "LO", "é".encode()))
    items = shown(0x00081140, "SQ", greek + utf_8)["Value"]
    assert [one["00081030"]["Value"] for one in items] == [["λ"], ["é"]]


def test_without_a_character_set_the_default_one_counts() -> None:
    file = dicom_file({0x00080005: b"", 0x00081030: element(0x00081030, "LO", b"\xeb\xeb")})
    assert model_of(file, default_encoding="Greek")["00081030"]["Value"] == ["λλ"]


def test_the_default_encoding_is_looked_up_only_where_it_counts() -> None:
    def look_up() -> str:
        raise AssertionError

    assert model_of(dicom_file(), default_encoding=look_up)["00100020"]["Value"] == ["PID"]


def test_broken_encodings_are_shown() -> None:
    assert shown(0x00081030, "LO", b"a\xff\xfeb") == {"vr": "LO", "Value": ["ab"]}


NAMES = {
    "chrH31.dcm": {
        "Alphabetic": "Yamada^Tarou",
        "Ideographic": "山田^太郎",
        "Phonetic": "やまだ^たろう",
    },
    "chrI2.dcm": {"Alphabetic": "Hong^Gildong", "Ideographic": "洪^吉洞", "Phonetic": "홍^길동"},
    "chrX2.dcm": {"Alphabetic": "Wang^XiaoDong", "Ideographic": "王^小东"},
}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_in_utf_8_whatever_they_were(name: str) -> None:
    encoded = read_header(real_file(f"charset_files/{name}")).encoded
    assert model_of(encoded)["00100010"]["Value"] == [NAMES[name]]


FILES = (
    *("CT_small.dcm", "MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm"),
    *("rtplan.dcm", "rtdose.dcm", "JPEG2000.dcm", "liver_1frame.dcm", "image_dfl.dcm"),
    *("SC_rgb_rle.dcm", "examples_palette.dcm", "test-SR.dcm", "waveform_ecg.dcm"),
)


@pytest.mark.parametrize("name", FILES)
def test_pydicom_reads_the_values_of_the_file(name: str) -> None:
    encoded = read_header(test_file(name)).encoded
    text = json.dumps(model_of(encoded, inline_bytes=1 << 30), allow_nan=False)
    with warnings.catch_warnings(action="ignore"):
        theirs, ours = dcmread(io.BytesIO(encoded), force=True), Dataset.from_json(text)
        expected = {one.tag: one for one in theirs if int(one.tag) < 0x7FE00008}
        assert expected
        for tag, one in expected.items():
            if one.tag.element:
                assert _comparable(ours[tag]) == _comparable(one), tag


def _comparable(one: Any) -> Any:
    """Return a value without blanks at its ends, numbers as floats."""
    if one.VR == "SQ":
        return [{int(inner.tag): _comparable(inner) for inner in part} for part in one.value]
    values = one.value if one.VM > 1 else [one.value]
    if one.VR in ("DS", "IS"):
        return [float(value) for value in values if value not in ("", None)]
    return [
        str(value).rstrip(" \0") if isinstance(value, str) else value
        for value in values
        if value not in (None, "", b"")
    ]


def test_xml() -> None:
    changes = {
        0x00080008: element(0x00080008, "CS", "A\\\\C"),
        0x00081070: element(0x00081070, "PN", "F^G^M^P^S=I\\\\X"),
        0x00081140: element(0x00081140, "SQ", item(b"") + item(element(0x00280010, "US", b"\1\0"))),
        0x00090010: element(0x00090010, "LO", "ME & <you>"),
        0x00091001: element(0x00091001, "OB", b"\1\2"),
        0x00281201: element(0x00281201, "OW", b"\1\2\3\4"),
    }
    document = native_dicom_model(model_of(dicom_file(changes), inline_bytes=2)).decode()
    assert document.startswith('<?xml version="1.0" encoding="utf-8"?>\n<NativeDicomModel xmlns=')
    for part in (
        """
  <DicomAttribute tag="00080008" vr="CS" keyword="ImageType">
    <Value number="1">A</Value>
    <Value number="2" />
    <Value number="3">C</Value>
  </DicomAttribute>""",
        """
  <DicomAttribute tag="00081070" vr="PN" keyword="OperatorsName">
    <PersonName number="1">
      <Alphabetic>
        <FamilyName>F</FamilyName>
        <GivenName>G</GivenName>
        <MiddleName>M</MiddleName>
        <NamePrefix>P</NamePrefix>
        <NameSuffix>S</NameSuffix>
      </Alphabetic>
      <Ideographic>
        <FamilyName>I</FamilyName>
      </Ideographic>
    </PersonName>
    <PersonName number="2" />
    <PersonName number="3">
      <Alphabetic>
        <FamilyName>X</FamilyName>
      </Alphabetic>
    </PersonName>
  </DicomAttribute>""",
        """
  <DicomAttribute tag="00081140" vr="SQ" keyword="ReferencedImageSequence">
    <Item number="1" />
    <Item number="2">
      <DicomAttribute tag="00280010" vr="US" keyword="Rows">
        <Value number="1">1</Value>
      </DicomAttribute>
    </Item>
  </DicomAttribute>
  <DicomAttribute tag="00090010" vr="LO" keyword="PrivateCreator">
    <Value number="1">ME &amp; &lt;you&gt;</Value>
  </DicomAttribute>
  <DicomAttribute tag="00091001" vr="OB" privateCreator="ME &amp; &lt;you&gt;">
    <InlineBinary>AQI=</InlineBinary>
  </DicomAttribute>""",
        """
  <DicomAttribute tag="00281201" vr="OW" keyword="RedPaletteColorLookupTableData">
    <BulkData uri="281201" />
  </DicomAttribute>""",
    ):
        assert part in document


def test_xml_of_what_xml_cannot_hold() -> None:
    changes = {0x00081030: element(0x00081030, "LO", "a\x07\uffff\x0bb\U0001f600".encode())}
    found = written(dicom_file(changes)).find(f".//*[@tag='00081030']/{_XML}Value")
    assert found is not None
    assert found.text == "ab\U0001f600"


def test_xml_names_no_keyword_that_is_none() -> None:
    changes = {
        0x00080040: element(0x00080040, "US", b"\1\0"),
        0x00080003: element(0x00080003, "LO", "x"),
    }
    document = written(dicom_file(changes))
    keywords = {one.get("tag"): one.get("keyword") for one in document}
    assert (keywords["00080040"], keywords["00080003"]) == ("DataSetType", None)


@pytest.mark.parametrize("name", FILES)
def test_xml_has_the_attributes_of_the_json(name: str) -> None:
    model = model_of(read_header(test_file(name)).encoded)
    document = ET.fromstring(native_dicom_model(model))  # noqa: S314  our own
    assert [one.get("tag") for one in document] == list(model)
