"""Small DICOM files by patient, study and number."""

from __future__ import annotations

import io
from functools import cache

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

CT = "1.2.840.10008.5.1.4.1.1.2"


@cache
def small_file(patient: int, study: int = 1, number: int = 1, size_bytes: int = 0) -> bytes:
    """Return a file of an instance; `size_bytes` of it are a private element."""
    base = f"1.2.{patient}.{study}"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CT
    meta.MediaStorageSOPInstanceUID = f"{base}.1.{number}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", Dataset(), file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = f"{base}.1.{number}"
    dataset.StudyInstanceUID = base
    dataset.SeriesInstanceUID = f"{base}.1"
    dataset.PatientID = f"P{patient}"
    dataset.PatientName = f"Doe^{patient}"
    dataset.InstanceNumber = number
    if size_bytes:
        dataset.add_new(0x00091010, "OB", bytes(size_bytes))
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()
