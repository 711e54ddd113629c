"""Decoding one frame to samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.domain.codecs.code_streams import check_frame_size, check_header
from nephele.domain.codecs.conforming import conform
from nephele.domain.codecs.frame import EncodedImage, Frame
from nephele.domain.codecs.jpeg import decode_jpeg
from nephele.domain.codecs.jpeg_2000 import decode_jpeg_2000
from nephele.domain.codecs.jpeg_ls import decode_jpeg_ls
from nephele.domain.codecs.jpeg_xl import decode_jpeg_xl
from nephele.domain.codecs.native import decode_native
from nephele.domain.codecs.options import DEFAULT_OPTIONS, CodecOptions
from nephele.domain.codecs.recoding import jpeg_of
from nephele.domain.codecs.rle import decode_rle
from nephele.domain.codecs.stream_header import StreamHeader
from nephele.domain.codecs.working_memory import check_working_memory
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import JPEG_XL_JPEG_RECOMPRESSION, TransferSyntax
from nephele.errors import UnsupportedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]


def decode_frame(
    image: EncodedImage, encoded: bytes, options: CodecOptions = DEFAULT_OPTIONS
) -> Frame:
    """Decode the bytes of one frame.

    Samples keep all the bits that are allocated. JPEG's YBR becomes RGB, so does that of JPEG 2000
    with its component transform; native subsampled chrominance is repeated.

    Raises
    ------
    UnsupportedImage
        No codec reads the frame, it is damaged, or larger than the options allow.
    """
    description, syntax = image.description, image.syntax
    check_frame_size(description, options)
    try:
        if not image.is_encapsulated:
            return decode_native(description, encoded, is_little_endian=syntax.is_little_endian)
        if syntax.decoder is None or not syntax.is_encapsulated:
            raise UnsupportedImage(f"no codec reads fragments of {syntax.name}")
        check_working_memory(description, options, decoded=syntax)
        return _decode_encapsulated(description, syntax, encoded, options)
    except (RuntimeError, ValueError, TypeError, MemoryError) as exc:
        raise UnsupportedImage("the frame's code stream is damaged") from exc


def _decode_encapsulated(
    description: PixelDescription, syntax: TransferSyntax, encoded: bytes, options: CodecOptions
) -> Frame:
    photometric = description.photometric_interpretation
    if syntax.decoder == "packbits":
        return Frame(decode_rle(description, encoded, options), _resampled(photometric))
    if syntax.uid == JPEG_XL_JPEG_RECOMPRESSION:
        # The decoder of the JPEG gives the pixels that the JPEG gives, to the last bit.
        encoded = jpeg_of(encoded)
    header = check_header(description, encoded)
    samples, photometric = _decode_stream(description, syntax, encoded, header, options)
    samples = conform(samples, description, header, is_rounded=syntax.kind == "jpeg")
    return Frame(samples, _resampled(photometric))


def _decode_stream(
    description: PixelDescription,
    syntax: TransferSyntax,
    encoded: bytes,
    header: StreamHeader,
    options: CodecOptions,
) -> tuple[Samples, str]:
    """Decode a code stream and return its samples' photometric interpretation with them."""
    photometric = description.photometric_interpretation
    if syntax.decoder == "jpeg8" or syntax.uid == JPEG_XL_JPEG_RECOMPRESSION:
        return decode_jpeg(description, encoded, header.marker)
    if syntax.decoder == "jpegls":
        return decode_jpeg_ls(description, encoded), photometric
    if syntax.decoder == "jpegxl":
        return decode_jpeg_xl(encoded, options), "RGB" if photometric == "XYB" else photometric
    return decode_jpeg_2000(description, encoded, options)


def _resampled(photometric: str) -> str:
    """Return the name of what has a chrominance for each pixel, as decoded samples have."""
    return "YBR_FULL" if photometric == "YBR_FULL_422" else photometric
