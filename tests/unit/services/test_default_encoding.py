"""Texts that declare no character set, received while `DefaultEncoding` was another one."""

from __future__ import annotations

import hashlib
import io

from pydicom import dcmread

from nephele.aws import object_metadata
from nephele.aws.keys import FINAL, InstanceKey
from nephele.domain.header import read_header
from nephele.domain.levels import Level
from nephele.errors import IdentifierMismatch
from nephele.services.archive import Archive
from nephele.services.index_objects import index_objects
from nephele.services.overrides import set_default_encoding
from tests.unit.conftest import dicom_file, provenance


def _greek() -> bytes:
    dataset = dcmread(io.BytesIO(dicom_file(PatientID="XXXX")))
    del dataset.SpecificCharacterSet
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue().replace(b"XXXX", "Άννα".encode("iso8859-7"))


def _put(archive: Archive, encoded: bytes, key: InstanceKey) -> None:
    digest = hashlib.md5(encoded, usedforsecurity=False).digest()
    metadata = object_metadata.encode(provenance(), digest.hex(), None)
    archive.bucket.put(str(key), encoded, metadata, digest)


def test_what_was_received_is_indexed_whatever_the_encoding_is_now(archive: Archive) -> None:
    encoded = _greek()
    received = read_header(encoded, "Greek").identity.orthanc_id(Level.INSTANCE)
    assert received != read_header(encoded, "Latin1").identity.orthanc_id(Level.INSTANCE)
    key = InstanceKey(FINAL, received, "u1")
    _put(archive, encoded, key)
    set_default_encoding(archive, "Cyrillic")
    assert index_objects(archive, [str(key)]) == {}
    assert archive.index.resource(received) is not None


def test_another_instance_is_not_taken_for_it(archive: Archive) -> None:
    other = read_header(dicom_file()).identity.orthanc_id(Level.INSTANCE)
    key = InstanceKey(FINAL, other, "u1")
    _put(archive, _greek(), key)
    failures = index_objects(archive, [str(key)])
    assert isinstance(failures[str(key)], IdentifierMismatch)
