"""One frame, decoded to what its samples mean: shades of grey, floating point or RGB."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from nephele.domain.codecs import CodecOptions, decode_frame
from nephele.domain.codecs.options import DEFAULT_OPTIONS
from nephele.domain.frames import FrameReader, Image, open_image
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.rendering.color import rgb_of
from nephele.domain.rendering.float_pixels import decode_float, is_float, open_float_image
from nephele.domain.rendering.palettes import apply_palette
from nephele.domain.rendering.strips import map_strips
from nephele.errors import UnsupportedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

_MAXIMUM_SAMPLES = 1 << 27
_WHITE = 255
"""What Orthanc makes of a single bit that is set."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded frame.

    Attributes
    ----------
    frame : int
        Its number, from 0.
    samples : ndarray
        Grey: shape `(rows, columns)`, the stored values with their sign. Colours: `(rows, columns,
        3)`, unsigned RGB.
    is_inverted : bool
        The least value is white: MONOCHROME1.
    bits_stored : int
        Of the samples.
    """

    image: Image
    frame: int
    samples: Samples
    is_inverted: bool
    bits_stored: int

    @property
    def is_color(self) -> bool:
        """Tell whether the samples are RGB."""
        return self.samples.ndim == 3


def open_pixels(file: BinaryIO) -> Image:
    """Open an image of any kind of pixel data; only its header is read.

    Raises
    ------
    BadFileFormat
        It is not a DICOM file, or damaged.
    UnsupportedImage
        It has no pixel data, or what describes them makes no sense.
    """
    try:
        return open_image(file)
    except UnsupportedImage:
        image = open_float_image(file)
        if image is None:
            raise
        return image


def decode_picture(image: Image, frame: int, options: CodecOptions = DEFAULT_OPTIONS) -> Picture:
    """Read and decode one frame, counted from 0.

    Raises
    ------
    InexistentItem
        There is no such frame.
    UnsupportedImage
        It cannot be decoded, or its colours are not known.
    """
    return next(iter_pictures(image, (frame,), options))


def iter_pictures(
    image: Image, frames: Iterable[int], options: CodecOptions = DEFAULT_OPTIONS
) -> Iterator[Picture]:
    """Read and decode frames one by one; raises as `decode_picture` does."""
    if image.description.samples_per_frame > _MAXIMUM_SAMPLES:
        raise UnsupportedImage("frames of more than 128 million samples are not rendered")
    reader = FrameReader(image)
    for frame in frames:
        yield _decode(image, frame, reader.read(frame, options.maximum_frame_bytes), options)


def read_raw_frame(image: Image, frame: int) -> bytes:
    """Return the bytes of one frame as they are stored, native ones in little endian.

    Raises as `decode_picture` does where there is no such frame, or it is not whole.
    """
    encoded = FrameReader(image).read(frame)
    bits = image.description.bits_allocated
    if image.is_encapsulated or image.syntax.is_little_endian or bits <= 8:
        return encoded
    words = array({16: "H", 32: "I", 64: "Q"}[bits], encoded)
    words.byteswap()
    return words.tobytes()


def _decode(image: Image, frame: int, encoded: bytes, options: CodecOptions) -> Picture:
    description = image.description
    if is_float(image):
        return Picture(image, frame, decode_float(image, encoded), False, description.bits_stored)
    samples, photometric = decode_frame(image, encoded, options)
    if photometric in ("MONOCHROME1", "MONOCHROME2"):
        values = stored_values(samples, description)
        is_inverted = photometric == "MONOCHROME1"
        return Picture(image, frame, values, is_inverted, description.bits_stored)
    if photometric == "PALETTE COLOR":
        if description.bits_allocated > 1:
            samples = stored_values(samples, description)
        colors, bits = apply_palette(image, samples)
    else:
        colors = rgb_of(samples, photometric, description)
        bits = min(description.bits_stored, 8 * colors.dtype.itemsize)
    return Picture(image, frame, colors, False, bits)


def stored_values(samples: Samples, description: PixelDescription) -> Samples:
    """Return the stored bits of samples, without what else is in the allocated ones.

    The sign is the highest stored bit. See PS3.5 8.1.1. Pixels of one bit become black and white.
    """
    bits = description.bits_allocated
    if bits == 1:
        return map_strips(lambda rows: rows.view("u1") * _WHITE, samples, "u1")
    if description.bits_stored == bits:
        return samples
    left, right = bits - 1 - description.high_bit, bits - description.bits_stored
    return map_strips(lambda rows: (rows << left) >> right, samples, samples.dtype.str)
