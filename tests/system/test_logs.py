"""No line of any log tells of a patient, whatever happens to the instance."""

from __future__ import annotations

import base64
import io
import socket
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelMove,
)

from tests.stack import Stack
from tests.system.senders import make_study, send

_TEXT = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
IDENTIFYING = [
    keyword
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items()
    if keyword and vr in _TEXT and Tag(tag).group > 0x0004
]
"""Every attribute of PS3.6 that holds free text: each may name somebody."""
_PREFIX = "QZ7PLANT"


@pytest.fixture
def planted(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """Return a file with a value of its own in each of these, and the values."""
    study = make_study(tmp_path / "study", 1)
    dataset = pydicom.dcmread(study.files[0])
    values: dict[str, str] = {}
    item = Dataset()
    for number, keyword in enumerate(IDENTIFYING):
        values[keyword] = f"{_PREFIX}{number:04d}"
        setattr(dataset, keyword, values[keyword])
        setattr(item, keyword, values[keyword])
    dataset.RequestAttributesSequence = Sequence([item])
    dataset.PatientBirthDate = "18871123"
    values["PatientBirthDate"] = "18871123"
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        setattr(dataset, keyword, generate_uid())
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    path = tmp_path / "planted.dcm"
    dataset.save_as(path)
    return path, values


def logs(stack: Stack) -> Iterator[tuple[str, str]]:
    for path in sorted(stack.data.rglob("*.log")):
        if path.name != "ministack.log":
            yield path.name, path.read_text(errors="replace")


def spellings(value: str) -> set[str]:
    """Return a value as it may stand in a log: plain, in another case, in base64 of a body."""
    encoded = {base64.b64encode(b" " * n + value.encode() + b" ") for n in range(3)}
    return {value, value.lower(), *(text[4:-4].decode() for text in encoded)}


@pytest.fixture
def finder(stack: Stack) -> Iterator[str]:
    """Return the name and title of a modality that may ask, and that answers nobody."""
    name = f"{_PREFIX[:2]}FINDER"
    with socket.create_server(("127.0.0.1", 0)) as free, stack.rest() as rest:
        modality = {"AET": name, "Host": "127.0.0.1", "Port": free.getsockname()[1]}
        allowed = {"AllowFind": True, "AllowMove": True}
        free.close()
        rest.put(f"/modalities/{name}", json=modality | allowed).raise_for_status()
        yield name
        rest.delete(f"/modalities/{name}").raise_for_status()


def ask(stack: Stack, aet: str, values: dict[str, str]) -> int:
    """Find a patient over DICOM, and ask for it to be sent to nobody; return the matches."""
    entity = AE(ae_title=aet)
    models = (
        PatientRootQueryRetrieveInformationModelFind,
        PatientRootQueryRetrieveInformationModelMove,
    )
    for model in models:
        entity.add_requested_context(model)
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "PATIENT"
    identifier.PatientName = values["PatientName"]
    identifier.PatientID = values["PatientID"]
    host, port = stack.dicom_address
    association = entity.associate(host, port, ae_title="ORTHANC")
    assert association.is_established
    found = [match for _, match in association.send_c_find(identifier, models[0]) if match]
    sent = [status.Status for status, _ in association.send_c_move(identifier, "NOBODY", models[1])]
    association.release()
    assert len(sent) == 1
    assert sent[0], "nobody is of that name"
    return len(found)


def test_no_log_tells_of_a_patient(
    stack: Stack, planted: tuple[Path, dict[str, str]], finder: str
) -> None:
    path, values = planted
    send(stack, [path])
    stack.wait_idle()
    assert ask(stack, finder, values) == 1
    dataset = pydicom.dcmread(path)
    with stack.rest() as rest:
        found = rest.post(
            "/tools/find", json={"Level": "Study", "Query": {"PatientName": values["PatientName"]}}
        ).json()
        assert len(found) == 1, "what was planted is there, and is found by it"
        for query in ("PatientID", "AccessionNumber"):
            assert rest.post("/tools/lookup", content=values[query]).json()
        rest.get("/studies", params={"expand": "", "PatientName": values["PatientName"]})
        rest.get(f"/{values['PatientID']}")
        instance = rest.post("/tools/lookup", content=dataset.SOPInstanceUID).json()[0]["ID"]
        for route in ("tags", "simplified-tags", "preview", "file", "content/PatientName", "pdf"):
            rest.get(f"/instances/{instance}/{route}")
        study = found[0]
        rest.post(f"/studies/{study}/archive", json={"Synchronous": True})
        rest.post("/tools/find", json={"Level": values["PatientName"], "Query": {}})
        rest.post("/tools/find", json={"Level": "Study", "Query": {values["PatientName"]: "*"}})
        query = {"Level": "Patient", "Query": {"PatientName": values["PatientName"]}}
        assert rest.post(f"/modalities/{finder}/query", json=query).is_error, "nobody is there"
        rest.put(f"/studies/{study}/metadata/1024", content=values["PatientComments"])
        rest.post("/instances", content=path.read_bytes()[:1000])
        broken = io.BytesIO()
        dataset.Rows = 65535  # more than there are pixels
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.save_as(broken)
        stored = rest.post("/instances", content=broken.getvalue()).json()
        rest.get(f"/instances/{stored['ID']}/preview")
        rest.get(f"/instances/{stored['ID']}/file", params={"transcode": "1.2.840.10008.1.2.4.90"})
        stack.wait_idle()
        rest.delete(f"/studies/{study}")
        stack.wait_idle()
    searched = dict(logs(stack))
    assert {"api.log", "edge.log", "index.log"} <= set(searched)
    assert all(text.strip() for name, text in searched.items() if name == "edge.log")
    for name, text in searched.items():
        for planted_value in (_PREFIX, values["PatientBirthDate"]):
            for spelling in spellings(planted_value):
                line = next((line for line in text.splitlines() if spelling in line), "")
                assert not line, f"{name} tells of a patient: {line[:400]}"


@pytest.mark.parametrize("before", range(4))
def test_what_is_searched_for_would_be_found(before: int) -> None:
    value = f"{_PREFIX}0012"
    body = base64.b64encode(b"." * before + value.encode() + b"......").decode()
    for shown in (value, value.lower(), body):
        assert any(spelling in f"x {shown} y" for spelling in spellings(_PREFIX)), shown


def test_names_numbers_and_addresses_are_among_what_is_planted() -> None:
    assert len(IDENTIFYING) > 700
    assert set(IDENTIFYING) > {
        *("PatientName", "PatientID", "OtherPatientIDs", "PatientAddress", "PatientComments"),
        *("AccessionNumber", "ReferringPhysicianName", "OperatorsName", "InstitutionName"),
        *("StudyDescription", "TextValue", "PersonName", "AdmissionID", "DeviceSerialNumber"),
    }
