"""pyorthanc, a client made for Orthanc, drives Nephele unchanged."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from pathlib import Path

import httpx
import imagecodecs
import pyorthanc
import pytest
from pydicom import dcmread

from nephele.rest.app import create_app
from nephele.services.archive import Archive
from tests.unit.rest.conftest import CT, MR, changed_sample, read_sample
from tests.unit.rest.serving import served

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
"""Of httpx, about how pyorthanc calls it."""


@pytest.fixture
def orthanc(archive: Archive) -> Iterator[pyorthanc.Orthanc]:
    """Return pyorthanc's client of a server that holds nothing."""
    with (
        served(create_app(lambda: archive)) as url,
        pyorthanc.Orthanc(url, timeout=30) as orthanc,
    ):
        yield orthanc


@pytest.fixture
def filled(orthanc: pyorthanc.Orthanc, tmp_path: Path) -> pyorthanc.Orthanc:
    """Return the client of a server that got files by each of pyorthanc's ways."""
    file = tmp_path / "ct.dcm"
    file.write_bytes(read_sample(CT))
    pyorthanc.upload(orthanc, str(file))
    orthanc.post_instances(changed_sample(CT, SOPInstanceUID="1.2.3.4", InstanceNumber="2"))
    pyorthanc.upload(orthanc, dcmread(BytesIO(read_sample(MR))))
    return orthanc


def test_uploads(filled: pyorthanc.Orthanc) -> None:
    counts = filled.get_statistics()
    assert (counts["CountPatients"], counts["CountInstances"]) == (2, 3)
    again = filled.post_instances(read_sample(CT))
    assert again["Status"] == "AlreadyStored"


def test_system_and_tools(filled: pyorthanc.Orthanc) -> None:
    assert filled.get_system()["ApiVersion"] >= 30
    assert [one["Type"] for one in filled.post_tools_lookup("1CT1")] == ["Patient"]
    assert filled.get_tools_now().startswith("2")
    assert {one["ChangeType"] for one in filled.get_changes()["Changes"]} >= {"NewInstance"}


def test_finding(filled: pyorthanc.Orthanc) -> None:
    named = pyorthanc.find_patients(filled, {"PatientName": "compressed*"})
    assert {one.name for one in named} == {"CompressedSamples^CT1", "CompressedSamples^MR1"}
    assert [one.modality for one in pyorthanc.find_series(filled, {"Modality": "MR"})] == ["MR"]
    assert len(pyorthanc.find_instances(filled, {"PatientID": "1CT1"}, limit=1)) == 2
    assert pyorthanc.find_studies(filled, {"StudyDate": "20040101-20041231"}, labels="gone") == []
    one_by_one = pyorthanc.query_orthanc(
        filled, "Instance", limit=2, since=0, retrieve_all_resources=False
    )
    assert len(one_by_one) == 2


def test_tree_of_resources(filled: pyorthanc.Orthanc) -> None:
    tree = pyorthanc.find(filled, series_filter=lambda series: series.modality == "CT")
    (patient,) = tree
    (study,) = patient.studies
    (series,) = study.series
    numbers = {instance.instance_number for instance in series.instances}
    assert numbers == {1, 2}
    assert patient.patient_id == "1CT1"
    assert study.parent_patient == patient
    assert series.parent_study == study
    assert isinstance(study.date, datetime)
    assert isinstance(series.last_update, datetime)
    instance = series.instances[0]
    assert instance.parent_patient == patient
    assert instance.file_size == len(instance.get_dicom_file_content())
    assert patient.get_patient_module(simplify=True)["PatientID"] == "1CT1"
    assert study.get_shared_tags(simplify=True)["Modality"] == "CT"


def test_tags_and_files(filled: pyorthanc.Orthanc) -> None:
    (instance,) = pyorthanc.find_instances(filled, {"Modality": "MR"})
    original = dcmread(BytesIO(read_sample(MR)))
    assert instance.uid == original.SOPInstanceUID
    assert instance.tags["0010,0010"]["Value"] == str(original.PatientName)
    assert instance.simplified_tags["PatientName"] == str(original.PatientName)
    assert instance.get_content_by_tag("PatientID") == original.PatientID
    assert instance.image_orientation_patient == [
        float(one) for one in original.ImageOrientationPatient
    ]
    assert instance.get_pydicom().PixelData == original.PixelData
    buffer = BytesIO()
    instance.download(buffer)
    assert buffer.getvalue() == read_sample(MR)


def test_previews(filled: pyorthanc.Orthanc) -> None:
    (instance,) = pyorthanc.find_instances(filled, {"Modality": "MR"})
    for content in (
        filled.get_instances_id_preview(instance.id_),
        filled.get_instances_id_rendered(instance.id_, {"window-center": 600, "window-width": 900}),
        filled.get_instances_id_frames_frame_image_uint8(0, instance.id_),
    ):
        assert imagecodecs.png_decode(content).shape == (64, 64)
    as_jpeg = filled.get_instances_id_preview(instance.id_, headers={"Accept": "image/jpeg"})
    assert imagecodecs.jpeg_decode(as_jpeg).shape == (64, 64)


def test_metadata_labels_and_protection(filled: pyorthanc.Orthanc) -> None:
    patient = pyorthanc.find_patients(filled, {"PatientID": "1CT1"})[0]
    instance = patient.studies[0].series[0].instances[0]
    assert "RemoteAET" in filled.get_instances_id_metadata(instance.id_)
    filled.put_instances_id_metadata_name(instance.id_, "1024", "mine")
    assert filled.get_instances_id_metadata_name(instance.id_, "1024") in ("mine", b"mine")
    assert filled.get_instances_id_metadata_name(instance.id_, "Origin") in (
        "RestApi",
        b"RestApi",
    )
    patient.add_label("seen")
    assert patient.labels == ["seen"]
    assert pyorthanc.find_patients(filled, labels=["seen"]) == [patient]
    patient.remove_label("seen")
    assert patient.labels == []
    patient.protected = True
    assert patient.protected


def test_archives_and_deletion(filled: pyorthanc.Orthanc) -> None:
    (study,) = pyorthanc.find_studies(filled, {"ModalitiesInStudy": "CT"})
    with zipfile.ZipFile(BytesIO(study.get_zip())) as archive:
        assert len(archive.namelist()) == 2
    filled.delete_studies_id(study.id_)
    assert pyorthanc.find_studies(filled, {"ModalitiesInStudy": "CT"}) == []
    with pytest.raises(httpx.HTTPError):
        filled.get_studies_id(study.id_)
