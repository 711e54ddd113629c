"""What is done with each frame: from the source's encoding to the target's.

Calls are made from several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from nephele.domain.codecs import (
    RECODINGS,
    CodecOptions,
    Frame,
    check_encodable,
    decode_frame,
    encode_frame,
    encode_native,
    encoded_photometric,
    recode_frame,
)
from nephele.domain.codecs.options import DEFAULT_OPTIONS
from nephele.domain.frames import Image
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.errors import NotTranscodable, UnsupportedImage


class EncodedFrame(NamedTuple):
    """A frame in the target's encoding, and its PhotometricInterpretation (0028,0004)."""

    data: bytes | memoryview
    photometric: str


FrameWork = Callable[[tuple[int, bytes]], EncodedFrame]
"""Takes the number of a frame and its bytes."""


def frame_work(
    image: Image,
    target: TransferSyntax,
    lossy_quality: int,
    options: CodecOptions = DEFAULT_OPTIONS,
) -> FrameWork:
    """Return what encodes frames of an image in the target's syntax.

    Raises
    ------
    NotTranscodable
        The target cannot hold such pixels.
    """
    description = image.description
    if is_recoding(image.syntax, target):
        photometric = description.photometric_interpretation
        return _naming_frames(
            lambda encoded: EncodedFrame(
                recode_frame(image.syntax.uid, target.uid, encoded), photometric
            )
        )
    check_encodable(target.uid, description)

    def work(encoded: bytes) -> EncodedFrame:
        frame = decode_frame(image, encoded, options)
        photometric = encoded_photometric(target.uid, frame)
        if not target.is_encapsulated:
            return EncodedFrame(native_bytes(frame, description), photometric)
        data = encode_frame(target.uid, frame, description, lossy_quality, options)
        return EncodedFrame(data, photometric)

    return _naming_frames(work)


def _naming_frames(work: Callable[[bytes], EncodedFrame]) -> FrameWork:
    """Let errors say in which frame something is wrong."""

    def named(numbered: tuple[int, bytes]) -> EncodedFrame:
        number, encoded = numbered
        try:
            return work(encoded)
        except UnsupportedImage as exc:
            raise NotTranscodable(f"PixelData (7fe0,0010), frame {number}: {exc}") from exc

    return named


def decode(image: Image, encoded: bytes, options: CodecOptions) -> Frame:
    """Decode one frame; UnsupportedImage if no codec reads it."""
    return decode_frame(image, encoded, options)


def native_bytes(frame: Frame, description: PixelDescription) -> memoryview:
    """Encode a frame's samples in Little Endian, colour by pixel."""
    return encode_native(frame.samples, description)


def is_recoding(source: TransferSyntax, target: TransferSyntax) -> bool:
    """Tell whether code streams become those of the target without being decoded."""
    return (source.uid, target.uid) in RECODINGS
