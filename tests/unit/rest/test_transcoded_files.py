"""`/instances/{id}/file?transcode=`: instances in another transfer syntax."""

from __future__ import annotations

import io
from dataclasses import replace

import pydicom
import pytest

from nephele.aws import clients, clock
from nephele.aws.index import records
from nephele.aws.keys import FINAL, DerivedKey, InstanceKey
from nephele.aws.queues import Queue
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import StorageFull, Unavailable
from nephele.rest.app import create_app
from nephele.rest.limits import Limits
from nephele.services import derived as derived_service
from nephele.services.archive import Archive
from nephele.services.delete import delete
from nephele.services.messages import transcode_messages
from nephele.services.purge import purge
from tests.unit.rest.conftest import BUCKET, Client, Connect, open_test_archive, read_sample

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
        pytest.param("transcode=1.2.840.10008.1.2.4.100", 404, 23, id="video"),
        pytest.param("transcode=1.2.840.10008.1.2.4.51", 404, 23, id="pixels do not fit"),
    ],
)
def test_refusals(query: str, status: int, code: int, filled: Client) -> None:
    response = filled.get(f"{INSTANCE}/file?{query}")
    assert (response.status_code, response.json()["OrthancStatus"]) == (status, code)
    assert derived() == []


def test_a_large_result_is_handed_over(connect: Connect, filled: Client) -> None:
    response = connect(Limits(answer_bytes=1000)).get(f"{INSTANCE}/file?transcode={RLE}")
    assert response.status_code == 307
    assert response.headers["location"].startswith(f"/blobs/{derived()[0]}?")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return a client behind Lambda, for whom everything takes too long."""
    monkeypatch.setattr(derived_service, "LARGEST_AT_ONCE_BYTES", 0)
    monkeypatch.setattr(derived_service, "_WAIT_SECONDS", 0)
    queue = Queue(clients.sqs().create_queue(QueueName="transcode")["QueueUrl"])
    opened = replace(open_test_archive(), queues={"transcode": queue})
    client = Client(create_app(lambda: opened, Limits(answer_bytes=1 << 20)))
    client.post("/instances", content=read_sample())
    return client


def damaged_sample() -> bytes:
    """Return the sample with a length of its pixels that goes beyond its end."""
    before, header, after = read_sample().rpartition(b"\xe0\x7f\x10\x00OW\0\0")
    return before + header + b"\xfe\xff\xff\0" + after[4:]


def work_off(archive: Archive) -> int:
    """Do what the transcode function does with its messages; return how many there were."""
    url = clients.sqs().get_queue_url(QueueName="transcode")["QueueUrl"]
    count = 0
    while found := clients.sqs().receive_message(QueueUrl=url).get("Messages"):
        assert transcode_messages(archive, {"a": found[0]["Body"]}) == []
        clients.sqs().delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
        count += 1
    return count


@pytest.mark.parametrize("query", [RLE, f"{JPEG_2000}&lossy-quality=33"])
def test_what_takes_long_is_asked_for_again(
    query: str, archive: Archive, impatient: Client
) -> None:
    path = f"{INSTANCE}/file?transcode={query}"
    for _ in range(2):
        response = impatient.get(path)
        assert (response.status_code, response.headers["location"]) == (307, path)
        assert response.headers["retry-after"] == "1"
    assert work_off(archive) == 1
    dataset = pydicom.dcmread(io.BytesIO(impatient.get(path).content))
    assert dataset.file_meta.TransferSyntaxUID == query.partition("&")[0]
    assert len(derived()) == 1


def test_what_turns_out_to_be_damaged_is_refused_then(archive: Archive, impatient: Client) -> None:
    orthanc_id = OrthancId(INSTANCE.rpartition("/")[2])
    instance = archive.index.resource(orthanc_id)
    assert instance is not None
    assert instance.file is not None
    path = f"{INSTANCE}/file?transcode={RLE}"
    assert impatient.get(path).status_code == 307
    archive.bucket.put_large(instance.file.key, io.BytesIO(damaged_sample()), {})
    assert work_off(archive) == 1
    response = impatient.get(path)
    assert (response.status_code, response.json()["OrthancStatus"]) == (404, 23)
    assert "Details" in response.json()


def test_a_failure_that_passes_is_no_verdict(
    archive: Archive, impatient: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{INSTANCE}/file?transcode={RLE}"
    assert impatient.get(path).status_code == 307
    url = clients.sqs().get_queue_url(QueueName="transcode")["QueueUrl"]
    (message,) = clients.sqs().receive_message(QueueUrl=url)["Messages"]

    def fail(*_: object, **__: object) -> None:
        raise Unavailable("S3: SlowDown")

    with monkeypatch.context() as patch:
        patch.setattr("nephele.services.derived._derive", fail)
        assert transcode_messages(archive, {"a": message["Body"]}) == ["a"]
    assert impatient.get(path).status_code == 307, "it will be tried again"
    assert transcode_messages(archive, {"a": message["Body"]}) == []
    assert impatient.get(path).status_code == 200


def test_a_full_disk_is_a_verdict_for_an_hour(
    archive: Archive, filled: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    orthanc_id = OrthancId(INSTANCE.rpartition("/")[2])
    instance = archive.index.resource(orthanc_id)
    assert instance is not None
    assert instance.file is not None
    key = str(DerivedKey(orthanc_id, instance.file.uuid, RLE))

    def fill(*_: object, **__: object) -> None:
        raise StorageFull("There is no room for a temporary file")

    monkeypatch.setattr(derived_service, "_derive", fill)
    assert derived_service.derive_object(archive, key, lambda: True)
    assert "no room" in records.verdict(archive.index.table, key)
    now = clock.epoch_seconds()
    monkeypatch.setattr(clock, "epoch_seconds", lambda: now + 3700)
    assert records.verdict(archive.index.table, key) == ""


def test_a_verdict_is_forgotten_when_it_is_made_after_all(archive: Archive, filled: Client) -> None:
    orthanc_id = OrthancId(INSTANCE.rpartition("/")[2])
    instance = archive.index.resource(orthanc_id)
    assert instance is not None
    assert instance.file is not None
    key = str(DerivedKey(orthanc_id, instance.file.uuid, RLE))
    records.put_verdict(archive.index.table, key, "no codec")
    assert records.verdict(archive.index.table, key) == "no codec"
    assert derived_service.derive_object(archive, key, lambda: True)
    assert derived() == [key]
    assert records.verdict(archive.index.table, key) == ""


def test_a_damaged_file_is_refused(archive: Archive, filled: Client) -> None:
    instance = archive.index.resource(OrthancId(INSTANCE.rpartition("/")[2]))
    assert instance is not None
    assert instance.file is not None
    archive.bucket.put_large(instance.file.key, io.BytesIO(damaged_sample()), {})
    response = filled.get(f"{INSTANCE}/file?transcode={RLE}")
    assert (response.status_code, response.json()["OrthancStatus"]) == (404, 23)
    assert derived() == []


def test_a_deleted_instance_is_not_derived(archive: Archive, impatient: Client) -> None:
    impatient.get(f"{INSTANCE}/file?transcode={RLE}")
    for item in clients.s3().list_objects_v2(Bucket=BUCKET)["Contents"]:
        clients.s3().delete_object(Bucket=BUCKET, Key=item["Key"])
    assert work_off(archive) == 1
    assert derived() == []
