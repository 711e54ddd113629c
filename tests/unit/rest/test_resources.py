"""Uploads, lists, single resources, their relatives, deletion, changes, lookup."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from nephele.aws.index import codec, keys
from nephele.services.archive import Archive
from tests.unit.rest.conftest import MR, Client, Connect, changed_sample, read_sample

INSTANCE = "f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af"
SERIES = "93034833-163e42c3-bc9a428b-194620cf-2c5799e5"
STUDY = "8a8cf898-ca27c490-d0c7058c-929d0581-2bbf104d"
PATIENT = "fa558bce-587a86d3-ad0da9b3-9d043d9d-4f5c5718"
PATHS = {
    "patient": f"/patients/{PATIENT}",
    "study": f"/studies/{STUDY}",
    "series": f"/series/{SERIES}",
    "instance": f"/instances/{INSTANCE}",
}
WITH_SEQUENCE = "?requested-tags=RequestAttributesSequence"
UNKNOWN = "0" * 8 + "-" + "-".join(["0" * 8] * 4)


@pytest.fixture
def filled(client: Client) -> Client:
    """Return a client of an archive that holds one CT instance."""
    assert client.post("/instances", content=read_sample()).json()["Status"] == "Success"
    return client


def test_upload_answer(client: Client) -> None:
    response = client.post("/instances", content=read_sample())
    expected = {
        "ID": INSTANCE,
        "ParentPatient": PATIENT,
        "ParentSeries": SERIES,
        "ParentStudy": STUDY,
        "Path": f"/instances/{INSTANCE}",
        "Status": "Success",
    }
    assert response.json() == expected
    again = client.post("/instances", content=read_sample())
    assert again.json() == expected | {"Status": "AlreadyStored"}


def test_instance(filled: Client) -> None:
    """The answer is Orthanc 1.10.1's, but for `FileUuid`, which is random, and `Labels`."""
    instance = filled.get(PATHS["instance"]).json()
    assert len(instance.pop("FileUuid")) == 36
    assert instance == {
        "FileSize": 39206,
        "ID": INSTANCE,
        "IndexInSeries": 1,
        "Labels": [],
        "MainDicomTags": {
            "AcquisitionNumber": "2",
            "ImageComments": "Uncompressed",
            "ImageOrientationPatient": r"1.000000\0.000000\0.000000\0.000000\1.000000\0.000000",
            "ImagePositionPatient": r"-158.135803\-179.035797\-75.699997",
            "InstanceCreationDate": "20040119",
            "InstanceCreationTime": "072731",
            "InstanceNumber": "1",
            "SOPInstanceUID": "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322",
        },
        "ParentSeries": SERIES,
        "Type": "Instance",
    }


def test_series(filled: Client) -> None:
    series = filled.get(PATHS["series"]).json()
    assert series["MainDicomTags"]["Modality"] == "CT"
    assert series["Instances"] == [INSTANCE]
    assert series["ExpectedNumberOfInstances"] is None
    assert series["Status"] == "Unknown"
    assert series["IsStable"] is False
    assert series["ParentStudy"] == STUDY
    assert len(series["LastUpdate"]) == len("20260101T000000")


def test_study_and_patient(filled: Client) -> None:
    study = filled.get(PATHS["study"]).json()
    assert study["PatientMainDicomTags"]["PatientID"] == "1CT1"
    assert study["ParentPatient"] == PATIENT
    assert study["Series"] == [SERIES]
    patient = filled.get(PATHS["patient"]).json()
    assert patient["Studies"] == [STUDY]
    assert patient["IsProtected"] is False


FORMATS = {
    "": ("PatientID", "1CT1"),
    "?short": ("0010,0020", "1CT1"),
    "?full": ("0010,0020", {"Name": "PatientID", "Type": "String", "Value": "1CT1"}),
    "?simplify&full": ("PatientID", "1CT1"),
}


@pytest.mark.parametrize(("query", "member"), FORMATS.items())
def test_formats(filled: Client, query: str, member: tuple[str, Any]) -> None:
    key, value = member
    assert filled.get(PATHS["patient"] + query).json()["MainDicomTags"][key] == value
    study = filled.get(PATHS["study"] + query).json()
    assert study["PatientMainDicomTags"][key] == value


def test_requested_tags(filled: Client) -> None:
    names = "PatientID;0008,0060;0018-0050;SpectroscopyAcquisitionDataColumns;00020010"
    tags = filled.get(f"{PATHS['series']}?requested-tags={names}").json()["RequestedTags"]
    assert tags == {
        "Modality": "CT",
        "PatientID": "1CT1",
        "SliceThickness": "5.000000",
        "SpectroscopyAcquisitionDataColumns": None,
    }


def test_main_sequences(client: Client) -> None:
    """RequestAttributesSequence is a main DICOM tag since Orthanc 1.12.5, kept as metadata."""
    ids = client.post("/instances", content=_scheduled("STEP1")).json()
    client.post("/instances", content=_scheduled("STEP2", SOPInstanceUID="1.2.3")).json()
    series = f"/series/{ids['ParentSeries']}"
    shown = {"RequestAttributesSequence": [{"ScheduledProcedureStepID": "STEP1"}]}
    kept = client.get(f"{series}/metadata/MainDicomSequences").json()
    assert kept["Version"] == 1
    assert kept["Sequences"]["0040,0275"]["Type"] == "Sequence"
    assert client.get(series).json()["MainDicomTags"].items() >= shown.items()
    short = client.get(f"{series}?short").json()["MainDicomTags"]
    assert short["0040,0275"] == [{"0040,0009": "STEP1"}]
    full = client.get(f"{series}?full").json()["MainDicomTags"]
    assert full["0040,0275"] == kept["Sequences"]["0040,0275"]
    for path in (series, f"/instances/{ids['ID']}"):
        assert client.get(path + WITH_SEQUENCE).json()["RequestedTags"] == shown
    study = client.get(f"/studies/{ids['ParentStudy']}{WITH_SEQUENCE}").json()["RequestedTags"]
    assert list(study) == ["RequestAttributesSequence"]
    assert "MainDicomSequences" not in client.get(f"/instances/{ids['ID']}/metadata").json()


def test_main_sequences_of_what_was_indexed_before_they_were_kept(
    client: Client, archive: Archive
) -> None:
    ids = client.post("/instances", content=_scheduled("STEP1")).json()
    series, key = f"/series/{ids['ParentSeries']}", keys.resource(ids["ParentSeries"])
    before = archive.index.table.get(key)
    assert before is not None
    metadata = codec.read_document(before, "m")
    assert metadata.pop("MainDicomSequences")
    archive.index.table.put({**before, "m": codec.document(metadata)})
    shown = {"RequestAttributesSequence": [{"ScheduledProcedureStepID": "STEP1"}]}
    assert client.get(series + WITH_SEQUENCE).json()["RequestedTags"] == shown
    assert client.post(f"{series}/reconstruct").status_code == 200
    assert archive.index.table.get(key) == before


def test_a_main_sequence_there_is_not(filled: Client) -> None:
    assert filled.get(PATHS["series"] + WITH_SEQUENCE).json()["RequestedTags"] == {}


def _scheduled(step: str, **values: str) -> bytes:
    """Return a file that was made for a scheduled step."""
    dataset, item = dcmread(BytesIO(changed_sample(**values))), Dataset()
    item.ScheduledProcedureStepID = step
    dataset.RequestAttributesSequence = Sequence([item])
    file = BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def test_requested_counts(filled: Client) -> None:
    query = "requested-tags=NumberOfStudyRelatedInstances;ModalitiesInStudy;SOPClassesInStudy"
    tags = filled.get(f"{PATHS['study']}?{query}").json()["RequestedTags"]
    assert tags == {
        "ModalitiesInStudy": "CT",
        "NumberOfStudyRelatedInstances": "1",
        "SOPClassesInStudy": "1.2.840.10008.5.1.4.1.1.2",
    }


def test_requested_nonsense(filled: Client) -> None:
    response = filled.get(f"{PATHS['study']}?requested-tags=Nonsense")
    assert response.status_code == 400
    assert response.json()["OrthancStatus"] == 8


@pytest.mark.parametrize("collection", ["patients", "studies", "series", "instances"])
def test_lists(filled: Client, collection: str) -> None:
    filled.post("/instances", content=read_sample(MR))
    ids = filled.get(f"/{collection}").json()
    assert len(ids) == 2
    assert ids == sorted(ids)
    expanded = filled.get(f"/{collection}?expand").json()
    assert [resource["ID"] for resource in expanded] == ids
    assert expanded[0] == filled.get(f"/{collection}/{ids[0]}").json()
    assert filled.get(f"/{collection}?since=1&limit=1").json() == ids[1:]
    assert filled.get(f"/{collection}?since=0&limit=0").json() == ids
    assert filled.get(f"/{collection}?since=5&limit=1").json() == []


RELATIVES = {
    "studies of a patient": (f"{PATHS['patient']}/studies", [STUDY]),
    "series of a patient": (f"{PATHS['patient']}/series", [SERIES]),
    "instances of a patient": (f"{PATHS['patient']}/instances", [INSTANCE]),
    "series of a study": (f"{PATHS['study']}/series", [SERIES]),
    "instances of a study": (f"{PATHS['study']}/instances", [INSTANCE]),
    "instances of a series": (f"{PATHS['series']}/instances", [INSTANCE]),
}


@pytest.mark.parametrize(("path", "ids"), RELATIVES.values(), ids=RELATIVES.keys())
def test_beneath(filled: Client, path: str, ids: list[str]) -> None:
    assert [resource["ID"] for resource in filled.get(path).json()] == ids
    assert filled.get(f"{path}?expand=false").json() == ids


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{PATHS['instance']}/patient", PATIENT),
        (f"{PATHS['instance']}/study", STUDY),
        (f"{PATHS['instance']}/series", SERIES),
        (f"{PATHS['series']}/study", STUDY),
        (f"{PATHS['series']}/patient", PATIENT),
        (f"{PATHS['study']}/patient", PATIENT),
    ],
)
def test_above(filled: Client, path: str, expected: str) -> None:
    assert filled.get(path).json()["ID"] == expected


EMPTY_404 = [
    ("GET", f"/studies/{UNKNOWN}"),
    ("GET", "/studies/nonsense"),
    ("GET", f"/studies/{SERIES}"),
    ("DELETE", f"/studies/{UNKNOWN}"),
    ("DELETE", f"/studies/{SERIES}"),
    ("GET", "/instances/nonsense/preview"),
]


@pytest.mark.parametrize(("verb", "path"), EMPTY_404)
def test_nothing_there(filled: Client, verb: str, path: str) -> None:
    response = filled.request(verb, path)
    assert (response.status_code, response.content) == (404, b"")


DESCRIBED_404 = [
    f"/studies/{UNKNOWN}/series",
    f"/studies/{SERIES}/instances",
    f"/series/{UNKNOWN}/study",
    f"/series/{UNKNOWN}/statistics",
    "/instances/nonsense/tags",
    "/instances/nonsense/file",
    f"{PATHS['instance']}/nonsense",
]


@pytest.mark.parametrize("path", DESCRIBED_404)
def test_unknown_resource(filled: Client, path: str) -> None:
    response = filled.get(path)
    assert response.status_code == 404
    assert response.json()["OrthancStatus"] == 17
    assert response.json()["Uri"] == path


def test_response_content(filled: Client) -> None:
    (study,) = filled.get("/studies?response-content=Children;Metadata&expand=false").json()
    assert study.keys() == {"ID", "Type", "Series", "Metadata"}
    assert study["Metadata"]["LastUpdate"]
    tags = "Type;RequestedTags&requested-tags=PatientID"
    (series,) = filled.get(f"/series?response-content={tags}").json()
    assert series == {"ID": SERIES, "Type": "Series", "RequestedTags": {"PatientID": "1CT1"}}
    (instance,) = filled.get("/instances?response-content=MainDicomTags&short").json()
    assert instance["MainDicomTags"]["0020,0013"] == "1"
    assert filled.get("/patients?response-content=Nonsense").json()["OrthancStatus"] == 3


def test_statistics(filled: Client) -> None:
    sizes = {
        name + suffix: value
        for name in ("DicomDiskSize", "DicomUncompressedSize", "DiskSize", "UncompressedSize")
        for suffix, value in (("", "39206"), ("MB", 0))
    }
    assert filled.get(f"{PATHS['instance']}/statistics").json() == sizes
    counts = {"CountInstances": 1}
    assert filled.get(f"{PATHS['series']}/statistics").json() == sizes | counts
    counts["CountSeries"] = 1
    assert filled.get(f"{PATHS['study']}/statistics").json() == sizes | counts
    counts["CountStudies"] = 1
    assert filled.get(f"{PATHS['patient']}/statistics").json() == sizes | counts
    assert filled.get("/statistics").json()["CountPatients"] == 1


def test_delete_tells_what_remains(filled: Client) -> None:
    second = changed_sample(SOPInstanceUID="1.2.3", SeriesInstanceUID="1.2.4")
    other = filled.post("/instances", content=second).json()
    remaining = filled.delete(f"/series/{other['ParentSeries']}").json()
    assert remaining == {
        "RemainingAncestor": {"ID": STUDY, "Path": f"/studies/{STUDY}", "Type": "Study"}
    }
    faked = filled.get(f"{PATHS['instance']}?_method=DELETE")
    assert faked.json() == {"RemainingAncestor": None}
    assert filled.get("/patients").json() == []
    assert filled.get("/statistics").json()["TotalDiskSize"] == "0"


def test_changes(filled: Client) -> None:
    page = filled.get("/changes").json()
    kinds = [change["ChangeType"] for change in page["Changes"]]
    assert sorted(kinds) == ["NewInstance", "NewPatient", "NewSeries", "NewStudy"]
    assert (page["First"], page["Last"], page["Done"]) == (1, 4, True)
    first = filled.get("/changes?limit=1").json()
    assert first["Changes"] == page["Changes"][:1]
    assert first["Done"] is False
    rest = filled.get(f"/changes?since={first['Last']}&limit=100").json()
    assert rest["Changes"] == page["Changes"][1:]
    nothing = filled.get("/changes?since=99").json()
    assert nothing == {"Changes": [], "Done": True, "Last": 4}
    last = filled.get("/changes?last").json()
    assert last["Changes"] == page["Changes"][3:]


def test_changes_of_a_type(filled: Client) -> None:
    page = filled.get("/changes?type=NewStudy;NewSeries").json()
    assert {change["ChangeType"] for change in page["Changes"]} == {"NewStudy", "NewSeries"}
    assert len(filled.get("/changes?type=all").json()["Changes"]) == 4
    assert filled.get("/changes?type=Deleted").json()["Changes"] == []
    assert filled.get("/changes?type=Nonsense").json()["OrthancStatus"] == 3


def test_changes_up_to_a_number(filled: Client) -> None:
    numbers = [change["Seq"] for change in filled.get("/changes?to=3&limit=2").json()["Changes"]]
    assert numbers == [2, 3]
    numbers = [change["Seq"] for change in filled.get("/changes?since=0&to=2").json()["Changes"]]
    assert numbers == [1, 2]


def test_unreadable_numbers_reset_all(filled: Client) -> None:
    assert len(filled.get("/changes?since=x&limit=1").json()["Changes"]) == 4


def test_lookup(filled: Client) -> None:
    found = filled.post("/tools/lookup", content=b"1CT1").json()
    assert found == [{"ID": PATIENT, "Path": f"/patients/{PATIENT}", "Type": "Patient"}]
    uid = filled.get(PATHS["instance"]).json()["MainDicomTags"]["SOPInstanceUID"]
    types = [item["Type"] for item in filled.post("/tools/lookup", content=uid).json()]
    assert types == ["Instance"]
    filled.post("/instances", content=changed_sample(AccessionNumber="ACC-7", StudyInstanceUID="1"))
    accessions = filled.post("/tools/lookup", content=b"ACC-7").json()
    assert [item["Type"] for item in accessions] == ["Study"]
    assert filled.get(accessions[0]["Path"]).json()["MainDicomTags"]["StudyInstanceUID"] == "1"
    assert filled.post("/tools/lookup", content=b"acc-7").json() == accessions
    assert filled.post("/tools/lookup", content=b"nobody").json() == []
    nameless = changed_sample(PatientID="")
    assert filled.post("/instances", content=nameless).status_code == 200
    assert filled.post("/tools/lookup", content=b"").json() == []


def _with_patient_id(patient_id: str) -> bytes:
    with warnings.catch_warnings(action="ignore"):
        return changed_sample(
            PatientID=patient_id, SpecificCharacterSet="ISO_IR 192", SOPInstanceUID="1.2.3"
        )


def test_patient_id_that_is_odd(client: Client) -> None:
    for patient_id in ('O\'Neil "quoted" 😀', "x" * 256, ""):
        answer = client.post("/instances", content=_with_patient_id(patient_id)).json()
        assert answer["Status"] == "Success"
        patient = client.get(f"/patients/{answer['ParentPatient']}").json()
        assert patient["MainDicomTags"].get("PatientID") == patient_id


def test_patient_id_that_is_too_long(client: Client) -> None:
    answer = client.post("/instances", content=_with_patient_id("x" * 60_000))
    assert answer.status_code == 400
    assert answer.json()["OrthancStatus"] == 5
    assert client.get("/instances").json() == []


def test_overwriting(connect: Connect) -> None:
    client = connect(OverwriteInstances=True)
    first = client.post("/instances", content=read_sample()).json()
    assert first["Status"] == "Success"
    changed = changed_sample(ImageComments="other")
    assert client.post("/instances", content=changed).json()["Status"] == "Success"
    shown = client.get(PATHS["instance"]).json()
    assert shown["MainDicomTags"]["ImageComments"] == "other"


def test_other_content_is_kept_aside(filled: Client) -> None:
    changed = changed_sample(ImageComments="other")
    answer = filled.post("/instances", content=changed).json()
    assert answer["Status"] == "AlreadyStored"
    (version,) = filled.get("/versions-aside").json()
    assert version["ID"] == INSTANCE
    assert version["FileSize"] == len(changed)
    assert filled.get(version["Path"]).content == changed
    assert filled.get("/versions-aside/nonsense/file").status_code == 404
    assert filled.get(f"{PATHS['instance']}/file").content == read_sample()
