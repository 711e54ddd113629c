"""Damaged and hostile frames are refused, with a reason, before a codec can do harm."""

from __future__ import annotations

import struct
import tracemalloc
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
import pytest

from nephele.domain.codecs import CodecOptions, CodecOrder, Frame, decode_frame, encode_frame
from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    HTJ2K_LOSSLESS,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS_LOSSLESS,
    JPEG_XL_LOSSLESS,
    RLE_LOSSLESS,
)
from nephele.errors import UnsupportedImage
from tests.unit.domain.codecs.files import describe, encoded_image
from tests.unit.domain.images import Samples, noise

SAMPLES = noise((32, 40), 12)
DESCRIPTION = describe(SAMPLES, bits_stored=12)
EIGHT = noise((32, 40), 8, dtype="uint8")
STREAMS = [
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS_LOSSLESS,
    JPEG_2000_LOSSLESS,
    HTJ2K_LOSSLESS,
    JPEG_XL_LOSSLESS,
]
ENCAPSULATED = [*STREAMS, RLE_LOSSLESS]


def encoded(uid: str, samples: Samples = SAMPLES, **options: Any) -> bytes:
    description = describe(samples, **(options or {"bits_stored": 12}))
    return encode_frame(uid, Frame(samples, "MONOCHROME2"), description, 90)


@pytest.mark.parametrize("uid", ENCAPSULATED)
@pytest.mark.parametrize("order", ["Before", "After", "Disabled"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99], ids=lambda share: f"first {share:.0%}")
def test_truncated(uid: str, order: CodecOrder, share: float) -> None:
    whole = encoded(uid)
    with pytest.raises(UnsupportedImage):
        decode_frame(
            encoded_image(uid, DESCRIPTION), whole[: int(len(whole) * share)], CodecOptions(order)
        )


@pytest.mark.parametrize(
    "uid", [JPEG_LS_LOSSLESS, JPEG_2000_LOSSLESS, HTJ2K_LOSSLESS, JPEG_XL_LOSSLESS]
)
@pytest.mark.parametrize("start", range(400, 1400, 100))
def test_bytes_missing_in_the_middle(uid: str, start: int) -> None:
    whole = encoded(uid)
    with pytest.raises(UnsupportedImage):
        decode_frame(encoded_image(uid, DESCRIPTION), whole[:start] + whole[start + 99 :])


@pytest.mark.parametrize("uid", ENCAPSULATED)
@pytest.mark.parametrize("nothing", [b"", b"\0\0", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\xff" * 99])
def test_no_stream(uid: str, nothing: bytes) -> None:
    with pytest.raises(UnsupportedImage):
        decode_frame(encoded_image(uid, DESCRIPTION), nothing)


OTHERS = [
    pytest.param({"rows": 31}, id="a row less"),
    pytest.param({"rows": 33}, id="a row more"),
    pytest.param({"rows": 40, "columns": 32}, id="turned"),
    pytest.param({"columns": 20, "rows": 64}, id="as many pixels"),
    pytest.param({"samples_per_pixel": 3}, id="colour"),
    pytest.param({"bits_allocated": 8, "bits_stored": 8, "high_bit": 7}, id="fewer bits"),
]


@pytest.mark.parametrize("uid", STREAMS)
@pytest.mark.parametrize("changes", OTHERS)
def test_header_of_another_image(uid: str, changes: dict[str, Any]) -> None:
    other = replace(DESCRIPTION, **changes)
    with pytest.raises(UnsupportedImage):
        decode_frame(encoded_image(uid, other), encoded(uid))


@pytest.mark.parametrize("changes", [OTHERS[0], OTHERS[1], OTHERS[4], OTHERS[5]])
def test_header_of_another_image_over_rle(changes: dict[str, Any]) -> None:
    other = replace(DESCRIPTION, **changes)
    with pytest.raises(UnsupportedImage):
        decode_frame(encoded_image(RLE_LOSSLESS, other), encoded(RLE_LOSSLESS))


@pytest.mark.parametrize("uid", [*ENCAPSULATED, EXPLICIT_VR_LITTLE_ENDIAN])
def test_huge_header_takes_no_memory(uid: str) -> None:
    huge = replace(DESCRIPTION, rows=65535, columns=65535)
    image = encoded_image(uid, huge)
    image = replace(image, is_encapsulated=image.syntax.is_encapsulated)
    tracemalloc.start()
    with pytest.raises(UnsupportedImage, match=r"Rows \(0028,0010\)"):
        decode_frame(image, bytes(1024))
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def _with_size(uid: str, stream: bytes, rows: int, columns: int) -> bytes:
    """Return a stream whose header claims another size."""
    damaged = bytearray(stream)
    if uid in (JPEG_2000_LOSSLESS, HTJ2K_LOSSLESS):
        struct.pack_into(">II", damaged, 8, columns, rows)
        struct.pack_into(">II", damaged, 24, columns, rows)
        return bytes(damaged)
    for marker in (b"\xff\xc1", b"\xff\xc3", b"\xff\xf7"):
        if (position := stream.find(marker)) > 0:
            struct.pack_into(">HH", damaged, position + 5, rows, columns)
            return bytes(damaged)
    raise AssertionError(uid)


@pytest.mark.parametrize("uid", STREAMS[:-1])
def test_huge_stream_is_measured_before_it_is_decoded(uid: str) -> None:
    hostile = _with_size(uid, encoded(uid), 65535, 65535)
    with pytest.raises(UnsupportedImage, match="size is not that of Rows and Columns"):
        decode_frame(encoded_image(uid, DESCRIPTION), hostile)
    agreeing = replace(DESCRIPTION, rows=65535, columns=65535)
    with pytest.raises(UnsupportedImage, match=r"Rows \(0028,0010\)"):
        decode_frame(encoded_image(uid, agreeing), hostile)


def test_limit_is_the_site_s() -> None:
    stream = encoded(JPEG_LS_LOSSLESS)
    image = encoded_image(JPEG_LS_LOSSLESS, DESCRIPTION)
    assert decode_frame(image, stream, CodecOptions(maximum_frame_bytes=32 * 40 * 2))
    with pytest.raises(UnsupportedImage, match="2560 bytes"):
        decode_frame(image, stream, CodecOptions(maximum_frame_bytes=32 * 40 * 2 - 1))


def test_many_tiles_and_components() -> None:
    stream = bytearray(encoded(JPEG_2000_LOSSLESS, noise((400, 400), 12)))
    struct.pack_into(">II", stream, 24, 1, 1)
    image = encoded_image(JPEG_2000_LOSSLESS, replace(DESCRIPTION, rows=400, columns=400))
    with pytest.raises(UnsupportedImage, match="tiles"):
        decode_frame(image, bytes(stream))
    struct.pack_into(">IIIIH", stream, 24, 400, 400, 0, 0, 16384)
    with pytest.raises(UnsupportedImage, match="SamplesPerPixel"):
        decode_frame(image, bytes(stream))


def _rle(*segments: bytes, offsets: list[int] | None = None, count: int | None = None) -> bytes:
    if offsets is None:
        offsets, position = [], 64
        for segment in segments:
            offsets.append(position)
            position += len(segment)
    numbers = [len(segments) if count is None else count, *offsets]
    return struct.pack("<16I", *(numbers + [0] * (16 - len(numbers)))) + b"".join(segments)


def _segment(length: int) -> bytes:
    return bytes(imagecodecs.packbits_encode((bytes(range(256)) * 8)[:length]))


PIXELS = 32 * 40
RLE_FRAMES = [
    pytest.param(_rle(_segment(PIXELS), _segment(PIXELS - 40)), id="second segment short"),
    pytest.param(_rle(_segment(PIXELS - 40), _segment(PIXELS)), id="first segment short"),
    pytest.param(_rle(_segment(PIXELS + 40), _segment(PIXELS + 40)), id="a row too many"),
    pytest.param(_rle(_segment(PIXELS)), id="a segment too few"),
    pytest.param(
        _rle(_segment(PIXELS), _segment(PIXELS), offsets=[64, 99999]), id="offset outside"
    ),
    pytest.param(
        _rle(_segment(PIXELS), _segment(PIXELS), offsets=[64, 2**32 - 1]), id="offset at the end"
    ),
    pytest.param(_rle(_segment(PIXELS), _segment(PIXELS), offsets=[1400, 64]), id="backwards"),
    pytest.param(_rle(_segment(PIXELS), _segment(PIXELS), offsets=[0, 1400]), id="in the header"),
    pytest.param(_rle(_segment(PIXELS), _segment(PIXELS), count=16), id="sixteen segments"),
    pytest.param(_rle(_segment(PIXELS), _segment(PIXELS), count=0), id="no segment"),
]


@pytest.mark.parametrize("order", ["Before", "After", "Disabled"])
@pytest.mark.parametrize("frame", RLE_FRAMES)
def test_rle_segments(frame: bytes, order: CodecOrder) -> None:
    with pytest.raises(UnsupportedImage):
        decode_frame(encoded_image(RLE_LOSSLESS, DESCRIPTION), frame, CodecOptions(order))


@pytest.mark.parametrize("order", ["Before", "After", "Disabled"])
@pytest.mark.parametrize("padding", [b"", b"\0", b"\0\0", b"\x80"], ids=["none", "0", "00", "noop"])
def test_padded_rle_segments_are_read(padding: bytes, order: CodecOrder) -> None:
    segment = _segment(PIXELS)
    frame = _rle(segment + padding, segment + padding)
    image = encoded_image(RLE_LOSSLESS, DESCRIPTION)
    decoded = decode_frame(image, frame, CodecOptions(order)).samples
    low = np.resize(np.arange(256, dtype="uint16"), (32, 40))
    assert np.array_equal(decoded, low << 8 | low)


@pytest.mark.parametrize("uid", [JPEG_BASELINE, JPEG_LS_LOSSLESS, JPEG_2000_LOSSLESS])
def test_stream_of_another_codec(uid: str) -> None:
    other = {JPEG_BASELINE: JPEG_2000_LOSSLESS}.get(uid, JPEG_BASELINE)
    stream = encode_frame(other, Frame(EIGHT, "MONOCHROME2"), describe(EIGHT), 90)
    with pytest.raises(UnsupportedImage):
        decode_frame(encoded_image(uid, describe(EIGHT)), stream)


@pytest.mark.parametrize("suffix", ["4.58", "4.65", "4.94", "4.100", "4.108"])
def test_syntax_that_nobody_reads_is_named(suffix: str) -> None:
    image = encoded_image(f"1.2.840.10008.1.2.{suffix}", describe(EIGHT))
    with pytest.raises(UnsupportedImage, match=r"no codec reads .*[A-Z]"):
        decode_frame(image, encoded(JPEG_LOSSLESS))


def test_stream_that_stops_below_a_shifted_high_bit() -> None:
    shifted = describe(SAMPLES, bits_stored=12, high_bit=15)
    with pytest.raises(UnsupportedImage, match=r"HighBit \(0028,0102\)"):
        decode_frame(encoded_image(JPEG_LS_LOSSLESS, shifted), encoded(JPEG_LS_LOSSLESS))
