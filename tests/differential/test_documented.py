"""What Orthanc 1.12.11 does and 1.10.1 cannot show, asked of Nephele alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.differential.report import Report
from tests.differential.scenario import send
from tests.differential.server import Server, open_client
from tests.differential.tree import SENT, Node

NODES = tuple(
    Node(f"d{number}", "PAT-DOC", study=7, series=number, number=number) for number in (1, 2, 3)
)
SCHEDULED = Node("d4", "PAT-SCHEDULED", study=8, series=1, number=1, expected="3", step="STEP")
IDS = {name: value for node in (*NODES, SCHEDULED, *SENT) for name, value in node.ids().items()}
Check = Callable[[Any], bool]

_SYSTEM = """
    ApiVersion Capabilities CheckRevisions DatabaseBackendPlugin DatabaseServerIdentifier
    DatabaseVersion DicomAet DicomDefaultRetrieveMethod DicomPort HasLabels HttpPort
    IngestTranscoding IsHttpServerSecure MainDicomTags MaximumPatientCount MaximumStorageMode
    MaximumStorageSize Name OverwriteInstances PatientLevelEnabled PluginsEnabled ReadOnly
    StorageAreaPlugin StorageCompression UserMetadata Version
""".split()
_PATIENT = "/patients/{d1_patient}"
_STUDY = "/studies/{d1_study}"
_SERIES = "/series/{d1_series}"
_INSTANCE = "/instances/{d1_instance}"


@pytest.fixture(scope="module")
def client(found: Report, nephele: Server, tmp_path_factory: Any) -> Iterator[httpx.Client]:
    """Return a client of Nephele, its archive as the comparison left it, and some more in it."""
    assert found.subjects
    assert send(nephele, SENT[:1], tmp_path_factory.mktemp("sent")) == 0
    with open_client(nephele) as opened:
        for node in (*NODES, SCHEDULED):
            opened.post("/instances", content=node.encoded()).raise_for_status()
        yield opened


def _get(client: httpx.Client, path: str) -> Any:
    response = client.get(path.format_map(IDS))
    assert response.status_code == httpx.codes.OK, response.text
    return response.json()


def _requested(**tags: str | None) -> Check:
    return lambda resource: resource["RequestedTags"] == tags


CHECKS: dict[str, tuple[str, Check]] = {
    "the system has all members of 1.12": ("/system", lambda system: set(_SYSTEM) <= set(system)),
    "the API is that of 1.12.11": (
        "/system",
        lambda system: (system["Version"], system["ApiVersion"]) == ("1.12.11", 30),
    ),
    "main tags of the system are sorted": (
        "/system",
        lambda system: all(
            tags.split(";") == sorted(tags.split(";")) for tags in system["MainDicomTags"].values()
        ),
    ),
    "a patient may be protected": (_PATIENT, lambda patient: patient["IsProtected"] is False),
    "resources have labels": (_STUDY, lambda study: study["Labels"] == []),
    "children are sorted": (
        _STUDY,
        lambda study: study["Series"] == sorted(study["Series"]) and len(study["Series"]) == 3,
    ),
    "lists are sorted": ("/instances", lambda ids: ids == sorted(ids) and len(ids) >= 3),
    "children as ids": (
        f"{_STUDY}/instances?expand=false",
        lambda ids: ids == sorted(IDS[f"{node.name}_instance"] for node in NODES),
    ),
    "a page of one": (
        "/series?since=1&limit=1&expand=true",
        lambda page: len(page) == 1 and page[0]["Type"] == "Series",
    ),
    "no limit": ("/instances?since=0&limit=0", lambda ids: len(ids) >= 3),
    "counts of a patient": (
        f"{_PATIENT}?requested-tags=0020,1200;00201202;NumberOfPatientRelatedInstances",
        _requested(
            NumberOfPatientRelatedInstances="3",
            NumberOfPatientRelatedSeries="3",
            NumberOfPatientRelatedStudies="1",
        ),
    ),
    "counts of a study": (
        f"{_STUDY}?requested-tags=0020-1206;NumberOfStudyRelatedInstances;ModalitiesInStudy"
        ";SOPClassesInStudy",
        _requested(
            ModalitiesInStudy="OT",
            NumberOfStudyRelatedInstances="3",
            NumberOfStudyRelatedSeries="3",
            SOPClassesInStudy="1.2.840.10008.5.1.4.1.1.7",
        ),
    ),
    "the count of a series": (
        f"{_SERIES}?requested-tags=NumberOfSeriesRelatedInstances",
        _requested(NumberOfSeriesRelatedInstances="1"),
    ),
    "instances are at hand": (
        f"{_INSTANCE}?requested-tags=InstanceAvailability",
        _requested(InstanceAvailability="ONLINE"),
    ),
    "tags of levels above": (
        f"{_INSTANCE}?requested-tags=PatientID;StudyDate;Modality",
        _requested(Modality="OT", PatientID="PAT-DOC", StudyDate="20200229"),
    ),
    "a tag from the file, one from nowhere, none of group 0002": (
        f"{_INSTANCE}?requested-tags=PhotometricInterpretation;PatientWeight;0002,0010",
        _requested(PatientWeight=None, PhotometricInterpretation="MONOCHROME2"),
    ),
    "the first of a page of changes": (
        "/changes?since=4&limit=2",
        lambda page: (page["First"], page["Last"], page["Done"]) == (5, 6, False),
    ),
    "an empty page has no first": (
        "/changes?since=1000000",
        lambda page: "First" not in page and page["Changes"] == [],
    ),
    "changes up to a number, from the end": (
        "/changes?to=5&limit=2",
        lambda page: [change["Seq"] for change in page["Changes"]] == [4, 5] and not page["Done"],
    ),
    "changes between two numbers": (
        "/changes?since=2&to=4",
        lambda page: [change["Seq"] for change in page["Changes"]] == [3, 4] and page["Done"],
    ),
    "changes of one type": (
        "/changes?type=NewPatient&limit=2",
        lambda page: [change["ChangeType"] for change in page["Changes"]] == ["NewPatient"] * 2,
    ),
    "changes of two types": (
        "/changes?type=NewPatient;NewStudy&limit=10",
        lambda page: (
            {change["ChangeType"] for change in page["Changes"]} == {"NewPatient", "NewStudy"}
        ),
    ),
    "members of resources that are wanted": (
        "/studies?response-content=Children;IsStable&since=0&limit=1",
        lambda studies: studies[0].keys() == {"ID", "IsStable", "Series", "Type"},
    ),
    "what stands behind the pixel data": (
        f"{_INSTANCE}/tags?whole&short",
        lambda tags: "7fe0,0010" in tags,
    ),
    "slices in order": (
        f"{_SERIES}/ordered-slices",
        lambda slices: slices["SlicesShort"] == [[IDS["d1_instance"], 0, 1]],
    ),
    "shared tags of a study": (
        f"{_STUDY}/shared-tags?simplify",
        lambda tags: tags["PatientID"] == "PAT-DOC" and "SOPInstanceUID" not in tags,
    ),
    "accepted SOP classes": (
        "/tools/accepted-sop-classes",
        lambda uids: "1.2.840.10008.5.1.4.1.1.2" in uids and uids == sorted(uids),
    ),
    "metadata of an uploaded instance": (
        f"{_INSTANCE}/metadata?numeric",
        lambda numbers: numbers == [1, 2, 3, 8, 9, 10, 11, 13, 14, 15],
    ),
    "metadata of a received instance": (
        "/instances/{sent_instance}/metadata?numeric",
        lambda numbers: numbers == [1, 2, 3, 8, 9, 10, 11, 12, 14, 15],
    ),
    "metadata of a series": (
        f"{_SERIES}/metadata?numeric",
        lambda numbers: numbers == [3, 7, 15],
    ),
    "metadata of a series that says how large it is, and for which step it was made": (
        "/series/{d4_series}/metadata?numeric",
        lambda numbers: numbers == [3, 4, 7, 15, 16],
    ),
    "main tags that are sequences": (
        "/series/{d4_series}",
        lambda series: (
            series["MainDicomTags"]["RequestAttributesSequence"]
            == [{"ScheduledProcedureStepID": "STEP"}]
        ),
    ),
    "metadata of a study": (f"{_STUDY}/metadata?numeric", lambda numbers: numbers == [7, 15]),
    "metadata of a patient": (f"{_PATIENT}/metadata?numeric", lambda numbers: numbers == [7, 15]),
    "a type that is never logged": ("/changes?type=Deleted", lambda page: page["Changes"] == []),
}


@pytest.mark.parametrize("reason", CHECKS)
def test_answer(client: httpx.Client, reason: str) -> None:
    path, check = CHECKS[reason]
    answer = _get(client, path)
    assert check(answer), answer


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        pytest.param("/changes?type=Nonsense", 400, 3, id="unknown type of change"),
        pytest.param("/studies?expand=maybe", 400, 3, id="flag that is neither"),
        pytest.param(f"{_STUDY}/series?expand=2", 400, 3, id="flag of children that is neither"),
        pytest.param(f"{_STUDY}?requested-tags=NoSuchTag", 400, 8, id="unknown requested tag"),
        pytest.param("/studies?since=0", 400, 8, id="since without limit"),
        pytest.param("/studies?since=x&limit=1", 400, 5, id="since that is no number"),
        pytest.param("/studies/nothing/series", 404, 17, id="children of nothing"),
    ],
)
def test_error(client: httpx.Client, path: str, status: int, code: int) -> None:
    response = client.get(path.format_map(IDS))
    described = json.loads(response.text)
    assert (response.status_code, described["OrthancStatus"]) == (status, code)
    assert response.headers["content-type"] == "text/plain"
    assert described["Uri"] == path.format_map(IDS).partition("?")[0]
    assert described["Message"] == described["OrthancError"]
    assert response.text.startswith("{\n\t")


def test_empty_upload_is_explained(client: httpx.Client) -> None:
    described = client.post("/instances", content=b"").json()
    assert described["Details"] == "Received an empty DICOM file"


def test_file_has_the_name_asked_for(client: httpx.Client) -> None:
    response = client.get(f"{_INSTANCE}/file?filename=scan%201.dcm".format_map(IDS))
    assert response.headers["content-disposition"] == 'filename="scan 1.dcm"'


def test_a_cleared_log_goes_on_with_its_numbers(client: httpx.Client) -> None:
    """The last of all tests here: what others ask of the log is gone then."""
    before = client.get("/changes?last").json()["Last"]
    assert client.delete("/changes").content == b""
    page = client.get("/changes").json()
    assert (page["Changes"], page["Done"]) == ([], True)
    assert page["Last"] >= before
    node = Node("d9", "PAT-DOC", study=7, series=1, number=9)
    client.post("/instances", content=node.encoded()).raise_for_status()
    changes = client.get(f"/changes?since={before}").json()["Changes"]
    path = f"/instances/{node.ids()['d9_instance']}"
    assert path in [change["Path"] for change in changes]
    assert all(change["Seq"] > before for change in changes)
