"""Small images with every corner that matters to a codec."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

Samples = np.ndarray[Any, Any]


def noise(
    shape: tuple[int, ...], bits: int, *, is_signed: bool = False, dtype: str = "uint16"
) -> Samples:
    """Make samples that reach both ends of what `bits` can hold."""
    low = -(1 << bits - 1) if is_signed else 0
    samples = np.random.default_rng(bits).integers(low, low + (1 << bits), shape)
    samples.flat[0], samples.flat[-1] = low, low + (1 << bits) - 1
    return samples.astype(dtype)


def image_file(
    samples: Samples,
    photometric: str = "MONOCHROME2",
    *,
    bits_stored: int | None = None,
    frames: int | None = None,
    is_implicit_vr: bool = False,
    **attributes: Any,
) -> bytes:
    """Encode samples as a native image; colour samples are the last axis."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID, dataset.StudyInstanceUID = "1.2.3.4", "1.2.3"
    dataset.SeriesInstanceUID, dataset.PatientID = "1.2.3.1", "P"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    is_color = photometric in ("RGB", "YBR_FULL")
    shape = samples.shape if frames is None else samples.shape[1:]
    dataset.Rows, dataset.Columns = shape[:2]
    dataset.SamplesPerPixel = 3 if is_color else 1
    dataset.PhotometricInterpretation = photometric
    if is_color:
        dataset.PlanarConfiguration = 0
    if frames is not None:
        dataset.NumberOfFrames = frames
    dataset.BitsAllocated = samples.dtype.itemsize * 8
    dataset.BitsStored = bits_stored or dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = 1 if samples.dtype.kind == "i" else 0
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = samples.tobytes() + b"\0" * (samples.nbytes % 2)
    dataset["PixelData"].VR = "OB" if dataset.BitsAllocated == 8 and not is_implicit_vr else "OW"
    return _saved(dataset, is_implicit_vr)


def _saved(dataset: Dataset, is_implicit_vr: bool) -> bytes:
    dataset.file_meta = FileMetaDataset()
    uid = ImplicitVRLittleEndian if is_implicit_vr else ExplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = uid
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()
