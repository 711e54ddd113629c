"""Encoding decoded frames in a transfer syntax."""

from __future__ import annotations

from nephele.domain.codecs.frame import Frame
from nephele.domain.codecs.htj2k import encode_htj2k
from nephele.domain.codecs.jpeg import encode_jpeg, encode_jpeg_lossless
from nephele.domain.codecs.jpeg_2000 import encode_jpeg_2000
from nephele.domain.codecs.jpeg_ls import encode_jpeg_ls
from nephele.domain.codecs.jpeg_xl import encode_jpeg_xl
from nephele.domain.codecs.options import DEFAULT_OPTIONS, CodecOptions
from nephele.domain.codecs.rle import encode_rle
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import JPEG_XL, TransferSyntax, transfer_syntax
from nephele.errors import NotTranscodable


def encode_frame(
    target_uid: str,
    frame: Frame,
    description: PixelDescription,
    lossy_quality: int,
    options: CodecOptions = DEFAULT_OPTIONS,
) -> bytes:
    """Encode one frame in a compressed syntax; `check_encodable` has let its description pass.

    Parameters
    ----------
    lossy_quality : int
        1 to 100, for lossy targets. JPEG takes it as libjpeg does; JPEG 2000 comes as near as a
        PSNR from 20 dB to 60 dB, taken over the range of the frame's samples; JPEG-LS lets a sample
        differ by (100 - quality) / 5; JPEG XL has a distance of 0.1 + 0.09 (100 - quality).

    Raises
    ------
    NotTranscodable
        The samples are such that the target cannot hold them, or the codec refuses them.
    """
    target = transfer_syntax(target_uid)
    try:
        return _encode(target, frame, description, lossy_quality, options)
    except (RuntimeError, ValueError, TypeError, MemoryError) as exc:
        raise NotTranscodable(
            f"PixelData (7fe0,0010): the encoder of {target.name} refuses the frame: choose RLE"
            " Lossless or an uncompressed transfer syntax"
        ) from exc


def _encode(
    target: TransferSyntax,
    frame: Frame,
    description: PixelDescription,
    lossy_quality: int,
    options: CodecOptions,
) -> bytes:
    if target.encoder == "packbits":
        return encode_rle(frame.samples, description, options)
    if target.encoder == "jpegls":
        return encode_jpeg_ls(target, frame, description, lossy_quality)
    if target.encoder == "jpeg2k":
        return encode_jpeg_2000(target, frame, description, lossy_quality, options)
    if target.encoder == "htj2k":
        return encode_htj2k(target, frame, description, lossy_quality)
    if target.encoder == "jpegxl":
        return encode_jpeg_xl(target, frame, description, lossy_quality, options)
    if target.is_lossy:
        return encode_jpeg(frame, description, lossy_quality)
    return encode_jpeg_lossless(target, frame, description)


def encoded_photometric(target_uid: str, frame: Frame) -> str:
    """Return the PhotometricInterpretation (0028,0004) of a frame once it is encoded."""
    photometric = frame.photometric_interpretation
    target = transfer_syntax(target_uid)
    if target.kind == "jpeg" and photometric in ("RGB", "YBR_FULL"):
        return "YBR_FULL_422"
    if target.kind in ("jpeg-2000", "htj2k") and photometric == "RGB":
        return "YBR_ICT" if target.is_lossy else "YBR_RCT"
    if target.uid == JPEG_XL and photometric in ("RGB", "YBR_FULL"):
        return "XYB"
    return photometric
