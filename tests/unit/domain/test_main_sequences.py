"""Main DICOM tags that are sequences: what of a header is kept, and how it is shown."""

from __future__ import annotations

import io
import json

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from nephele.domain.dicom_json import TagFormat
from nephele.domain.header import read_header
from nephele.domain.levels import Level
from nephele.domain.main_sequences import MAXIMUM_CHARACTERS, main_sequences, shown_sequences
from tests.unit.conftest import dicom_file

NAME, STEP = "RequestAttributesSequence", "ScheduledProcedureStepID"
DESCRIPTION = "ScheduledProcedureStepDescription"
KEPT = (
    '{"Sequences":{"0040,0275":{"Name":"RequestAttributesSequence","Type":"Sequence","Value":['
    '{"0040,0007":{"Name":"ScheduledProcedureStepDescription","Type":"String","Value":"Sch\\u00e4del"},'
    '"0040,0009":{"Name":"ScheduledProcedureStepID","Type":"String","Value":"S1"}}]}},"Version":1}'
)


def encoded(syntax: str = ExplicitVRLittleEndian, items: int = 1) -> bytes:
    dataset = dcmread(io.BytesIO(dicom_file()))
    item = Dataset()
    item.ScheduledProcedureStepDescription = "Schädel"
    item.ScheduledProcedureStepID = "S1"
    dataset.RequestAttributesSequence = Sequence([item] * items)
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset["PixelData"].VR = "OW"
    buffer = io.BytesIO()
    dcmwrite(
        buffer,
        dataset,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
    )
    return buffer.getvalue()


@pytest.mark.parametrize(
    "syntax",
    [
        pytest.param(ImplicitVRLittleEndian, id="implicit"),
        pytest.param(ExplicitVRLittleEndian, id="explicit"),
        pytest.param(ExplicitVRBigEndian, id="big endian"),
        pytest.param(DeflatedExplicitVRLittleEndian, id="deflated"),
    ],
)
def test_what_is_kept(syntax: str) -> None:
    header = read_header(encoded(syntax))
    assert main_sequences(header, Level.SERIES) == KEPT
    assert [main_sequences(header, level) for level in Level if level is not Level.SERIES] == [
        None,
        None,
        None,
    ]


def test_a_header_without_sequences_keeps_none() -> None:
    assert main_sequences(read_header(dicom_file()), Level.SERIES) is None


def test_the_bytes_of_the_tag_elsewhere_are_no_sequence() -> None:
    file = dicom_file(ImageComments="@\x00u\x02")
    assert b"\x40\x00\x75\x02" in file
    assert main_sequences(read_header(file), Level.SERIES) is None


def test_long_sequences_are_not_kept() -> None:
    many = MAXIMUM_CHARACTERS // 100
    assert main_sequences(read_header(encoded(items=many)), Level.SERIES) is None


@pytest.mark.parametrize(
    ("tag_format", "shown"),
    [
        pytest.param(TagFormat.FULL, json.loads(KEPT)["Sequences"], id="full"),
        pytest.param(
            TagFormat.SHORT,
            {"0040,0275": [{"0040,0007": "Schädel", "0040,0009": "S1"}]},
            id="short",
        ),
        pytest.param(TagFormat.HUMAN, {NAME: [{DESCRIPTION: "Schädel", STEP: "S1"}]}, id="human"),
    ],
)
def test_how_they_are_shown(tag_format: TagFormat, shown: object) -> None:
    assert shown_sequences({"MainDicomSequences": KEPT}, tag_format) == shown


def test_nothing_is_shown_where_nothing_is_kept() -> None:
    assert shown_sequences({"RemoteAET": ""}) == {}
