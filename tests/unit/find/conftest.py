"""A small archive that searches are made in; no test of this package changes it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pydicom
import pytest

from nephele.domain.provenance import Origin, Provenance
from nephele.rest.app import create_app
from nephele.services.archive import Archive
from nephele.services.store import store
from nephele.settings.configuration import Configuration
from tests.unit.conftest import dicom_file, empty_archive
from tests.unit.rest.conftest import Client

_THORAX: dict[str, Any] = {
    "PatientID": "P1",
    "PatientName": "Doe^Jane",
    "StudyDate": "20200101",
    "AccessionNumber": "acc1",
    "StudyDescription": "Thorax x",
}
_STEP = pydicom.Dataset()
_STEP.ScheduledProcedureStepID = "S1"
_FILES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("1.2.1.1.1", {**_THORAX, "Modality": "CT", "SeriesDescription": "ser1"}),
    ("1.2.1.2.1", {**_THORAX, "Modality": "SR", "SeriesDescription": ""}),
    (
        "1.2.2.1.1",
        {
            "PatientID": "P1",
            "PatientName": "Roe^Joan",
            "StudyDate": "20210101",
            "Modality": "MR",
            "AccessionNumber": " lead",
            "StudyDescription": "Abdomen",
            "RequestAttributesSequence": [_STEP],
        },
    ),
    (
        "1.2.3.1.1",
        {
            "PatientID": "p_2",
            "PatientName": "Élan^Zoë",
            "StudyDate": "",
            "Modality": "MR",
            "AccessionNumber": "",
            "StudyDescription": "Ab%d",
        },
    ),
    (
        "1.2.4.1.1",
        {
            "PatientID": "P4",
            "PatientName": "yamada=山田^太郎",
            "StudyDate": None,
            "Modality": "US",
            "AccessionNumber": "A1",
            "StudyDescription": None,
        },
    ),
)
"""SOP Instance UID, from which the others follow, and other values."""


@pytest.fixture(scope="package")
def library() -> Iterator[Archive]:
    """Return four studies of three patients; one patient's studies spell her name in two ways."""
    with empty_archive() as archive:
        for uid, values in _FILES:
            provenance = Provenance(Origin.REST_API, "20260101T000000.000000")
            store(archive, io.BytesIO(_file(uid, **values)), provenance)
        yield archive


def _file(uid: str, **values: Any) -> bytes:
    """Return a file; values that are None are not in it."""
    named = {
        "SpecificCharacterSet": "ISO_IR 192",
        "StudyInstanceUID": uid.rsplit(".", 2)[0],
        "SeriesInstanceUID": uid.rsplit(".", 1)[0],
        "SOPInstanceUID": uid,
        **{name: value for name, value in values.items() if value is not None},
    }
    dataset = pydicom.dcmread(io.BytesIO(dicom_file(**named)))
    for name in values.keys() - named.keys():
        delattr(dataset, name)
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


@pytest.fixture
def client(library: Archive) -> Client:
    return Client(create_app(lambda: library))


def client_under(library: Archive, configuration: Configuration) -> Client:
    """Return a client of the same archive under another configuration."""
    other = replace(library, configuration=configuration)
    return Client(create_app(lambda: other))


def uids(client: Client, **body: Any) -> list[str]:
    """Search, and return what was found by UID (a patient by PatientID), sorted."""
    answer = client.post("/tools/find", json={**body, "Expand": True})
    assert answer.status_code == 200, answer.text
    names = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID")
    shown = [resource["MainDicomTags"] for resource in answer.json()]
    return sorted(next(tags[name] for name in names if name in tags) for tags in shown)
