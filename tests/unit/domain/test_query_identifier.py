"""Identifiers as they come, and answers as they go."""

from __future__ import annotations

import io
import struct
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from nephele.domain.character_set import ENCODINGS, encoding_named, encoding_of
from nephele.domain.levels import Level
from nephele.domain.query_answer import Answered, AnswerWriter, answer_of
from nephele.domain.query_identifier import Keys, level_of, read_keys
from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    transfer_syntax,
)
from nephele.errors import BadRequest

SYNTAXES = (IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN)


def encode(data_set: Dataset, syntax: str) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = syntax == IMPLICIT_VR_LITTLE_ENDIAN
    buffer.is_little_endian = syntax != EXPLICIT_VR_BIG_ENDIAN
    write_dataset(buffer, data_set)
    return buffer.getvalue()


def keys_of(syntax: str = EXPLICIT_VR_LITTLE_ENDIAN, **values: Any) -> Keys:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_reading_validation_mode", "_writing_validation_mode"):
            patch.setattr(config.settings, name, config.IGNORE)
        data_set = Dataset()
        for keyword, value in values.items():
            setattr(data_set, keyword, value)
        return read_keys(encode(data_set, syntax), syntax, "Latin1")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_keys(syntax: str) -> None:
    item = Dataset()
    item.Modality = "CT"
    keys = keys_of(
        syntax,
        SpecificCharacterSet="ISO_IR 192",
        PatientName="Élan^Zoë",
        StudyInstanceUID="1.2.3",
        Rows=512,
        ScheduledProcedureStepSequence=[item],
        RequestAttributesSequence=[],
    )
    assert keys[0x00100010].text == "Élan^Zoë"
    assert keys[0x0020000D].text == "1.2.3"
    assert keys[0x00280010].text == "512"
    (nested,) = keys[0x00400100].items or ()
    assert nested[0x00080060].text == "CT"
    assert keys[0x00400275].items == ()
    assert keys[0x00100010].items is None


@pytest.mark.parametrize(
    ("character_set", "encoded", "expected"),
    [
        pytest.param(b"ISO_IR 100", b"\xc9lan", "Élan", id="declared"),
        pytest.param(None, b"\xc9lan", "Élan", id="DefaultEncoding"),
        pytest.param(b"ISO_IR 192", "山田".encode(), "山田", id="UTF-8"),
        pytest.param(b"\\ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B", "山田", id="code extensions"),
    ],
)
def test_character_sets_of_a_query(
    character_set: bytes | None, encoded: bytes, expected: str
) -> None:
    elements = [] if character_set is None else [(0x00080005, b"CS", character_set)]
    elements.append((0x00100010, b"PN", encoded))
    raw = b""
    for tag, vr, value in elements:
        value += b" " * (len(value) % 2)
        raw += struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value
    assert read_keys(raw, EXPLICIT_VR_LITTLE_ENDIAN, "Latin1")[0x00100010].text == expected


@pytest.mark.parametrize(
    ("text", "level"),
    [
        *((name, Level.PATIENT) for name in ("PATIENT", "patient", "Patients")),
        *((name, Level.STUDY) for name in ("STUDY", "Studies ")),
        *((name, Level.SERIES) for name in ("SERIES", "series")),
        *((name, Level.INSTANCE) for name in ("IMAGE", "Images", "INSTANCE", "instances")),
        ("", None),
    ],
)
def test_levels(text: str, level: Level | None) -> None:
    assert level_of(keys_of(QueryRetrieveLevel=text)) is level


def test_unknown_level() -> None:
    with pytest.raises(BadRequest, match="0008,0052"):
        level_of(keys_of(QueryRetrieveLevel="FRAME"))


BROKEN = {
    "truncated in a header": b"\x10\x00\x10",
    "truncated in a value": b"\x10\x00\x10\x00PN\x08\x00Doe",
    "a length beyond the end": b"\x10\x00\x10\x00LT\xff\xffDoe",
    "a sequence without items": b"\x40\x00\x00\x01SQ\x00\x00\x08\x00\x00\x00" + b"\x01" * 8,
    "a value of 100 KB": b"\x10\x00\x00\x40UT\x00\x00\xa0\x86\x01\x00" + b"a" * 100_000,
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_identifier(case: str) -> None:
    with pytest.raises(BadRequest):
        read_keys(BROKEN[case], EXPLICIT_VR_LITTLE_ENDIAN, "Latin1")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(SYNTAXES))
def test_any_bytes_are_read_or_refused(encoded: bytes, syntax: str) -> None:
    try:
        read_keys(encoded, syntax, "Latin1")
    except BadRequest:
        return


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_answers_are_what_pydicom_reads(syntax: str) -> None:
    answer = {
        0x00100010: Answered("PN", "Élan^Zoë"),
        0x00080005: Answered("CS", "ISO_IR 100"),
        0x0020000D: Answered("UI", "1.2.3"),
        0x00280010: Answered("US", "512"),
        0x00280009: Answered("AT", "0018,1063"),
        0x00189073: Answered("FD", "1.5\\2.5"),
        0x00104000: Answered("LT", ""),
        0x00400275: answer_of({"0040,0275": [{"0040,0007": "step", "0040,0009": None}]})[
            0x00400275
        ],
    }
    encoded = AnswerWriter(transfer_syntax(syntax), encoding_named("Latin1")).encode(answer)
    read = pydicom.dcmread(io.BytesIO(_as_file(encoded, syntax)), force=True)
    assert [element.tag for element in read] == sorted(answer)
    assert str(read.PatientName) == "Élan^Zoë"
    assert read.StudyInstanceUID == "1.2.3"
    assert read.Rows == 512
    assert read[0x00280009].value == 0x00181063
    assert read[0x00189073].value == [1.5, 2.5]
    (item,) = read.RequestAttributesSequence
    assert item.ScheduledProcedureStepDescription == "step"
    assert item.ScheduledProcedureStepID == ""


def _as_file(encoded: bytes, syntax: str) -> bytes:
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    element = struct.pack("<HH2sH", 2, 0x10, b"UI", len(uid)) + uid
    length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(element))
    return bytes(128) + b"DICM" + length + element + encoded


ODD = {
    "text where a number belongs": Answered("US", "many"),
    "a number too large": Answered("US", "70000"),
    "a text too long for 16 bits": Answered("LO", "x" * 70_000),
    "binary": Answered("OB", "text"),
    "no VR": Answered("??", "text"),
    "a tag that is none": Answered("AT", "x,y"),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_values_are_left_empty(case: str) -> None:
    writer = AnswerWriter(transfer_syntax(EXPLICIT_VR_LITTLE_ENDIAN), encoding_named("Ascii"))
    behind = {0x0020000D: Answered("UI", "1.2")}
    encoded = writer.encode({0x00100010: ODD[case], **behind})
    assert encoded.endswith(writer.encode(behind))
    assert len(encoded) in (8 + 12, 12 + 12)


@pytest.mark.parametrize("name", ENCODINGS)
def test_what_a_set_encodes_it_reads_again(name: str) -> None:
    encoding = encoding_named(name)
    samples = {
        "Japanese": "ﾔﾏﾀﾞ",
        "JapaneseKanji": "山田^太郎=やまだ",
        "Korean": "김희중^洪",
        "SimplifiedChinese": "王^小东",
        "Chinese": "王^小东",
        "Cyrillic": "Люксембург",
        "Windows1251": "Люксембург",
        "Arabic": "قباني",
        "Greek": "Διονυσιος",
        "Hebrew": "שרון",
        "Thai": "นามสกุล",
        "Utf8": "Zoë=山田",
        "Ascii": "Doe^Jane",
    }
    text = samples.get(name, "Zoé")
    declared = encoding_of(encoding.defined_term.encode())
    assert declared.decode(encoding.encode(text), is_name=True) == text


def test_characters_a_set_does_not_have_are_left_out() -> None:
    assert encoding_named("Latin1").encode("yamada=山田^太郎") == b"yamada=^"
