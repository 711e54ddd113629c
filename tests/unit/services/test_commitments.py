"""What the archive commits itself to: instances whose objects are there, byte by byte."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from nephele.aws import clients
from nephele.domain.commitment import CLASS_INSTANCE_CONFLICT, NO_SUCH_OBJECT_INSTANCE, Reference
from nephele.domain.levels import Level
from nephele.services.archive import Archive
from nephele.services.commitments import is_indexed, judge
from nephele.services.store import store
from nephele.settings.configuration import parse_configuration
from tests.unit.conftest import dicom_file, provenance

_CT = "1.2.840.10008.5.1.4.1.1.2"
_MR = "1.2.840.10008.5.1.4.1.1.4"
_UID = "1.2.3.4"
_FILE = dicom_file(SOPInstanceUID=_UID)


def _keep(archive: Archive, file: bytes = _FILE) -> str:
    orthanc_id = store(archive, io.BytesIO(file), provenance()).orthanc_ids[Level.INSTANCE]
    instance = archive.index.resource(orthanc_id)
    assert instance is not None
    assert instance.file is not None
    return instance.file.key


def _put(archive: Archive, key: str, change: Callable[[bytes], bytes]) -> None:
    """Change an object behind the archive's back."""
    at = {"Bucket": archive.bucket.name, "Key": key}
    client = clients.s3()
    was = client.get_object(Bucket=archive.bucket.name, Key=key)
    client.put_object(**at, Body=change(was["Body"].read()), Metadata=was["Metadata"])  # type: ignore[arg-type]


@pytest.mark.parametrize("is_compressed", [False, True], ids=["plain", "StorageCompression"])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(lambda body: body, 0, id="as it came"),
        pytest.param(lambda body: body[:-1], NO_SUCH_OBJECT_INSTANCE, id="cut"),
        pytest.param(lambda body: body + b"\0", NO_SUCH_OBJECT_INSTANCE, id="longer"),
        pytest.param(
            lambda body: body[:-1] + bytes([body[-1] ^ 1]), NO_SUCH_OBJECT_INSTANCE, id="one bit"
        ),
    ],
)
def test_objects_are_read_to_their_end(
    archive: Archive, change: Callable[[bytes], bytes], reason: int, *, is_compressed: bool
) -> None:
    if is_compressed:
        archive = Archive(
            parse_configuration('{"StorageCompression": true}'), archive.bucket, archive.index
        )
    key = _keep(archive)
    _put(archive, key, change)
    assert judge(archive, Reference(_CT, _UID)) == Reference(_CT, _UID, reason)


def test_an_object_that_is_gone(archive: Archive) -> None:
    archive.bucket.delete(_keep(archive))
    assert judge(archive, Reference(_CT, _UID)).reason == NO_SUCH_OBJECT_INSTANCE


def test_another_class(archive: Archive) -> None:
    _keep(archive)
    assert judge(archive, Reference(_MR, _UID)).reason == CLASS_INSTANCE_CONFLICT


def test_what_is_unknown(archive: Archive) -> None:
    assert not is_indexed(archive, Reference(_CT, _UID))
    assert judge(archive, Reference(_CT, _UID)).reason == NO_SUCH_OBJECT_INSTANCE


def test_one_uid_of_two_patients_is_committed_where_both_are_intact(archive: Archive) -> None:
    _keep(archive)
    other = _keep(archive, dicom_file(SOPInstanceUID=_UID, PatientID="OTHER"))
    assert judge(archive, Reference(_CT, _UID)).reason == 0
    archive.bucket.delete(other)
    assert judge(archive, Reference(_CT, _UID)).reason == NO_SUCH_OBJECT_INSTANCE
