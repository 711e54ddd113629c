"""One small image of every kind that a codec or a header may get wrong."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pydicom

from tests.unit.domain.images import Samples, image_file, noise

ROWS, COLUMNS = 40, 56


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of image.

    Attributes
    ----------
    make : callable
        Returns the stored samples of all frames, shape `(frames, rows, columns[, 3])`: colour by
        pixel, chrominance repeated, every allocated bit.
    bits : int
        BitsStored.
    attributes : dict
        Of the data set, beyond what the samples tell.
    store : callable or None
        Turns the samples into what stands in PixelData, where that is not their bytes.
    overlay : dict
        VR and value of elements of group 6000.
    """

    name: str
    make: Callable[[], Samples]
    bits: int
    photometric: str = "MONOCHROME2"
    attributes: dict[str, Any] = field(default_factory=dict)
    store: Callable[[Samples], bytes] | None = None
    overlay: dict[int, tuple[str, Any]] = field(default_factory=dict)

    @property
    def samples(self) -> Samples:
        """Return the samples, the same ones each time."""
        return _made(self.name)

    @property
    def bits_allocated(self) -> int:
        """Return BitsAllocated."""
        return 1 if self.bits == 1 else self.samples.dtype.itemsize * 8

    @property
    def is_signed(self) -> bool:
        """Tell whether PixelRepresentation is 1."""
        return self.samples.dtype.kind == "i"

    @property
    def is_color(self) -> bool:
        """Tell whether there are three samples for a pixel."""
        return self.samples.ndim == 4

    @property
    def number_of_frames(self) -> int:
        """Return the number of frames."""
        return int(self.samples.shape[0])

    def file(self) -> bytes:
        """Encode it in Explicit VR Little Endian."""
        samples = self.samples
        is_multi_frame = self.number_of_frames > 1
        encoded = image_file(
            samples if is_multi_frame else samples[0],
            self.photometric,
            bits_stored=self.bits,
            frames=self.number_of_frames if is_multi_frame else None,
            **_attributes(self),
        )
        if self.store is None and not self.overlay:
            return encoded
        dataset = pydicom.dcmread(io.BytesIO(encoded))
        if self.store is not None:
            dataset.PixelData = self.store(samples)
        for number, (vr, value) in self.overlay.items():
            dataset.add_new(0x60000000 | number, vr, value)
        file = io.BytesIO()
        dataset.save_as(file)
        return file.getvalue()


def _attributes(kind: Kind) -> dict[str, Any]:
    attributes = {
        "PatientName": "",
        "PatientBirthDate": "",
        "PatientSex": "",
        "StudyDate": "",
        "StudyTime": "",
        "ReferringPhysicianName": "",
        "StudyID": "",
        "AccessionNumber": "",
        "SeriesNumber": None,
        "InstanceNumber": None,
        "PatientOrientation": "",
        "Modality": "OT",
        "Laterality": "",
        "ConversionType": "WSD",
        **kind.attributes,
    }
    if kind.photometric.startswith("YBR"):
        attributes |= {"SamplesPerPixel": 3}
        attributes.setdefault("PlanarConfiguration", 0)
    if kind.bits == 1:
        attributes |= {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}
    return attributes


def scene(
    bits: int,
    *,
    is_signed: bool = False,
    dtype: str = "uint16",
    shape: tuple[int, ...] = (1, ROWS, COLUMNS),
) -> Samples:
    """Draw slopes, an edge and a little noise, from the lowest to the highest value."""
    generator = np.random.default_rng([bits, *shape])
    frames, rows, columns = shape[:3]
    down, across = np.mgrid[0:rows, 0:columns]
    planes = []
    for number in range(frames * (shape[3] if len(shape) > 3 else 1)):
        slope = down / max(rows - 1, 1) + across / max(columns - 1, 1) * (1 + number % 3)
        disc = (down - rows / 2) ** 2 + (across - columns / (2 + number % 3)) ** 2 < rows * 3
        planes.append(slope + 0.5 * disc + generator.normal(0, 0.004, (rows, columns)))
    drawn = np.stack(planes).reshape(frames, -1, rows, columns).transpose(0, 2, 3, 1)
    drawn = (drawn - drawn.min()) / max(float(np.ptp(drawn)), 1e-9)
    low = -(1 << bits - 1) if is_signed else 0
    values = np.round(drawn * ((1 << bits) - 1)).astype("int64") + low
    return values.reshape(shape).astype(dtype)


def _hidden_overlay() -> Samples:
    """Return 12 bits with an overlay plane in bit 12."""
    bits = noise((1, ROWS, COLUMNS), 1)
    return (scene(12) | bits << 12).astype("uint16")


def _pack(samples: Samples) -> bytes:
    packed = np.packbits(samples.ravel(), bitorder="little").tobytes()
    return packed + b"\0" * (len(packed) % 2)


def _planes(samples: Samples) -> bytes:
    return samples.transpose(0, 3, 1, 2).tobytes()


def _subsampled(samples: Samples) -> bytes:
    stored = np.empty((*samples.shape[:2], samples.shape[2] // 2, 4), samples.dtype)
    stored[..., 0], stored[..., 1] = samples[:, :, 0::2, 0], samples[:, :, 1::2, 0]
    stored[..., 2], stored[..., 3] = samples[:, :, 0::2, 1], samples[:, :, 0::2, 2]
    return stored.tobytes()


def _repeated_chrominance() -> Samples:
    samples = scene(8, dtype="uint8", shape=(1, ROWS, COLUMNS, 3))
    samples[:, :, 1::2, 1:] = samples[:, :, 0::2, 1:]
    return samples


_RGB = (1, ROWS, COLUMNS, 3)
_THREE = (3, 32, 40)
_PALETTE = {
    f"{color}PaletteColorLookupTable{what}": value
    for color in ("Red", "Green", "Blue")
    for what, value in (("Descriptor", [256, 0, 16]), ("Data", bytes(range(256)) * 2))
}
_OVERLAY: dict[int, tuple[str, Any]] = {
    0x10: ("US", ROWS),
    0x11: ("US", COLUMNS),
    0x40: ("CS", "G"),
    0x50: ("SS", [1, 1]),
    0x100: ("US", 16),
    0x102: ("US", 12),
}


def _signed(bits: int, dtype: str) -> Callable[[], Samples]:
    return lambda: scene(bits, is_signed=True, dtype=dtype)


_TABLE = (
    Kind("8 bits", lambda: scene(8, dtype="uint8"), 8),
    Kind("8 bits, MONOCHROME1", lambda: scene(8, dtype="uint8"), 8, "MONOCHROME1"),
    Kind("8 bits, signed", _signed(8, "int8"), 8),
    Kind("8 bits, noise", lambda: noise((1, ROWS, COLUMNS), 8, dtype="uint8"), 8),
    Kind("6 of 8 bits", lambda: scene(6, dtype="uint8"), 6),
    Kind("2 of 8 bits", lambda: scene(2, dtype="uint8"), 2),
    Kind("8 of 16 bits", lambda: scene(8), 8),
    Kind("10 of 16 bits", lambda: scene(10), 10),
    Kind("12 of 16 bits", lambda: scene(12), 12),
    Kind("12 of 16 bits, signed", _signed(12, "int16"), 12),
    Kind("12 of 16 bits, noise", lambda: noise((1, ROWS, COLUMNS), 12), 12),
    Kind("12 of 16 bits, high", lambda: scene(12) << 4, 12, attributes={"HighBit": 15}),
    Kind("12 of 16 bits, overlay in bit 12", _hidden_overlay, 12, overlay=_OVERLAY),
    Kind("16 bits", lambda: scene(16), 16),
    Kind("16 bits, MONOCHROME1", lambda: scene(16), 16, "MONOCHROME1"),
    Kind("16 bits, signed", _signed(16, "int16"), 16),
    Kind("16 bits, noise", lambda: noise((1, ROWS, COLUMNS), 16), 16),
    Kind("32 bits", lambda: scene(32, dtype="uint32"), 32),
    Kind("32 bits, signed", _signed(32, "int32"), 32),
    Kind("20 of 32 bits", lambda: scene(20, dtype="uint32"), 20),
    Kind("1 bit", lambda: noise((1, ROWS, COLUMNS), 1, dtype="uint8"), 1, store=_pack),
    Kind("1 bit, frames within bytes", lambda: noise((3, 5, 5), 1, dtype="uint8"), 1, store=_pack),
    Kind("palette", lambda: scene(8, dtype="uint8"), 8, "PALETTE COLOR", _PALETTE),
    Kind("palette of 16 bits", lambda: scene(16) >> 8, 16, "PALETTE COLOR", _PALETTE),
    Kind("RGB", lambda: scene(8, dtype="uint8", shape=_RGB), 8, "RGB"),
    Kind(
        "RGB by plane",
        lambda: scene(8, dtype="uint8", shape=_RGB),
        8,
        "RGB",
        {"PlanarConfiguration": 1},
        _planes,
    ),
    Kind("RGB, odd size", lambda: scene(8, dtype="uint8", shape=(1, 13, 17, 3)), 8, "RGB"),
    Kind("RGB, noise", lambda: noise((1, 16, 16, 3), 8, dtype="uint8"), 8, "RGB"),
    Kind("RGB, 16 bits", lambda: scene(16, shape=_RGB), 16, "RGB"),
    Kind("YBR_FULL", lambda: scene(8, dtype="uint8", shape=_RGB), 8, "YBR_FULL"),
    Kind(
        "YBR_FULL by plane",
        lambda: scene(8, dtype="uint8", shape=_RGB),
        8,
        "YBR_FULL",
        {"PlanarConfiguration": 1},
        _planes,
    ),
    Kind("YBR_FULL_422", _repeated_chrominance, 8, "YBR_FULL_422", store=_subsampled),
    Kind("three frames", lambda: scene(12, shape=_THREE), 12),
    Kind("three frames of odd length", lambda: scene(8, dtype="uint8", shape=(3, 5, 5)), 8),
    Kind("three RGB frames", lambda: scene(8, dtype="uint8", shape=(3, 7, 9, 3)), 8, "RGB"),
    Kind("one pixel", lambda: noise((1, 1, 1), 8, dtype="uint8"), 8),
    Kind("one row", lambda: noise((1, 1, 50), 16), 16),
    Kind("one column", lambda: noise((1, 50, 1), 16), 16),
    Kind("constant", lambda: np.zeros((1, 8, 8), np.uint16), 16),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _TABLE}


@cache
def _made(name: str) -> Samples:
    samples = KINDS[name].make()
    samples.setflags(write=False)
    return samples
