"""`/instances/{id}/file?transcode=`: instances in another transfer syntax."""

from __future__ import annotations

import io

import pydicom
import pytest

from nephele.aws import clients
from nephele.aws.keys import FINAL, InstanceKey
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.rest.limits import Limits
from nephele.services.archive import Archive
from nephele.services.delete import delete
from nephele.services.purge import purge
from tests.unit.rest.conftest import BUCKET, Client, Connect, read_sample

INSTANCE = "/instances/f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af"
RLE = "1.2.840.10008.1.2.5"
JPEG_2000 = "1.2.840.10008.1.2.4.91"


@pytest.fixture
def filled(client: Client) -> Client:
    """Return a client of an archive that holds one CT instance."""
    client.post("/instances", content=read_sample())
    return client


def derived() -> list[str]:
    listed = clients.s3().list_objects_v2(Bucket=BUCKET, Prefix="derived/")
    return [item["Key"] for item in listed.get("Contents", [])]


@pytest.mark.parametrize(
    "uid", [RLE, "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.201"]
)
def test_lossless(uid: str, filled: Client) -> None:
    response = filled.get(f"{INSTANCE}/file?transcode={uid}&filename=a.dcm")
    assert response.headers["content-type"] == "application/dicom"
    assert response.headers["content-disposition"] == 'filename="a.dcm"'
    dataset = pydicom.dcmread(io.BytesIO(response.content))
    assert dataset.file_meta.TransferSyntaxUID == uid
    assert dataset.SOPInstanceUID == pydicom.dcmread(io.BytesIO(read_sample())).SOPInstanceUID


def test_its_own_syntax_is_the_stored_file(filled: Client) -> None:
    assert filled.get(f"{INSTANCE}/file?transcode=1.2.840.10008.1.2.1").content == read_sample()
    assert derived() == []


def test_lossy_depends_on_the_quality(filled: Client) -> None:
    first, again, low, default = (
        filled.get(f"{INSTANCE}/file?transcode={JPEG_2000}{quality}").content
        for quality in ("&lossy-quality=80", "&lossy-quality=80", "&lossy-quality=20", "")
    )
    assert first == again
    assert len(low) < len(first) < len(default)
    assert len(derived()) == 3


def test_a_result_is_made_once(filled: Client) -> None:
    filled.get(f"{INSTANCE}/file?transcode={RLE}")
    (key,) = derived()
    clients.s3().put_object(Bucket=BUCKET, Key=key, Body=b"kept")
    assert filled.get(f"{INSTANCE}/file?transcode={RLE}").content == b"kept"


def test_a_result_goes_with_its_instance(archive: Archive, filled: Client) -> None:
    filled.get(f"{INSTANCE}/file?transcode={RLE}")
    orthanc_id = OrthancId(INSTANCE.rpartition("/")[2])
    instance = archive.index.resource(orthanc_id)
    assert instance is not None
    assert instance.file is not None
    delete(archive, Level.INSTANCE, orthanc_id)
    assert purge(archive, str(InstanceKey(FINAL, orthanc_id, instance.file.uuid)))
    assert derived() == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        pytest.param("transcode=1.2.3", 400, 3, id="no such syntax"),
        pytest.param("transcode", 400, 3, id="none"),
        pytest.param(f"transcode={JPEG_2000}&lossy-quality=0", 400, 3, id="too low"),
        pytest.param(f"transcode={JPEG_2000}&lossy-quality=101", 400, 3, id="too high"),
        pytest.param(f"transcode={JPEG_2000}&lossy-quality=-1", 400, 3, id="negative"),
        pytest.param(f"transcode={JPEG_2000}&lossy-quality=best", 400, 5, id="no number"),
        pytest.param("transcode=1.2.840.10008.1.2.4.100", 404, None, id="video"),
        pytest.param("transcode=1.2.840.10008.1.2.4.51", 404, None, id="pixels do not fit"),
    ],
)
def test_refusals(query: str, status: int, code: int | None, filled: Client) -> None:
    response = filled.get(f"{INSTANCE}/file?{query}")
    assert response.status_code == status
    assert (response.json()["OrthancStatus"] if code else response.content) == (code or b"")
    assert derived() == []


def test_a_large_result_is_handed_over(connect: Connect, filled: Client) -> None:
    response = connect(Limits(answer_bytes=1000)).get(f"{INSTANCE}/file?transcode={RLE}")
    assert response.status_code == 307
    assert response.headers["location"].startswith(f"/blobs/{derived()[0]}?")
