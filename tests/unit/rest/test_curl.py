"""What the Orthanc Book does with `curl`, done with `curl`: nothing of it fails."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nephele.rest.app import create_app
from nephele.services.archive import Archive
from tests.unit.rest.conftest import CT, read_sample
from tests.unit.rest.serving import served


@pytest.fixture
def curl(archive: Archive, tmp_path: Path) -> Iterator[Callable[..., bytes]]:
    """Return a function that calls curl, which must succeed; CT.dcm lies in its folder."""
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is missing: make system-packages")
    (tmp_path / "CT.dcm").write_bytes(read_sample(CT))
    (tmp_path / "note.txt").write_bytes(b"a note")
    with served(create_app(lambda: archive)) as url:

        def call(path: str, *arguments: str) -> bytes:
            done = subprocess.run(
                [program, "-sS", "--fail-with-body", *arguments, url + path],
                cwd=tmp_path,
                capture_output=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, (path, arguments, done.stdout, done.stderr)
            return done.stdout

        yield call


Call = Callable[..., bytes]


@pytest.fixture
def ids(curl: Call) -> dict[str, str]:
    """Upload the file as the Book does, and return the ids of what it made."""
    stored = json.loads(curl("/instances", "-X", "POST", "--data-binary", "@CT.dcm"))
    return {
        "instance": stored["ID"],
        "patient": stored["ParentPatient"],
        "series": stored["ParentSeries"],
        "study": stored["ParentStudy"],
    }


def find(level: str, query: dict[str, str], **fields: object) -> tuple[str, ...]:
    """Return curl's arguments for a search; braces are doubled, as `CALLS` has them."""
    body = json.dumps({"Level": level, "Query": query, **fields})
    return ("--request", "POST", "--data", body.replace("{", "{{").replace("}", "}}"))


POST_NOTHING = ("-X", "POST", "-d", "")
CALLS: list[tuple[str, tuple[str, ...]]] = [
    ("/system", ()),
    ("/statistics", ()),
    ("/patients", ()),
    ("/studies", ()),
    ("/series", ()),
    ("/instances", ()),
    ("/patients?expand", ()),
    ("/studies?expand&since=0&limit=10", ()),
    ("/studies?requested-tags=StudyDate;ModalitiesInStudy&expand", ()),
    ("/patients/{patient}", ()),
    ("/patients/{patient}/studies", ()),
    ("/studies/{study}", ()),
    ("/studies/{study}/series", ()),
    ("/series/{series}", ()),
    ("/instances/{instance}", ()),
    ("/instances/{instance}/tags", ()),
    ("/instances/{instance}/tags?simplify", ()),
    ("/instances/{instance}/tags?short", ()),
    ("/instances/{instance}/simplified-tags", ()),
    ("/instances/{instance}/content", ()),
    ("/instances/{instance}/content/PatientName", ()),
    ("/instances/{instance}/content/0010-0010", ()),
    ("/instances/{instance}/file", ("-o", "Downloaded.dcm")),
    ("/instances/{instance}/file?transcode=1.2.840.10008.1.2.4.70", ("-o", "Transcoded.dcm")),
    ("/instances/{instance}/preview", ("-o", "Preview.png")),
    ("/instances/{instance}/preview", ("-H", "Accept: image/jpeg", "-o", "Preview.jpg")),
    ("/instances/{instance}/image-uint8", ("-o", "8.png")),
    ("/instances/{instance}/image-uint16", ("-o", "16.png")),
    ("/instances/{instance}/rendered?width=64", ("-o", "Rendered.png")),
    ("/instances/{instance}/frames", ()),
    ("/instances/{instance}/frames/0/preview", ("-o", "Frame.png")),
    ("/instances/{instance}/frames/0/raw", ("-o", "Frame.raw")),
    ("/instances/{instance}/numpy", ("-o", "Instance.npy")),
    ("/series/{series}/numpy?compress=1", ("-o", "Series.npz")),
    ("/instances/{instance}/matlab", ()),
    ("/patients/{patient}/archive", ("-o", "Patient.zip")),
    ("/studies/{study}/archive", ("-o", "Study.zip")),
    ("/studies/{study}/media", ("-o", "Media.zip")),
    ("/studies/{study}/archive", ("-X", "POST", "-d", "{{}}", "-o", "Posted.zip")),
    (
        "/tools/create-archive",
        ("-X", "POST", "-d", '["{study}","{series}"]', "-o", "Several.zip"),
    ),
    (
        "/tools/create-archive",
        (
            *("-X", "POST", "-o", "Transcoded.zip", "-d"),
            '{{"Transcode":"1.2.840.10008.1.2.4.70","Resources":["{study}"]}}',
        ),
    ),
    ("/changes", ()),
    ("/changes?limit=4", ()),
    ("/changes?since=2&limit=1", ()),
    ("/changes?last", ()),
    ("/exports", ()),
    ("/instances/{instance}/metadata", ()),
    ("/instances/{instance}/metadata?expand", ()),
    ("/instances/{instance}/metadata/ReceptionDate", ()),
    ("/instances/{instance}/metadata/RemoteAet", ()),
    ("/instances/{instance}/metadata/TransferSyntax", ()),
    ("/instances/{instance}/attachments", ()),
    ("/instances/{instance}/attachments/dicom/md5", ()),
    ("/instances/{instance}/attachments/dicom/size", ()),
    ("/instances/{instance}/attachments/dicom/is-compressed", ()),
    ("/instances/{instance}/attachments/dicom/compress", POST_NOTHING),
    ("/instances/{instance}/attachments/dicom/compressed-data", ("-o", "Compressed")),
    ("/instances/{instance}/attachments/dicom/uncompress", POST_NOTHING),
    ("/instances/{instance}/attachments/dicom/verify-md5", POST_NOTHING),
    ("/instances/{instance}/statistics", ()),
    ("/patients/{patient}/module", ()),
    ("/patients/{patient}/shared-tags", ()),
    ("/studies/{study}/instances-tags?simplify", ()),
    ("/series/{series}/ordered-slices", ()),
    ("/tools/now", ()),
    ("/tools/generate-uid?level=study", ()),
    ("/tools/default-encoding", ()),
    ("/tools/default-encoding", ("-X", "PUT", "-d", "Latin1")),
    ("/tools/log-level", ("-X", "PUT", "-d", "verbose")),
    ("/tools/metrics-prometheus", ()),
    ("/tools/dicom-conformance", ()),
    (
        "/tools/find",
        find("Instance", {"Modality": "C*", "StudyDate": "20030101-", "PatientID": "*"}),
    ),
    ("/tools/find", find("Study", {"PatientID": "*"}, Expand=True, Limit=101)),
    ("/tools/find", find("Study", {}, Expand=True, RequestedTags=["ModalitiesInStudy"])),
    ("/tools/find", find("Patient", {"PatientName": "*"}, Labels=["seen"], LabelsConstraint="Any")),
    ("/studies/{study}/labels/seen", ("-X", "PUT", "-d", "")),
    ("/studies/{study}/labels", ()),
    ("/tools/labels", ()),
    ("/studies/{study}/labels/seen", ("-X", "DELETE")),
    ("/patients/{patient}/reconstruct", POST_NOTHING),
    ("/patients/{patient}/protected", ("-X", "PUT", "-d", "1")),
    ("/patients/{patient}/protected", ()),
    ("/instances", ("-X", "POST", "-H", "Expect:", "--data-binary", "@CT.dcm")),
    ("/instances", ("-X", "POST", "-F", "file=@CT.dcm")),
    ("/jobs?expand", ()),
    ("/peers", ()),
    ("/modalities?expand", ()),
    ("/plugins", ()),
]
"""In the order of the Book, which begins with what was uploaded; `{study}` is its id."""


def test_all_calls_succeed(curl: Call, ids: dict[str, str]) -> None:
    for path, arguments in CALLS:
        curl(path.format(**ids), *(one.format(**ids) for one in arguments))


def test_calls_that_answer_something(curl: Call, ids: dict[str, str]) -> None:
    assert curl("/instances/{instance}/file".format(**ids)) == read_sample(CT)
    name = curl("/instances/{instance}/content/PatientName".format(**ids))
    assert name.strip() == b"CompressedSamples^CT1"
    assert curl("/instances/{instance}/metadata/RemoteAet".format(**ids)) == curl(
        "/instances/{instance}/metadata/RemoteAET".format(**ids)
    )
    query = find("Instance", {"Modality": "CT", "StudyDate": "20040101-", "PatientID": "*"})
    found = curl("/tools/find", *(one.format() for one in query))
    assert json.loads(found) == [ids["instance"]]


def test_users_metadata_and_attachments(curl: Call, ids: dict[str, str]) -> None:
    metadata = "/studies/{study}/metadata/1024".format(**ids)
    curl(metadata, "-X", "PUT", "-d", "Hello")
    assert curl(metadata) == b"Hello"
    curl(metadata, "-X", "DELETE")
    attachment = "/studies/{study}/attachments/1025".format(**ids)
    curl(attachment, "-X", "PUT", "--data-binary", "@note.txt")
    assert curl(f"{attachment}/data") == b"a note"
    curl(attachment, "-X", "DELETE")


def test_lookup_and_deletion(curl: Call, ids: dict[str, str]) -> None:
    for identifier in ("1CT1", "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322"):
        found = json.loads(curl("/tools/lookup", "-X", "POST", "-d", identifier))
        assert found[0]["ID"] in ids.values()
    remaining = json.loads(curl("/series/{series}".format(**ids), "-X", "DELETE"))
    assert remaining == {"RemainingAncestor": None}
    curl("/changes", "-X", "DELETE")
    curl("/exports", "-X", "DELETE")
