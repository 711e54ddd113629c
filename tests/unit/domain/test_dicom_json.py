"""Orthanc's JSON of tags: each expectation is what Orthanc 1.10.1 answered, unless it says so."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nephele.domain.dicom_json import TagFormat, header_json, tags_json
from nephele.domain.dictionary import parse_tag
from nephele.domain.header import read_header
from nephele.domain.part10 import inspect_part10
from nephele.errors import BadFileFormat, MissingIdentifier
from tests.unit.domain.encoded import (
    SEQUENCE_END,
    UNDEFINED,
    dicom_file,
    element,
    implicit,
    item,
    meta,
    test_file,
)


def shown(tag: int, vr: str, value: bytes | str, **options: Any) -> dict[str, Any]:
    key = f"{tag >> 16:04x},{tag & 0xFFFF:04x}"
    answer: dict[str, Any] = tags_json(dicom_file({tag: element(tag, vr, value)}), **options)[key]
    return answer


_TEXT = [
    ("AE", 0x00080054),
    ("AS", 0x00101010),
    ("CS", 0x00080060),
    ("DA", 0x00080020),
    ("DS", 0x00180050),
    ("DT", 0x0008002A),
    ("IS", 0x00200012),
    ("LO", 0x00080070),
    ("LT", 0x00204000),
    ("PN", 0x00080090),
    ("SH", 0x00080050),
    ("ST", 0x00080081),
    ("TM", 0x00080030),
    ("UC", 0x00080119),
    ("UR", 0x00080120),
    ("UT", 0x0040A160),
]


@pytest.mark.parametrize(("vr", "tag"), _TEXT)
def test_text(vr: str, tag: int) -> None:
    for value, expected in [
        ("  lead", "  lead"),
        ("trail   ", "trail"),
        (" a \\ b ", " a \\ b"),
        ("\\", "\\"),
        ("a\0b ", "a"),
        ("\0\0", ""),
        (" ", ""),
        ("", ""),
        ("\t x \n", "\t x \n"),
        ("x" * 256, "x" * 256),
    ]:
        answer = shown(tag, vr, value)
        assert (answer["Type"], answer["Value"]) == ("String", expected)
    assert shown(tag, vr, "x" * 257)["Type"] == "TooLong"


@pytest.mark.parametrize(
    ("value", "expected"), [("  lead", "lead"), (" a \\ b ", "a\\b"), ("\t x \n", "x")]
)
def test_white_space_of_uids_never_counts(value: str, expected: str) -> None:
    assert shown(0x00080014, "UI", value)["Value"] == expected


@pytest.mark.parametrize(
    ("tag", "vr", "value", "expected"),
    [
        (0x00283002, "US", struct.pack("<3H", 1, 65535, 2), "1\\65535\\2"),
        (0x00289503, "SS", struct.pack("<2h", -1, 1), "-1\\1"),
        (0x00081161, "UL", struct.pack("<2I", 0xFFFFFFFF, 1), "4294967295\\1"),
        (0x00186020, "SL", struct.pack("<2i", -1, 1), "-1\\1"),
        (
            0x00181271,
            "FL",
            struct.pack("<3f", 0.1, 1e20, -2),
            "0.10000000149011612\\1.0000000200408773e+20\\-2",
        ),
        (0x00181271, "FL", struct.pack("<2f", float("inf"), -0.0), "inf\\-0"),
        (
            0x00181530,
            "FD",
            struct.pack("<3d", 0.1, 1 / 3, 100),
            "0.10000000000000001\\0.33333333333333331\\100",
        ),
        (0x00280009, "AT", struct.pack("<4H", 0x18, 0x1063, 0x20, 0x13), "0018,1063"),
        (0x00281201, "OW", b"abcd", None),
        (0x00420011, "OB", b"abcd", None),
        (0x00283002, "US", b"", None),
        (0x00280009, "AT", b"", None),
        (0x00280010, "UN", b"\1\2", None),
        (0x00091001, "UN", b"ab", None),
        (0x00080070, "UN", b"ab", "ab"),
        (0x00280010, "LO", b"ab", "ab"),
        pytest.param(0x00640009, "OF", struct.pack("<2f", 1.5, 2), "1.5\\2", id="OF of 1.12.11"),
    ],
)
def test_other_values(tag: int, vr: str, value: bytes, expected: str | None) -> None:
    answer = shown(tag, vr, value)
    kind = "Null" if expected is None else "String"
    assert (answer["Type"], answer["Value"]) == (kind, expected)


def test_formats() -> None:
    encoded = dicom_file(
        {0x00101002: element(0x00101002, "SQ", item(element(0x00100020, "LO", "x")))}
    )
    assert tags_json(encoded)["0010,1002"] == {
        "Name": "OtherPatientIDsSequence",
        "Type": "Sequence",
        "Value": [{"0010,0020": {"Name": "PatientID", "Type": "String", "Value": "x"}}],
    }
    assert tags_json(encoded, TagFormat.SHORT)["0010,1002"] == [{"0010,0020": "x"}]
    human = tags_json(encoded, TagFormat.HUMAN)
    assert human["OtherPatientIDsSequence"] == [{"PatientID": "x"}]
    assert human["PatientName"] == "A^B"


def test_length_is_ignored_where_asked_nested_too() -> None:
    tag = 0x00204000
    long = element(tag, "LT", "x" * 300)
    nested = element(0x00101002, "SQ", item(long))
    encoded = dicom_file({tag: long, 0x00101002: nested})
    answer = tags_json(encoded, TagFormat.SHORT, ignore_length=frozenset({tag}))
    assert answer["0020,4000"] == answer["0010,1002"][0]["0020,4000"] == "x" * 300
    assert tags_json(encoded, TagFormat.SHORT)["0020,4000"] is None


@pytest.mark.parametrize(
    ("tag", "creator", "name"),
    [
        pytest.param(0x00080000, "", "GenericGroupLength", id="group length"),
        pytest.param(0x00090000, "", "PrivateGroupLength", id="private group length"),
        pytest.param(0x00321030, "", "RETIRED_ReasonForStudy", id="retired"),
        pytest.param(0x00101000, "", "OtherPatientIDs", id="retired, but not in Orthanc"),
        pytest.param(0x60003000, "", "OverlayData", id="repeating group"),
        pytest.param(0x50000005, "", "RETIRED_CurveDimensions", id="retired repeating group"),
        pytest.param(0x00089999, "", "Unknown Tag & Data", id="unknown"),
        pytest.param(0x00090011, "", "PrivateCreator", id="creator"),
        pytest.param(0x00091101, "GEMS_IDEN_01", "FullFidelity", id="private, known"),
        pytest.param(0x00091101, "ACME 1", "Unknown Tag & Data", id="private, unknown"),
        pytest.param(
            0x00091201, "GEMS_IDEN_01", "Unknown Tag & Data", id="no creator of its block"
        ),
    ],
)
def test_names(tag: int, creator: str, name: str) -> None:
    elements = {tag: element(tag, "LO", "x")}
    if creator:
        elements[0x00090011] = element(0x00090011, "LO", creator)
    answer = tags_json(dicom_file(elements))[f"{tag >> 16:04x},{tag & 0xFFFF:04x}"]
    assert answer["Name"] == name
    has_creator = bool(creator) and tag >> 8 & 0xFF == 0x11
    assert answer.get("PrivateCreator") == (creator if has_creator else None)


def test_pixel_data_is_null_and_last() -> None:
    pixels = element(0x7FE00010, "OW", b"abcd") + element(0xFFFCFFFC, "OB", bytes(4))
    answer = tags_json(dicom_file(end=pixels))
    assert list(answer)[-1] == "7fe0,0010"
    assert answer["7fe0,0010"] == {"Name": "PixelData", "Type": "Null", "Value": None}
    assert tags_json(dicom_file(), pixel_data=0x7FE00010) == answer


def test_undefined_un_is_an_implicit_sequence() -> None:
    content = item(implicit(0x00080100, "x")) + SEQUENCE_END
    unknown = element(0x00101002, "UN", content, UNDEFINED)
    answer = tags_json(dicom_file({0x00101002: unknown}), TagFormat.SHORT)
    assert answer["0010,1002"] == [{"0008,0100": "x"}]


def test_header_of_the_file() -> None:
    assert header_json(test_file("CT_small.dcm"), TagFormat.HUMAN) == {
        "FileMetaInformationGroupLength": "192",
        "ImplementationClassUID": "1.3.6.1.4.1.5962.2",
        "ImplementationVersionName": "DCTOOL100",
        "MediaStorageSOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
        "MediaStorageSOPInstanceUID": "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322",
        "SourceApplicationEntityTitle": "CLUNIE1",
        "TransferSyntaxUID": "1.2.840.10008.1.2.1",
    }


def test_implicit_big_endian_and_explicit_say_the_same() -> None:
    shared = [
        {
            tag: value
            for tag, value in tags_json(test_file(name), TagFormat.SHORT).items()
            if not tag.endswith(",0000")
        }
        for name in ("MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm")
    ]
    assert shared[0] == shared[1] == shared[2]


def test_damaged_header_is_refused() -> None:
    with pytest.raises(BadFileFormat):
        tags_json(meta() + element(0x00100020, "LO", "x", 100))


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("PatientID", 0x00100020),
        ("0010,0020", 0x00100020),
        ("0010-0020", 0x00100020),
        ("00100020", 0x00100020),
        ("7FE0,0010", 0x7FE00010),
        ("NoSuchTag", None),
        ("0010,002", None),
    ],
)
def test_parse_tag(name: str, tag: int | None) -> None:
    assert parse_tag(name) == tag


_SOURCES = [
    test_file(name)
    for name in ("CT_small.dcm", "rtplan.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm")
]


@settings(max_examples=200, deadline=None)
@given(
    source=st.sampled_from(_SOURCES),
    changes=st.lists(
        st.tuples(st.integers(300, 6000), st.binary(min_size=1, max_size=4)), min_size=1, max_size=6
    ),
)
def test_whatever_was_stored_can_be_shown(source: bytes, changes: list[tuple[int, bytes]]) -> None:
    mutated = bytearray(source)
    for position, replacement in changes:
        if position + len(replacement) < len(mutated):
            mutated[position : position + len(replacement)] = replacement
    encoded = bytes(mutated)
    try:
        inspected = inspect_part10(io.BytesIO(encoded))
    except (BadFileFormat, MissingIdentifier):
        return
    header = read_header(encoded)
    assert header.identity == inspected.identity
    for tag_format in TagFormat:
        json.dumps(tags_json(header.encoded, tag_format))


def test_implicit_sequence_that_is_none_is_shown_as_unknown() -> None:
    encoded = meta("1.2.840.10008.1.2") + implicit(0x00101002, "no items")
    assert tags_json(encoded)["0010,1002"]["Type"] == "Null"
