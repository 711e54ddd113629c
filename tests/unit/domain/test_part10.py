"""The file format: meta information, whole files, identities."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pydicom
import pytest

from nephele.domain.attributes import PATIENT_ID
from nephele.domain.levels import Level
from nephele.domain.part10 import InspectedFile, inspect_part10, read_file_meta, write_preamble
from nephele.domain.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from nephele.errors import BadFileFormat, BadParameterType, MissingIdentifier
from tests.unit.domain.encoded import (
    EXPLICIT,
    IMPLICIT,
    data_set,
    dicom_file,
    element,
    implicit,
    meta,
    real_file,
    test_file,
)

ORTHANC: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "orthanc_answers.json").read_text()
)
_STUDY = 0x0020000D
_SOP = 0x00080018


def inspect(encoded: bytes) -> InspectedFile:
    return inspect_part10(io.BytesIO(encoded))


@pytest.mark.parametrize("name", ORTHANC)
def test_real_file_is_what_orthanc_says(name: str) -> None:
    encoded, answer = real_file(name), ORTHANC[name]
    file = inspect(encoded)
    assert file.identity.orthanc_id(Level.INSTANCE) == answer["ID"]
    assert file.transfer_syntax_uid == answer["TransferSyntax"]
    assert file.sop_class_uid == answer["SopClassUid"]
    assert file.pixel_data_offset == answer["PixelDataOffset"]
    assert file.size_bytes == len(encoded)


@pytest.mark.parametrize("source_aet", ["", "SCANNER"])
def test_written_preamble_is_read_back(source_aet: str) -> None:
    preamble = write_preamble("1.2.840.10008.5.1.4.1.1.7", "1.2.3.4", EXPLICIT, source_aet)
    dataset = pydicom.dcmread(io.BytesIO(preamble + data_set()))
    written = dataset.file_meta
    assert written.FileMetaInformationGroupLength == len(preamble) - 144
    assert written.FileMetaInformationVersion == b"\0\1"
    assert written.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    assert written.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID == "1.2.3.4"
    assert written.TransferSyntaxUID == EXPLICIT
    assert written.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert written.ImplementationVersionName == IMPLEMENTATION_VERSION_NAME
    assert written.get("SourceApplicationEntityTitle", "") == source_aet
    assert inspect(preamble + data_set()).data_set_offset == len(preamble)


def test_explicit_offset_and_vr_of_pixel_data() -> None:
    file = inspect(dicom_file(end=element(0x7FE00010, "OW", b"abcd")))
    assert (file.pixel_data_offset, file.pixel_data_vr) == (len(dicom_file()), "OW")


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0" * 128, id="less than a preamble"),
        pytest.param(b"MZ" + bytes(300), id="something else"),
        pytest.param(data_set(), id="no preamble"),
        pytest.param(meta()[128:] + data_set(), id="no preamble, but DICM"),
        pytest.param(meta()[:160], id="meta cut"),
        pytest.param(meta()[:132] + b"\2\0\2\0\x1a\0\0\0" + bytes(26), id="implicit meta"),
        pytest.param(
            meta()[:132] + element(0x00020001, "SQ", b"1234") + data_set(), id="sequence in meta"
        ),
        pytest.param(dicom_file()[:-1], id="truncated"),
        pytest.param(meta(IMPLICIT) + data_set(), id="explicit said to be implicit"),
    ],
)
def test_no_dicom_file(encoded: bytes) -> None:
    with pytest.raises(BadFileFormat):
        inspect(encoded)


def test_wrong_or_missing_group_length_does_not_matter() -> None:
    for length in (
        b"",
        element(0x00020000, "UL", b"\xe7\3\0\0"),
        element(0x00020000, "UL", bytes(4)),
    ):
        encoded = dicom_file()
        assert inspect(encoded[:132] + length + encoded[144:]).identity.patient_id == "PID"


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        pytest.param(data_set(), EXPLICIT, id="explicit"),
        pytest.param(implicit(PATIENT_ID, "PID"), IMPLICIT, id="implicit"),
    ],
)
def test_missing_transfer_syntax_is_guessed(encoded: bytes, expected: str) -> None:
    without = b"\0" * 128 + b"DICM" + element(0x00020012, "UI", "1.2.3")
    assert read_file_meta(io.BytesIO(without + encoded)).transfer_syntax_uid == expected


@pytest.mark.parametrize(
    ("tag", "keyword"),
    [(_STUDY, "StudyInstanceUID"), (0x0020000E, "SeriesInstanceUID"), (_SOP, "SOPInstanceUID")],
)
def test_uid_is_needed(tag: int, keyword: str) -> None:
    with pytest.raises(MissingIdentifier, match=keyword):
        inspect(dicom_file({tag: b""}))
    for empty in ("", "  ", "\0\0"):
        with pytest.raises(BadFileFormat, match=f"{keyword}.*empty"):
            inspect(dicom_file({tag: element(tag, "UI", empty)}))


def test_dicomdir_has_no_identity() -> None:
    with pytest.raises(MissingIdentifier):
        inspect(test_file("dicomdirtests/DICOMDIR"))


@pytest.mark.parametrize(
    ("uid", "expected"),
    [
        pytest.param("1.2.abc.4", "1.2.abc.4", id="letters"),
        pytest.param("01.002.3", "01.002.3", id="leading zeros"),
        pytest.param("1." + "2" * 92, "1." + "2" * 92, id="94 characters"),
        pytest.param("1.2.9.9  ", "1.2.9.9", id="trailing blanks"),
        pytest.param("1.2.9.9\0\0\0", "1.2.9.9", id="trailing zeros"),
        pytest.param(" 1.2.9.8", "1.2.9.8", id="leading blank"),
        pytest.param("1.2.7\\1.2.6", "1.2.7\\1.2.6", id="two values"),
    ],
)
def test_odd_uid_is_kept(uid: str, expected: str) -> None:
    assert (
        inspect(dicom_file({_SOP: element(_SOP, "UI", uid)})).identity.sop_instance_uid == expected
    )


@pytest.mark.parametrize(
    ("patient_id", "expected", "orthanc_id"),
    [
        pytest.param("  lead", "  lead", "", id="leading blanks are kept"),
        pytest.param("trail   ", "trail", "", id="trailing ones are not"),
        pytest.param("a\0b", "a", "", id="a zero ends it"),
        pytest.param('😀"q', '😀"q', "", id="emoji and quote"),
        pytest.param("a\\b", "a\\b", "", id="two values"),
        pytest.param("", "", "da39a3ee-5e6b4b0d-3255bfef-95601890-afd80709", id="empty"),
        pytest.param("x" * 256, "x" * 256, "", id="256 characters"),
    ],
)
def test_odd_patient_id(patient_id: str, expected: str, orthanc_id: str) -> None:
    identity = inspect(
        dicom_file({PATIENT_ID: element(PATIENT_ID, "LO", patient_id.encode())})
    ).identity
    assert identity.patient_id == expected
    assert identity.orthanc_id(Level.PATIENT).startswith(orthanc_id)


@pytest.mark.parametrize("length", [257, 65_000])
def test_overlong_patient_id_is_refused(length: int) -> None:
    long = element(PATIENT_ID, "LO", b"x" * length)
    with pytest.raises(BadParameterType, match="PatientID"):
        inspect(dicom_file({PATIENT_ID: long}))


def test_missing_patient_id_is_the_empty_one() -> None:
    assert inspect(dicom_file({PATIENT_ID: b""})).identity.patient_id == ""


def test_broken_bytes_of_a_patient_id_are_left_out() -> None:
    broken = element(PATIENT_ID, "LO", b"a\xff\xfeb")
    assert inspect(dicom_file({PATIENT_ID: broken})).identity.patient_id == "ab"
