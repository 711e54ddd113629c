"""Previews: against Orthanc's own, and rule by rule."""

from __future__ import annotations

import hashlib
import io
import struct
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

from nephele.domain.codecs import CodecOptions, decode_frame
from nephele.domain.frames import open_image, read_frame
from nephele.domain.rendering import decode_picture, open_pixels, preview
from nephele.errors import BadFileFormat, InexistentItem, NepheleError, UnsupportedImage
from tests.unit.domain.encoded import dicom_file, real_file, test_file
from tests.unit.domain.images import Samples, image_file, noise
from tests.unit.domain.pictures import picture_of
from tests.unit.domain.test_part10 import ORTHANC

_WITH_PREVIEW = [name for name, answer in ORTHANC.items() if "preview" in answer]


def shown(encoded: bytes, frame: int = 0) -> Samples:
    return preview(picture_of(encoded, frame))


@pytest.mark.parametrize("name", _WITH_PREVIEW)
def test_preview_has_the_samples_of_orthanc_s(name: str) -> None:
    samples = shown(real_file(name))
    digest = hashlib.sha256(str(samples.shape).encode() + samples.tobytes()).hexdigest()
    assert digest == ORTHANC[name]["preview"]


def test_grayscale_is_stretched_and_rounded() -> None:
    samples = np.array([[-100, 0], [27, 155]], np.int16)
    assert shown(image_file(samples)).tolist() == [[0, 100], [127, 255]]


def test_monochrome1_is_inverted() -> None:
    samples = np.array([[0, 255]], np.uint8)
    assert shown(image_file(samples, "MONOCHROME1")).tolist() == [[255, 0]]


def test_constant_image_is_black() -> None:
    assert shown(image_file(np.full((2, 2), 7, np.uint16))).max() == 0


def test_bits_that_are_not_stored_do_not_count() -> None:
    samples = np.array([[0xF000, 0x0FFF]], np.uint16)
    assert shown(image_file(samples, bits_stored=12)).tolist() == [[0, 255]]


def test_stored_sign_is_extended() -> None:
    samples = np.array([[0x0FFF, 0x0001]], np.int16)
    assert shown(image_file(samples, bits_stored=12)).tolist() == [[0, 255]]


def test_color_of_16_bits_becomes_8() -> None:
    samples = np.array([[[0x0100, 0x80FF, 0xFFFF]]], np.uint16)
    assert shown(image_file(samples, "RGB")).tolist() == [[[1, 0x80, 255]]]


def test_planar_color() -> None:
    samples = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    encoded = image_file(samples.reshape(2, 2, 3), "RGB", PlanarConfiguration=1)
    assert np.array_equal(shown(encoded), samples.transpose(1, 2, 0))


def test_native_ybr_becomes_rgb() -> None:
    expected = pydicom.dcmread(io.BytesIO(test_file("SC_rgb_small_odd.dcm"))).pixel_array
    red, green, blue = (expected[..., channel].astype(float) for channel in range(3))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    ybr = np.stack([luma, 128 + (blue - luma) / 1.772, 128 + (red - luma) / 1.402], axis=-1)
    samples = shown(image_file(np.rint(ybr).clip(0, 255).astype(np.uint8), "YBR_FULL"))
    assert np.abs(samples.astype(int) - expected).max() <= 2


def test_subsampled_ybr_is_shown() -> None:
    assert shown(test_file("SC_ybr_full_422_uncompressed.dcm")).shape == (100, 100, 3)


@pytest.mark.parametrize("frame", [0, 1])
def test_frames_of_one_bit_may_begin_within_a_byte(frame: int) -> None:
    bits = np.array([1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1], np.uint8)
    packed = np.packbits(bits, bitorder="little").reshape(1, 2)
    encoded = image_file(
        packed, Rows=1, Columns=7, NumberOfFrames=2, BitsAllocated=1, BitsStored=1, HighBit=0
    )
    assert (shown(encoded, frame)[0] // 255).tolist() == bits[7 * frame : 7 * frame + 7].tolist()


def _with_table(name: str, has_table: bool) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(test_file(name)))
    frames = list(
        pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=dataset.NumberOfFrames)
    )
    dataset.PixelData = pydicom.encaps.encapsulate(frames, has_bot=has_table)
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


@pytest.mark.parametrize("has_table", [True, False], ids=["offset table", "one fragment each"])
def test_encapsulated_frames_are_told_apart(has_table: bool) -> None:
    encoded = _with_table("SC_rgb_rle_2frame.dcm", has_table)
    expected = pydicom.dcmread(io.BytesIO(encoded)).pixel_array
    for frame in (0, 1):
        assert np.array_equal(shown(encoded, frame), expected[frame])


def test_frames_in_several_fragments_are_told_apart_by_their_markers() -> None:
    dataset = pydicom.dcmread(io.BytesIO(real_file("test_files/examples_ybr_color.dcm")))
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=30))[:3]
    dataset.NumberOfFrames = 3
    halves = [
        part
        for frame in frames
        for part in (frame[: len(frame) // 4 * 2], frame[len(frame) // 4 * 2 :])
    ]
    dataset.PixelData = pydicom.encaps.encapsulate(halves, has_bot=False)
    file = io.BytesIO()
    dataset.save_as(file)
    for index in range(3):
        original = shown(real_file("test_files/examples_ybr_color.dcm"), index)
        assert np.array_equal(shown(file.getvalue(), index), original)


@pytest.mark.parametrize(
    "name",
    [
        "693_J2KI.dcm",
        "J2K_pixelrep_mismatch.dcm",
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_jp2klossless.dcm",
        "SC_rgb_rle_16bit.dcm",
        "SC_rgb_rle_32bit.dcm",
        "SC_rgb_small_odd_big_endian.dcm",
        "rtdose_rle_1frame.dcm",
        "liver_expb_1frame.dcm",
    ],
)
def test_samples_are_those_of_an_independent_decoder(name: str) -> None:
    encoded = test_file(name)
    image = open_image(io.BytesIO(encoded))
    samples = decode_frame(image, read_frame(image, 0)).samples
    expected = pydicom.dcmread(io.BytesIO(encoded)).pixel_array
    assert np.array_equal(samples, expected)


_SMALL = image_file(noise((4, 4), 8, dtype="uint8"))


@pytest.mark.parametrize(
    ("encoded", "error"),
    [
        pytest.param(dicom_file(), UnsupportedImage, id="no pixel data"),
        pytest.param(b"GIF89a" * 50, BadFileFormat, id="no DICOM"),
        pytest.param(test_file("badVR.dcm"), UnsupportedImage, id="frames are no number"),
        pytest.param(
            image_file(noise((4, 4), 8, dtype="uint8"), Rows=100), UnsupportedImage, id="too short"
        ),
        pytest.param(
            image_file(noise((4, 4), 8, dtype="uint8"), Rows=0), UnsupportedImage, id="no rows"
        ),
        pytest.param(
            image_file(noise((4, 4), 8, dtype="uint8"), "PALETTE COLOR"),
            UnsupportedImage,
            id="no palette",
        ),
        pytest.param(
            image_file(noise((4, 4), 8, dtype="uint8"), "NONSENSE"),
            UnsupportedImage,
            id="unknown photometric interpretation",
        ),
    ],
)
def test_cannot_be_shown(encoded: bytes, error: type[NepheleError]) -> None:
    with pytest.raises(error):
        shown(encoded)


@pytest.mark.parametrize("frame", [-1, 1])
def test_no_such_frame(frame: int) -> None:
    with pytest.raises(InexistentItem):
        shown(_SMALL, frame)


@pytest.mark.parametrize(
    "name",
    ["JPGExtended.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_jpeg_gdcm.dcm", "MR_small_RLE.dcm",
     "MR_small_jpeg_ls_lossless.dcm", "examples_jpeg2k.dcm"],
)  # fmt: skip
def test_truncated_code_stream_is_refused(name: str) -> None:
    dataset = pydicom.dcmread(io.BytesIO(test_file(name)))
    stream = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = pydicom.encaps.encapsulate([stream[: len(stream) // 4 * 2]])
    file = io.BytesIO()
    dataset.save_as(file)
    with pytest.raises(UnsupportedImage):
        shown(file.getvalue())


def test_only_the_header_and_the_frame_are_read() -> None:
    class Counted(io.BytesIO):
        bytes_read = 0

        def read(self, size: int | None = -1, /) -> bytes:
            part = super().read(size)
            self.bytes_read += len(part)
            return part

    file = Counted(image_file(noise((64, 128, 128), 8, dtype="uint8"), frames=64))
    decode_picture(open_pixels(file), 63)
    assert file.bytes_read < 200_000


def test_palette_of_8_bit_entries_and_first_sample() -> None:
    attributes: dict[str, Any] = {}
    for offset, color in enumerate(("Red", "Green", "Blue")):
        attributes[f"{color}PaletteColorLookupTableDescriptor"] = [4, 10, 8]
        attributes[f"{color}PaletteColorLookupTableData"] = bytes(
            value + offset for value in (0, 50, 100, 200)
        )
    samples = np.array([[0, 10, 11, 13, 200]], np.uint8)
    expected = [[[value, value + 1, value + 2] for value in (0, 0, 50, 200, 200)]]
    assert shown(image_file(samples, "PALETTE COLOR", **attributes)).tolist() == expected


def test_rle_of_pydicom_is_read() -> None:
    dataset = pydicom.dcmread(io.BytesIO(_SMALL))
    expected = dataset.pixel_array
    dataset.compress(RLELossless, generate_instance_uid=False)
    file = io.BytesIO()
    dataset.save_as(file)
    image = open_image(file)
    assert np.array_equal(decode_frame(image, read_frame(image, 0)).samples, expected)


def _damaged_rle(changes: dict[int, int]) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(test_file("SC_rgb_rle.dcm")))
    frame = bytearray(next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1)))
    for position, value in changes.items():
        struct.pack_into("<I", frame, 4 * position, value)
    dataset.PixelData = pydicom.encaps.encapsulate([bytes(frame)])
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({0: 2}, id="too few segments"),
        pytest.param({0: 0xFFFFFFFF}, id="far too many"),
        pytest.param({1: 0}, id="a segment within the header"),
        pytest.param({3: 0xFFFFFFF0}, id="a segment beyond the end"),
        pytest.param({2: 500}, id="segments out of order"),
    ],
)
def test_rle_segments_outside_of_the_frame_are_refused(changes: dict[int, int]) -> None:
    with pytest.raises(UnsupportedImage):
        shown(_damaged_rle(changes))


@pytest.mark.parametrize(
    ("name", "marker", "offset"),
    [
        pytest.param("SC_rgb_jpeg_dcmtk.dcm", b"\xff\xc0", 5, id="JPEG"),
        pytest.param("MR_small_jpeg_ls_lossless.dcm", b"\xff\xf7", 5, id="JPEG-LS"),
        pytest.param("MR_small_jp2klossless.dcm", b"\xff\x4f\xff\x51", 8, id="JPEG 2000"),
    ],
)
def test_size_that_a_stream_claims_is_not_believed(name: str, marker: bytes, offset: int) -> None:
    encoded = bytearray(test_file(name))
    position = encoded.index(marker) + offset
    encoded[position : position + 4] = b"\x7f\xff\x7f\xff"
    with pytest.raises(UnsupportedImage, match=r"size|tiles"):
        shown(encoded)


def test_frames_above_the_limit_are_not_rendered() -> None:
    encoded = image_file(noise((16, 16), 8, dtype="uint8"))
    image, limit = open_pixels(io.BytesIO(encoded)), CodecOptions(maximum_frame_bytes=255)
    with pytest.raises(UnsupportedImage, match="255 are allowed"):
        decode_picture(image, 0, limit)
