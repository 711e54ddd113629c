"""The Image Pixel module: how the pixels of an image are laid out. See PS3.3 C.7.6.3."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from nephele.domain.character_set import PADDING
from nephele.domain.dictionary import name_of
from nephele.domain.elements import DataSet
from nephele.errors import UnsupportedImage

SAMPLES_PER_PIXEL = 0x00280002
PHOTOMETRIC_INTERPRETATION = 0x00280004
PLANAR_CONFIGURATION = 0x00280006
NUMBER_OF_FRAMES = 0x00280008
ROWS = 0x00280010
COLUMNS = 0x00280011
BITS_ALLOCATED = 0x00280100
BITS_STORED = 0x00280101
HIGH_BIT = 0x00280102
PIXEL_REPRESENTATION = 0x00280103


@dataclass(frozen=True, slots=True)
class PixelDescription:
    """What the elements of group 0028 say of the pixels.

    `is_signed` is PixelRepresentation 1, `is_planar` PlanarConfiguration 1.
    """

    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool
    is_planar: bool
    photometric_interpretation: str
    number_of_frames: int

    @property
    def is_subsampled(self) -> bool:
        """Tell whether native frames keep two chrominance samples for four pixels."""
        return self.photometric_interpretation == "YBR_FULL_422" and self.samples_per_pixel == 3

    @property
    def samples_per_frame(self) -> int:
        """Return how many samples a decoded frame holds."""
        return self.rows * self.columns * self.samples_per_pixel

    @property
    def native_frame_bits(self) -> int:
        """Return how many bits a native frame takes, without padding."""
        samples = self.samples_per_frame
        if self.is_subsampled:
            samples = self.rows * self.columns * 2
        return samples * self.bits_allocated

    @property
    def dtype(self) -> str:
        """Return numpy's type of one sample, in native byte order."""
        kind = "i" if self.is_signed else "u"
        return f"{kind}{max(self.bits_allocated, 8) // 8}"


def describe_pixels(elements: DataSet, *, is_little_endian: bool = True) -> PixelDescription:
    """Read the Image Pixel module of a data set.

    Raises
    ------
    UnsupportedImage
        An element that every image has is missing, or its value makes no sense.
    """

    def number(tag: int, default: int | None = None) -> int:
        element = elements.get(tag)
        if element is None or len(element.value) < 2:
            if default is None:
                raise UnsupportedImage(
                    f"{name_of(tag)} ({tag >> 16:04x},{tag & 0xFFFF:04x}) is missing"
                )
            return default
        value: int = struct.unpack_from("<H" if is_little_endian else ">H", element.value)[0]
        return value

    bits_allocated = number(BITS_ALLOCATED)
    bits_stored = number(BITS_STORED, bits_allocated)
    description = PixelDescription(
        rows=number(ROWS),
        columns=number(COLUMNS),
        samples_per_pixel=number(SAMPLES_PER_PIXEL, 1),
        bits_allocated=bits_allocated,
        bits_stored=bits_stored,
        high_bit=number(HIGH_BIT, bits_stored - 1),
        is_signed=number(PIXEL_REPRESENTATION, 0) == 1,
        is_planar=number(PLANAR_CONFIGURATION, 0) == 1,
        photometric_interpretation=_text(elements, PHOTOMETRIC_INTERPRETATION),
        number_of_frames=number_of_frames(elements),
    )
    return _checked(description)


def _checked(description: PixelDescription) -> PixelDescription:
    if description.bits_allocated not in (1, 8, 16, 32, 64):
        raise UnsupportedImage(
            f"BitsAllocated (0028,0100) is {description.bits_allocated}, none of 1, 8, 16, 32, 64"
        )
    if not 0 < description.bits_stored <= description.bits_allocated:
        raise UnsupportedImage(
            f"BitsStored (0028,0101) is {description.bits_stored}, which is not between 1 and"
            f" BitsAllocated (0028,0100), {description.bits_allocated}"
        )
    if not description.bits_stored - 1 <= description.high_bit < description.bits_allocated:
        raise UnsupportedImage(
            f"HighBit (0028,0102) is {description.high_bit}, where BitsStored (0028,0101) is"
            f" {description.bits_stored} and BitsAllocated (0028,0100) {description.bits_allocated}"
        )
    if description.samples_per_pixel not in (1, 3):
        raise UnsupportedImage(
            f"SamplesPerPixel (0028,0002) is {description.samples_per_pixel}, neither 1 nor 3"
        )
    if not (description.rows and description.columns):
        raise UnsupportedImage("Rows (0028,0010) or Columns (0028,0011) is 0: there is no image")
    return description


def _text(elements: DataSet, tag: int) -> str:
    element = elements.get(tag)
    return "" if element is None else bytes(element.value).decode("latin-1").strip(PADDING)


def number_of_frames(elements: DataSet) -> int:
    """Return NumberOfFrames (0028,0008), at least 1; UnsupportedImage where it is no number."""
    text = _text(elements, NUMBER_OF_FRAMES)
    try:
        return max(int(text), 1) if text else 1
    except ValueError as exc:
        raise UnsupportedImage("NumberOfFrames (0028,0008) is no number") from exc
