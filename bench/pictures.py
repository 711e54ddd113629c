"""Images to transcode: a phantom with noise, in the sizes that archives hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.7.3"


@dataclass(frozen=True, slots=True)
class Picture:
    """An image's size; grayscale stores 12 of 16 bits, colour 8 of 8."""

    name: str
    rows: int
    columns: int
    frames: int = 1
    is_color: bool = False

    @property
    def megabytes(self) -> float:
        """Return the size of its raw pixels."""
        return self.rows * self.columns * self.frames * (3 if self.is_color else 2) / 1e6

    def write(self, folder: Path) -> Path:
        """Write it in Explicit VR Little Endian, frame after frame, and return where."""
        path = folder / f"{self.name.replace(' ', '-')}.dcm"
        still = _phantom(self.rows, self.columns)
        random = np.random.default_rng(1)
        parts = [self._frame(still, number, random) for number in range(self.frames)]
        data_set = self._described()
        data_set.PixelData = b"".join(parts)
        data_set["PixelData"].VR = "OB" if self.is_color else "OW"
        data_set.save_as(path, enforce_file_format=True)
        return path

    def _frame(self, still: NDArray[np.float64], number: int, random: np.random.Generator) -> bytes:
        moved = np.roll(still, number, axis=1)
        if not self.is_color:
            noisy = moved * 3000 + random.normal(400, 12, still.shape)
            return np.clip(noisy, 0, 4095).astype("<u2").tobytes()
        colors = np.stack([moved, np.roll(moved, 9, axis=0), 1 - moved], axis=-1)
        noisy = colors * 220 + random.normal(16, 2, colors.shape)
        return np.clip(noisy, 0, 255).astype("u1").tobytes()

    def _described(self) -> Dataset:
        data_set = Dataset()
        data_set.file_meta = FileMetaDataset()
        data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data_set.SOPClassUID = _MULTI_FRAME if self.frames > 1 else _SECONDARY_CAPTURE
        for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
            setattr(data_set, keyword, generate_uid())
        data_set.PatientID = "BENCH"
        data_set.Rows, data_set.Columns = self.rows, self.columns
        data_set.SamplesPerPixel = 3 if self.is_color else 1
        data_set.PhotometricInterpretation = "RGB" if self.is_color else "MONOCHROME2"
        if self.is_color:
            data_set.PlanarConfiguration = 0
        if self.frames > 1:
            data_set.NumberOfFrames = self.frames
        data_set.BitsAllocated = 8 if self.is_color else 16
        data_set.BitsStored = 8 if self.is_color else 12
        data_set.HighBit, data_set.PixelRepresentation = data_set.BitsStored - 1, 0
        return data_set


CT = Picture("CT 512x512x16", 512, 512)
CR = Picture("CR 2048x2500x16", 2500, 2048)
RGB = Picture("RGB 1024x768x8", 768, 1024, is_color=True)
MULTI_FRAME = Picture("100 x 512x512x16", 512, 512, frames=100)
TINY = Picture("tiny", 16, 16)


def _phantom(rows: int, columns: int) -> NDArray[np.float64]:
    """Draw ellipses within ellipses, from 0 to 1."""
    down, across = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    drawn = 0.1 + 0.05 * down
    for number in range(12):
        height, width = 0.9 - 0.07 * number, 0.8 - 0.06 * number
        x, y = 0.1 * np.sin(number), 0.1 * np.cos(number)
        inside = ((down - y) / height) ** 2 + ((across - x) / width) ** 2 < 1
        drawn = drawn + inside * (0.12 * (-1) ** number + 0.06)
    low, high = float(drawn.min()), float(drawn.max())
    return np.asarray((drawn - low) / (high - low))
