"""Code streams that become those of another syntax without being decoded."""

from __future__ import annotations

from nephele.domain.codecs.jpeg_xl_header import is_jpeg_xl
from nephele.domain.transfer_syntax import JPEG_BASELINE, JPEG_XL_JPEG_RECOMPRESSION
from nephele.errors import UnsupportedImage

RECODINGS: frozenset[tuple[str, str]] = frozenset(
    {
        (JPEG_BASELINE, JPEG_XL_JPEG_RECOMPRESSION),
        (JPEG_XL_JPEG_RECOMPRESSION, JPEG_BASELINE),
    }
)
"""Source and target: the pixels stay exactly what they are."""

_START_OF_JPEG = b"\xff\xd8"
_END_OF_JPEG = b"\xff\xd9"


def recode_frame(source_uid: str, target_uid: str, encoded: bytes) -> bytes:
    """Recode one frame; JPEG to JPEG XL and back gives the same bytes, without padding.

    Raises
    ------
    UnsupportedImage
        There is no such recoding, or the frame is not what its syntax says.
    """
    if (source_uid, target_uid) not in RECODINGS:
        raise UnsupportedImage(f"no code stream of {source_uid} becomes one of {target_uid}")
    try:
        if target_uid == JPEG_BASELINE:
            return jpeg_of(encoded)
        return _recompress(encoded)
    except (RuntimeError, ValueError) as exc:
        raise UnsupportedImage("the frame's code stream cannot be recompressed") from exc


def jpeg_of(encoded: bytes) -> bytes:
    """Return the JPEG that a JPEG XL stream was made of."""
    import imagecodecs

    if not is_jpeg_xl(encoded):
        raise UnsupportedImage("the frame does not begin with a code stream")
    return bytes(imagecodecs.jpegxl_decode_jpeg(encoded, numthreads=1))


def _recompress(encoded: bytes) -> bytes:
    import imagecodecs

    end = encoded.rfind(_END_OF_JPEG)
    if not encoded.startswith(_START_OF_JPEG) or end < 0:
        raise UnsupportedImage("the frame's code stream is truncated")
    jpeg = encoded[: end + len(_END_OF_JPEG)]
    recompressed = bytes(imagecodecs.jpegxl_encode_jpeg(jpeg, usecontainer=True, numthreads=1))
    if jpeg_of(recompressed) != jpeg:
        raise UnsupportedImage("the frame's code stream does not come back byte for byte")
    return recompressed
