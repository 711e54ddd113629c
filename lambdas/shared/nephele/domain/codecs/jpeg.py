"""JPEG by libjpeg-turbo, but for lossless encoding. See PS3.5 8.2.1 and A.4.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.domain.codecs.code_streams import check_end
from nephele.domain.codecs.frame import Frame
from nephele.domain.codecs.jpeg_lossless import LEFT, PLANE, encode_lossless
from nephele.domain.codecs.precision import lossy_precision, unsigned, unsigned_precision
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import JPEG_LOSSLESS, TransferSyntax
from nephele.errors import UnsupportedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

_LOSSLESS_MARKERS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_EXTENDED_PRECISION = 12


def decode_jpeg(description: PixelDescription, encoded: bytes, marker: int) -> tuple[Samples, str]:
    """Decode a JPEG stream; lossy YBR becomes RGB.

    Parameters
    ----------
    marker : int
        Second byte of the stream's SOF marker: the stream, not the syntax, says if it is lossless.
    """
    check_end(encoded)
    photometric = description.photometric_interpretation
    if marker in _LOSSLESS_MARKERS:
        return _decode(encoded, _unchanged(description)), photometric
    if not photometric.startswith("YBR"):
        return _decode(encoded, _unchanged(description)), photometric
    return _decode(encoded, ("YCBCR", "RGB")), "RGB"


def encode_jpeg(frame: Frame, description: PixelDescription, lossy_quality: int) -> bytes:
    """Encode in a lossy syntax; the chrominance of colours is halved across (4:2:2).

    Quality is libjpeg's.
    """
    import imagecodecs

    lossy_precision(frame.samples, description)
    if description.samples_per_pixel == 3:
        is_rgb = frame.photometric_interpretation == "RGB"
        options: dict[str, Any] = {
            "colorspace": "RGB" if is_rgb else "YCBCR",
            "outcolorspace": "YCBCR",
            "subsampling": "422",
        }
    else:
        options = {"colorspace": "GRAYSCALE", "outcolorspace": "GRAYSCALE"}
    bits = 8 if description.bits_allocated == 8 else _EXTENDED_PRECISION
    samples = unsigned(frame.samples)
    return bytes(imagecodecs.jpeg8_encode(samples, lossy_quality, bitspersample=bits, **options))


def encode_jpeg_lossless(
    syntax: TransferSyntax, frame: Frame, description: PixelDescription
) -> bytes:
    """Encode in a lossless syntax; colours stay what they are.

    Where any predictor may be taken, the one of a plane does best on most images.
    """
    precision = unsigned_precision(frame.samples, description)
    predictor = PLANE if syntax.uid == JPEG_LOSSLESS else LEFT
    is_rgb = frame.photometric_interpretation == "RGB"
    return encode_lossless(unsigned(frame.samples), precision, predictor, is_rgb=is_rgb)


def _unchanged(description: PixelDescription) -> tuple[str, str] | None:
    return ("RGB", "RGB") if description.samples_per_pixel == 3 else None


def _decode(encoded: bytes, spaces: tuple[str, str] | None) -> Samples:
    import imagecodecs

    stored, wanted = spaces or (None, None)
    samples: Samples = imagecodecs.jpeg8_decode(encoded, colorspace=stored, outcolorspace=wanted)
    if samples.size == 0:
        raise UnsupportedImage("the frame's code stream is damaged")
    return samples
