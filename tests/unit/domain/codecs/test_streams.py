"""What stands in the headers of the streams that are written, byte by byte."""

from __future__ import annotations

import struct
from typing import Any

import imagecodecs
import numpy as np
import pytest

from nephele.domain.codecs import Frame, encode_frame
from nephele.domain.codecs.code_streams import read_header
from nephele.domain.codecs.jpeg_xl_header import read_jpeg_xl_header
from nephele.domain.transfer_syntax import (
    HTJ2K,
    HTJ2K_LOSSLESS,
    HTJ2K_LOSSLESS_RPCL,
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS_LOSSLESS,
    JPEG_LS_NEAR_LOSSLESS,
    RLE_LOSSLESS,
)
from nephele.errors import NotTranscodable, UnsupportedImage
from tests.unit.domain.codecs.files import describe
from tests.unit.domain.codecs.kinds import needs_precision
from tests.unit.domain.codecs.test_lossy import picture
from tests.unit.domain.images import Samples, noise

_RPCL = 2


def encode(uid: str, samples: Samples, photometric: str = "MONOCHROME2", **options: Any) -> bytes:
    description = describe(samples, photometric, **options)
    return encode_frame(uid, Frame(samples, photometric), description, 90)


def segments(stream: bytes) -> dict[int, bytes]:
    """Return the marker segments of a stream's main header, by their marker's second byte."""
    found, position = {}, 2
    while (marker := stream[position + 1]) not in (0x90, 0xDA):
        size = struct.unpack_from(">H", stream, position + 2)[0]
        found[marker] = stream[position + 4 : position + 2 + size]
        position += 2 + size
    size = struct.unpack_from(">H", stream, position + 2)[0]
    return found | {marker: stream[position + 4 : position + 2 + size]}


COLOR = picture(255, dtype="uint8", samples=3)


@pytest.mark.parametrize(
    ("uid", "samples", "bits", "marker", "precision"),
    [
        pytest.param(JPEG_BASELINE, picture(255, dtype="uint8"), 8, 0xC0, 8, id="baseline"),
        pytest.param(JPEG_EXTENDED, picture(4095), 12, 0xC1, 12, id="extended"),
        pytest.param(JPEG_LOSSLESS, picture(4095), 12, 0xC3, 12, id="lossless"),
        pytest.param(JPEG_LOSSLESS_SV1, picture(255), 8, 0xC3, 16, id="lossless, 8 of 16"),
        pytest.param(JPEG_LS_LOSSLESS, picture(4095), 12, 0xF7, 12, id="JPEG-LS"),
        pytest.param(JPEG_LS_LOSSLESS, picture(255), 8, 0xF7, 16, id="JPEG-LS, 8 of 16"),
    ],
)
def test_process_and_precision(
    uid: str, samples: Samples, bits: int, marker: int, precision: int
) -> None:
    frame_header = segments(encode(uid, samples, bits_stored=bits))[marker]
    assert struct.unpack_from(">BHHB", frame_header) == (precision, 64, 80, 1)


@pytest.mark.parametrize(("uid", "predictor"), [(JPEG_LOSSLESS, 6), (JPEG_LOSSLESS_SV1, 1)])
def test_predictor(uid: str, predictor: int) -> None:
    scan = segments(encode(uid, picture(4095), bits_stored=12))[0xDA]
    assert scan[-3] == predictor


def test_chrominance_is_halved_across() -> None:
    frame_header = segments(encode(JPEG_BASELINE, COLOR, "RGB"))[0xC0]
    assert [frame_header[index] for index in (7, 10, 13)] == [0x21, 0x11, 0x11]


def test_lossless_jpeg_says_that_nothing_was_converted() -> None:
    found = segments(encode(JPEG_LOSSLESS_SV1, COLOR, "RGB"))
    assert found[0xEE].startswith(b"Adobe")
    assert found[0xEE][-1] == 0


def test_lossless_jpeg_does_not_call_other_colours_rgb() -> None:
    assert 0xEE not in segments(encode(JPEG_LOSSLESS_SV1, COLOR, "YBR_FULL"))


def test_jpeg_ls_colours_are_by_pixel_and_near_is_in_the_scan() -> None:
    scan = segments(encode(JPEG_LS_NEAR_LOSSLESS, COLOR, "RGB"))[0xDA]
    assert (scan[-3], scan[-2]) == (2, 2)


@pytest.mark.parametrize(
    ("uid", "photometric", "transform", "wavelet"),
    [
        (JPEG_2000_LOSSLESS, "RGB", 1, 1),
        (JPEG_2000_LOSSLESS, "YBR_FULL", 0, 1),
        (JPEG_2000, "RGB", 1, 0),
        (JPEG_2000, "YBR_FULL", 0, 0),
        (HTJ2K_LOSSLESS, "RGB", 1, 1),
        (HTJ2K_LOSSLESS, "YBR_FULL", 0, 1),
        (HTJ2K, "RGB", 1, 0),
        (HTJ2K, "YBR_FULL", 0, 0),
    ],
)
def test_component_transform_and_wavelet(
    uid: str, photometric: str, transform: int, wavelet: int
) -> None:
    coding = segments(encode(uid, COLOR, photometric))[0x52]
    assert (coding[4], coding[9]) == (transform, wavelet)


@pytest.mark.parametrize("size", [(64, 80), (65, 3000), (5, 256), (2500, 2048)])
def test_rpcl_has_lengths_and_a_small_base_resolution(size: tuple[int, int]) -> None:
    samples = np.zeros(size, "uint16")
    samples[0, 0] = 4095
    found = segments(encode(HTJ2K_LOSSLESS_RPCL, samples, bits_stored=12))
    levels = found[0x52][5]
    assert 0x55 in found, "TLM"
    assert found[0x52][1] == _RPCL
    assert max(size) / 2**levels <= 64


@needs_precision
@pytest.mark.parametrize(("columns", "across", "down"), [(1023, 64, 64), (1024, 128, 32)])
def test_code_blocks_of_wide_frames_are_wide(columns: int, across: int, down: int) -> None:
    coding = segments(encode(HTJ2K_LOSSLESS, noise((40, columns), 12), bits_stored=12))[0x52]
    assert (4 << coding[6], 4 << coding[7]) == (across, down)


@pytest.mark.parametrize("size", [(2, 300), (300, 2), (1, 65)])
def test_frame_too_thin_for_a_small_base_resolution(size: tuple[int, int]) -> None:
    with pytest.raises(NotTranscodable, match=r"Rows \(0028,0010\)|Columns \(0028,0011\)"):
        encode(HTJ2K_LOSSLESS_RPCL, noise(size, 12), bits_stored=12)
    assert encode(HTJ2K_LOSSLESS, noise(size, 12), bits_stored=12)


@pytest.mark.parametrize(
    "uid", [JPEG_2000_LOSSLESS, pytest.param(HTJ2K_LOSSLESS, marks=needs_precision)]
)
@pytest.mark.parametrize(
    ("samples", "bits", "depth"),
    [
        pytest.param(picture(4095), 12, 11, id="12 bits"),
        pytest.param(picture(1000, low=-1000, dtype="int16"), 12, 0x80 | 11, id="12 bits, signed"),
        pytest.param(noise((32, 40), 16), 12, 15, id="something above the 12 bits"),
        pytest.param(noise((32, 40), 24, dtype="uint32"), 24, 23, id="24 bits"),
    ],
)
def test_depth_of_jpeg_2000(uid: str, samples: Samples, bits: int, depth: int) -> None:
    assert segments(encode(uid, samples, bits_stored=bits))[0x51][36] == depth


def test_rle_rows_are_encoded_for_themselves() -> None:
    samples = np.full((3, 130), 7, "uint8")
    encoded = encode(RLE_LOSSLESS, samples)
    assert struct.unpack_from("<3I", encoded) == (1, 64, 0)
    assert encoded[64:] == bytes([257 - 128, 7, 255, 7]) * 3


def test_rle_segments_are_bytes_from_the_highest_and_even() -> None:
    samples = np.array([[0x0102, 0x0304, 0x0506]], "uint16")
    encoded = encode(RLE_LOSSLESS, samples)
    assert struct.unpack_from("<3I", encoded) == (2, 64, 68)
    assert encoded[64:] == bytes([2, 1, 3, 5, 2, 2, 4, 6])


@pytest.mark.parametrize("bits", [1, 5, 8, 9, 10, 12, 13, 16])
@pytest.mark.parametrize("size", [(8, 8), (64, 256), (13, 17), (300, 400), (513, 9), (3, 2000)])
def test_header_of_jpeg_xl_is_read(size: tuple[int, int], bits: int) -> None:
    samples = noise(size, bits, dtype="uint8" if bits <= 8 else "uint16")
    options = {"lossless": True, "effort": 3, "bitspersample": bits}
    for is_boxed in (False, True) if bits <= 12 else (True,):
        stream = bytes(imagecodecs.jpegxl_encode(samples, usecontainer=is_boxed, **options))
        header = read_jpeg_xl_header(stream)
        assert (header.rows, header.columns, header.precision) == (*size, bits)


def test_jpeg_xl_with_more_channels_and_of_floats_is_refused() -> None:
    alpha = imagecodecs.jpegxl_encode(noise((8, 8, 4), 8, dtype="uint8"), lossless=True)
    with pytest.raises(UnsupportedImage, match="colour channels"):
        read_header(bytes(alpha))
    floats = imagecodecs.jpegxl_encode(np.zeros((8, 8), "float32"), lossless=True)
    with pytest.raises(UnsupportedImage, match="floating point"):
        read_header(bytes(floats))


def test_header_without_a_size() -> None:
    assert read_header(b"") is None
    assert read_header(b"\xff\x4f\xff\x51\0") is None
    with pytest.raises(UnsupportedImage, match="no code stream"):
        read_header(b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40))
