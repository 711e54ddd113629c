"""Decoding one frame to samples. numpy and the codecs are imported when first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nephele.domain.code_streams import check_end, check_rle_header, check_size
from nephele.domain.frames import Image
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.errors import UnsupportedImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[Any]

_ROOT = "1.2.840.10008.1.2"
_JPEG_BASELINE = frozenset(f"{_ROOT}.4.{number}" for number in (50, 51, 53, 55))
_JPEG_LOSSLESS = frozenset(f"{_ROOT}.4.{number}" for number in (57, 70))
_JPEG_LS = frozenset(f"{_ROOT}.4.{number}" for number in (80, 81))
_JPEG_2000 = frozenset(f"{_ROOT}.4.{number}" for number in (90, 91, 92, 93, 201, 202, 203))
_JPEG_XL = frozenset(f"{_ROOT}.4.{number}" for number in (110, 111, 112))
_RLE = f"{_ROOT}.5"


class Frame(NamedTuple):
    """A decoded frame.

    Attributes
    ----------
    samples : ndarray
        Shape `(rows, columns)` or `(rows, columns, 3)`, of the description's `dtype`.
    photometric_interpretation : str
        Of the samples: the codec may have changed it.
    """

    samples: Samples
    photometric_interpretation: str


def decode_frame(image: Image, encoded: bytes) -> Frame:
    """Decode the bytes of one frame.

    Samples keep all the bits that are allocated. JPEG's YBR becomes RGB, so does that of JPEG 2000
    with its component transform; native subsampled chrominance is repeated.

    Raises
    ------
    UnsupportedImage
        No codec reads the frame, or it is damaged.
    """
    description = image.description
    if not image.is_encapsulated:
        return _decode_native(image, encoded)
    photometric = description.photometric_interpretation
    samples, photometric = _decode_encapsulated(image, encoded, photometric)
    return Frame(_conform(samples, description), photometric)


def _decode_native(image: Image, encoded: bytes) -> Frame:
    import numpy as np

    description = image.description
    photometric = description.photometric_interpretation
    if description.bits_allocated == 1:
        return Frame(_unpack_bits(description, encoded), photometric)
    order = "<" if image.syntax.is_little_endian else ">"
    flat = np.frombuffer(encoded, f"{order}{description.dtype}").astype(description.dtype)
    if description.is_subsampled:
        return Frame(_repeat_chrominance(flat, description), "YBR_FULL")
    return Frame(_shape(flat, description, is_planar=description.is_planar), photometric)


def _unpack_bits(description: PixelDescription, encoded: bytes) -> Samples:
    """Unpack a frame of one bit per sample."""
    import numpy as np

    bits = np.unpackbits(np.frombuffer(encoded, "u1"), bitorder="little")
    return _shape(bits[: description.samples_per_frame], description, is_planar=False)


def _shape(flat: Samples, description: PixelDescription, *, is_planar: bool) -> Samples:
    rows, columns, samples = description.rows, description.columns, description.samples_per_pixel
    if flat.size < description.samples_per_frame:
        raise UnsupportedImage("a frame holds fewer samples than Rows and Columns say")
    flat = flat[: description.samples_per_frame]
    if samples == 1:
        return flat.reshape(rows, columns)
    if is_planar:
        return flat.reshape(samples, rows, columns).transpose(1, 2, 0)
    return flat.reshape(rows, columns, samples)


def _repeat_chrominance(flat: Samples, description: PixelDescription) -> Samples:
    """Give each pixel of a YBR_FULL_422 frame its chrominance. See PS3.3 C.7.6.3.1.2."""
    import numpy as np

    rows, columns = description.rows, description.columns
    if columns % 2 or flat.size < rows * columns * 2:
        raise UnsupportedImage("the subsampled frame does not fit its Columns (0028,0011)")
    pairs = flat[: rows * columns * 2].reshape(rows, columns // 2, 4)
    samples = np.empty((rows, columns, 3), flat.dtype)
    samples[:, 0::2, 0], samples[:, 1::2, 0] = pairs[..., 0], pairs[..., 1]
    samples[..., 1] = pairs[..., 2].repeat(2, axis=1)
    samples[..., 2] = pairs[..., 3].repeat(2, axis=1)
    return samples


def _decode_encapsulated(image: Image, encoded: bytes, photometric: str) -> tuple[Samples, str]:
    is_color = image.description.samples_per_pixel == 3
    try:
        if image.syntax.uid == _RLE:
            return _decode_rle(image.description, encoded), photometric
        check_size(image.description, encoded)
        return _decode_stream(image.syntax, encoded, photometric, is_color=is_color)
    except (RuntimeError, ValueError, TypeError, MemoryError) as exc:
        raise UnsupportedImage("the frame's code stream is damaged") from exc


def _decode_stream(
    syntax: TransferSyntax, encoded: bytes, photometric: str, *, is_color: bool
) -> tuple[Samples, str]:
    """Decode a code stream of a JPEG standard."""
    import imagecodecs

    if syntax.uid in _JPEG_BASELINE:
        return _decode_jpeg(encoded, photometric)
    if syntax.uid in _JPEG_LOSSLESS:
        check_end(encoded)
        space = "RGB" if is_color else None
        samples = imagecodecs.jpeg8_decode(encoded, colorspace=space, outcolorspace=space)
        return samples, photometric
    if syntax.uid in _JPEG_LS:
        check_end(encoded)
        return imagecodecs.jpegls_decode(encoded), photometric
    if syntax.uid in _JPEG_2000:
        is_transformed = photometric in ("YBR_RCT", "YBR_ICT")
        return imagecodecs.jpeg2k_decode(encoded), "RGB" if is_transformed else photometric
    if syntax.uid in _JPEG_XL:
        return imagecodecs.jpegxl_decode(encoded), "RGB" if is_color else photometric
    raise UnsupportedImage(f"no codec reads {syntax.name}")


def _decode_jpeg(encoded: bytes, photometric: str) -> tuple[Samples, str]:
    """Decode a lossy JPEG; the photometric interpretation decides on the colours' meaning."""
    import imagecodecs

    check_end(encoded)
    if photometric == "RGB":
        samples = imagecodecs.jpeg8_decode(encoded, colorspace="RGB", outcolorspace="RGB")
    elif photometric.startswith("YBR"):
        samples = imagecodecs.jpeg8_decode(encoded, colorspace="YCBCR", outcolorspace="RGB")
    else:
        samples = imagecodecs.jpeg8_decode(encoded)
    return samples, "RGB" if photometric.startswith("YBR") else photometric


def _decode_rle(description: PixelDescription, encoded: bytes) -> Samples:
    import imagecodecs
    import numpy as np

    check_rle_header(description, encoded)
    dtype = np.dtype(description.dtype).newbyteorder("<")
    decoded = imagecodecs.dicomrle_decode(encoded, dtype)
    flat = np.frombuffer(decoded, dtype).astype(description.dtype)
    return _shape(flat, description, is_planar=True)


def _conform(samples: Samples, description: PixelDescription) -> Samples:
    """Check a decoded frame's shape and give it the description's type.

    A code stream may say another signedness than PixelRepresentation, which is right then: the
    stored bits are extended by it.
    """
    import numpy as np

    shape: tuple[int, ...] = (description.rows, description.columns)
    if description.samples_per_pixel > 1:
        shape = (*shape, description.samples_per_pixel)
    if samples.shape != shape:
        raise UnsupportedImage("the code stream's size is not that of Rows and Columns")
    dtype = np.dtype(description.dtype)
    if samples.dtype == dtype:
        return samples
    if samples.dtype.kind == dtype.kind:
        return samples.astype(dtype)
    return _sign_as(samples.astype(dtype), description)


def _sign_as(samples: np.ndarray[Any, Any], description: PixelDescription) -> Samples:
    shift = description.bits_allocated - description.bits_stored
    if shift <= 0:
        return samples
    return (samples << shift) >> shift
