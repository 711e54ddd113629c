"""Rendering frames as Orthanc's `preview` does."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, BinaryIO

from nephele.domain.decoding import Frame, decode_frame
from nephele.domain.frames import Image, open_image, read_frame
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.png import encode_png
from nephele.errors import UnsupportedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

_PALETTES = ((0x00281101, 0x00281201), (0x00281102, 0x00281202), (0x00281103, 0x00281203))
_FULL_SCALE = 255
_MAXIMUM_SAMPLES = 1 << 28


def preview(file: BinaryIO, frame: int = 0) -> bytes:
    """Render one frame as a PNG image of 8 bits per sample.

    Grayscale is stretched from its least to its greatest sample, MONOCHROME1 inverted, a palette
    applied; colours stay as they are, but YBR becomes RGB and 16 bits become 8.

    Parameters
    ----------
    file : BinaryIO
        A seekable DICOM file; only its header and the frame are read.
    frame : int
        Counted from 0.

    Raises
    ------
    InexistentItem
        There is no such frame.
    UnsupportedImage
        There are no pixels, or they cannot be rendered.
    BadFileFormat
        The file is damaged.
    """
    image = open_image(file)
    if image.description.bits_allocated > 16:
        raise UnsupportedImage("images of more than 16 bits are not rendered")
    if image.description.samples_per_frame > _MAXIMUM_SAMPLES:
        raise UnsupportedImage("frames of more than 256 million samples are not rendered")
    return encode_png(_render(image, decode_frame(image, read_frame(image, frame))))


def _render(image: Image, frame: Frame) -> Samples:
    photometric = frame.photometric_interpretation
    description = image.description
    if photometric == "PALETTE COLOR":
        return _apply_palette(image, _stored(frame.samples, description))
    if photometric in ("MONOCHROME1", "MONOCHROME2"):
        stretched = _stretch(_stored(frame.samples, description))
        return _FULL_SCALE - stretched if photometric == "MONOCHROME1" else stretched
    if description.samples_per_pixel != 3:
        raise UnsupportedImage("PhotometricInterpretation (0028,0004) is not known")
    color = _eight_bits(frame.samples, description)
    return _to_rgb(color, photometric) if photometric.startswith("YBR") else color


def _stored(samples: Samples, description: PixelDescription) -> Samples:
    """Return the stored bits of samples, without what else is in the allocated ones."""
    if description.bits_stored == max(description.bits_allocated, 8):
        return samples
    if description.bits_allocated == 1:
        return samples
    left = description.bits_allocated - 1 - description.high_bit
    return (samples << left) >> (description.bits_allocated - description.bits_stored)


def _stretch(samples: Samples) -> Samples:
    """Stretch samples linearly to 0..255, rounded; a constant image becomes black.

    The order of operations in single precision is Orthanc's, so that halves round alike.
    """
    import numpy as np

    low, high = int(samples.min()), int(samples.max())
    if low == high:
        return np.zeros(samples.shape, np.uint8)
    slope = np.float32(_FULL_SCALE) / np.float32(high - low)
    scaled = samples.astype(np.float32) * slope + np.float32(-low) * slope
    return (scaled + np.float32(0.5)).astype(np.uint8)


def _eight_bits(samples: Samples, description: PixelDescription) -> Samples:
    import numpy as np

    if description.bits_allocated == 8:
        return np.ascontiguousarray(samples).view(np.uint8)
    return (samples.view(np.uint16) >> 8).astype(np.uint8)


def _to_rgb(samples: Samples, photometric: str) -> Samples:
    """Convert YBR_FULL samples. See PS3.3 C.7.6.3.1.2."""
    import numpy as np

    if photometric not in ("YBR_FULL", "YBR_FULL_422"):
        raise UnsupportedImage(f"{photometric} is not rendered")
    luma = samples[..., 0].astype(np.float32)
    blue, red = (samples[..., channel].astype(np.float32) - 128 for channel in (1, 2))
    rgb = (luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue)
    return np.clip(np.stack(rgb, axis=-1) + 0.5, 0, _FULL_SCALE).astype(np.uint8)


def _apply_palette(image: Image, samples: Samples) -> Samples:
    """Look samples up in the red, green and blue tables. See PS3.3 C.7.6.3.1.5 and C.7.9."""
    import numpy as np

    channels = []
    for descriptor_tag, data_tag in _PALETTES:
        table, first = _palette_table(image, descriptor_tag, data_tag)
        index = np.clip(samples.astype(np.int32) - first, 0, len(table) - 1)
        channels.append(table[index])
    return np.stack(channels, axis=-1)


def _palette_table(image: Image, descriptor_tag: int, data_tag: int) -> tuple[Samples, int]:
    """Return the 8-bit entries of a table and the first sample that is mapped."""
    import numpy as np

    descriptor, data = image.elements.get(descriptor_tag), image.elements.get(data_tag)
    if descriptor is None or len(descriptor.value) < 6 or data is None:
        raise UnsupportedImage("there is no palette, or a segmented one")
    order = "<" if image.syntax.is_little_endian else ">"
    count, first, bits = struct.unpack_from(f"{order}HHH", descriptor.value)
    count = count or 1 << 16
    if image.description.is_signed and first > 0x7FFF:
        first -= 1 << 16
    if len(data.value) >= 2 * count:
        words = np.frombuffer(data.value, f"{order}u2", count)
        return (words >> (8 if bits > 8 else 0)).astype(np.uint8), first
    if len(data.value) < count:
        raise UnsupportedImage("the palette is shorter than its descriptor says")
    return np.frombuffer(data.value, np.uint8, count), first
