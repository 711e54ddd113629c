"""What FFmpeg finds in JPEG 2000 and its High-Throughput kind, by a decoder of its own."""

from __future__ import annotations

import av
import numpy as np

from tests.transcoding.judges import frames_of, read
from tests.unit.domain.images import Samples

READS = ("j2k lossless", "j2k", "htj2k lossless", "htj2k rpcl", "htj2k")
_SSIZ = 42
"""Where SIZ tells the first component's precision and sign, behind SOC (ISO/IEC 15444-1, A.5.1)."""


def decode_by_ffmpeg(encoded: bytes) -> Samples:
    """Return the samples, of shape `(frames, rows, columns[, 3])`."""
    return np.stack([_frame(stream) for stream in frames_of(read(encoded))])


def _frame(stream: bytes) -> Samples:
    """Decode a stream; FFmpeg moves samples to the high bits of its formats, and up to 0."""
    decoder = av.VideoCodecContext.create("jpeg2000", "r")
    (picture,) = [*decoder.decode(av.Packet(stream)), *decoder.decode(None)]
    precision, is_signed = (stream[_SSIZ] & 0x7F) + 1, bool(stream[_SSIZ] & 0x80)
    samples = picture.to_ndarray().astype("int64") >> picture.format.components[0].bits - precision
    return samples - (1 << precision - 1 if is_signed else 0)
