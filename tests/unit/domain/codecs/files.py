"""Encapsulated files made of frames, and frames taken out of files, by pydicom."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import convert_color_space
from pydicom.uid import UID

from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import TransferSyntax, transfer_syntax
from tests.unit.domain.images import Samples


@dataclass(frozen=True, slots=True)
class Encoded:
    """An image as a decoder sees it."""

    description: PixelDescription
    syntax: TransferSyntax
    is_encapsulated: bool = True


def describe(
    samples: Samples,
    photometric: str = "MONOCHROME2",
    *,
    bits_stored: int | None = None,
    high_bit: int | None = None,
    is_planar: bool = False,
) -> PixelDescription:
    """Describe a frame's samples."""
    allocated = samples.dtype.itemsize * 8
    stored = bits_stored or allocated
    return PixelDescription(
        rows=samples.shape[0],
        columns=samples.shape[1],
        samples_per_pixel=3 if samples.ndim == 3 else 1,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1 if high_bit is None else high_bit,
        is_signed=samples.dtype.kind == "i",
        is_planar=is_planar,
        photometric_interpretation=photometric,
        number_of_frames=1,
    )


def encoded_image(uid: str, description: PixelDescription) -> Encoded:
    return Encoded(description, transfer_syntax(uid))


def encapsulated_file(
    uid: str, encoded: bytes, description: PixelDescription, photometric: str
) -> bytes:
    """Put one encoded frame into a file."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID, dataset.StudyInstanceUID = "1.2.3.4", "1.2.3"
    dataset.SeriesInstanceUID, dataset.PatientID = "1.2.3.1", "P"
    dataset.Rows, dataset.Columns = description.rows, description.columns
    dataset.SamplesPerPixel = description.samples_per_pixel
    dataset.PhotometricInterpretation = photometric
    if description.samples_per_pixel == 3:
        dataset.PlanarConfiguration = 0
    if photometric == "PALETTE COLOR":
        for color in ("Red", "Green", "Blue"):
            setattr(dataset, f"{color}PaletteColorLookupTableDescriptor", [256, 0, 8])
            setattr(dataset, f"{color}PaletteColorLookupTableData", bytes(range(256)))
    dataset.BitsAllocated, dataset.BitsStored = description.bits_allocated, description.bits_stored
    dataset.HighBit = description.high_bit
    dataset.PixelRepresentation = int(description.is_signed)
    dataset.PixelData = encapsulate([encoded])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(uid)
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return file.getvalue()


def native_samples(encoded: bytes, *, is_rgb: bool = False) -> Samples:
    """Return the samples of a native file, flat, without padding.

    Parameters
    ----------
    is_rgb : bool
        Convert YBR_FULL, which one tool leaves to its reader and another does not.
    """
    dataset = pydicom.dcmread(io.BytesIO(encoded))
    kind = "i" if dataset.PixelRepresentation else "u"
    flat = np.frombuffer(dataset.PixelData, f"<{kind}{dataset.BitsAllocated // 8}")
    flat = flat[: dataset.Rows * dataset.Columns * dataset.SamplesPerPixel]
    if dataset.get("PlanarConfiguration") == 1:
        flat = flat.reshape(3, -1).transpose().ravel()
    if is_rgb and dataset.PhotometricInterpretation == "YBR_FULL":
        flat = convert_color_space(flat.reshape(1, -1, 3), "YBR_FULL", "RGB").ravel()
    return flat


def first_frame(encoded: bytes) -> tuple[bytes, Dataset]:
    """Return the first frame of an encapsulated file, and its data set."""
    dataset = pydicom.dcmread(io.BytesIO(encoded))
    count = int(dataset.get("NumberOfFrames") or 1)
    return next(iter(generate_frames(dataset.PixelData, number_of_frames=count))), dataset


def image_of(dataset: Dataset) -> Encoded:
    """Describe the image of a data set."""
    description = PixelDescription(
        rows=dataset.Rows,
        columns=dataset.Columns,
        samples_per_pixel=dataset.SamplesPerPixel,
        bits_allocated=dataset.BitsAllocated,
        bits_stored=dataset.BitsStored,
        high_bit=dataset.HighBit,
        is_signed=dataset.PixelRepresentation == 1,
        is_planar=dataset.get("PlanarConfiguration") == 1,
        photometric_interpretation=dataset.PhotometricInterpretation,
        number_of_frames=int(dataset.get("NumberOfFrames") or 1),
    )
    return Encoded(description, transfer_syntax(dataset.file_meta.TransferSyntaxUID))
