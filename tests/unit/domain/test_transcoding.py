"""Transcoding, judged by decoders of other makers."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from nephele.domain.codecs import decode_frame
from nephele.domain.frames import open_image, read_frame
from nephele.domain.part10 import inspect_part10
from nephele.domain.transcoding import transcode
from nephele.domain.uids import IMPLEMENTATION_CLASS_UID
from nephele.errors import BadFileFormat, NotTranscodable
from tests.unit.domain.encoded import dicom_file, element, item, meta, test_file
from tests.unit.domain.images import Samples, image_file, noise
from tests.unit.domain.judges import run_judge

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000 = "1.2.840.10008.1.2.4.91"
JPEG = "1.2.840.10008.1.2.4.50"
JPEG_XL = "1.2.840.10008.1.2.4.112"
_LOSSLESS = [IMPLICIT, EXPLICIT, RLE, JPEG_2000_LOSSLESS]
_JUDGES = {
    IMPLICIT: ["dcmconv", "+te"],
    EXPLICIT: ["dcmconv", "+te"],
    RLE: ["dcmdrle"],
    JPEG_2000_LOSSLESS: ["gdcmconv", "--raw"],
    JPEG_2000: ["gdcmconv", "--raw"],
}


def read(encoded: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(encoded))


def judged(encoded: bytes, uid: str, folder: Path) -> Samples:
    """Return the samples that an independent decoder finds, flat."""
    dataset = read(run_judge(_JUDGES[uid], encoded, folder))
    kind = "i" if dataset.PixelRepresentation else "u"
    flat = np.frombuffer(dataset.PixelData, f"<{kind}{dataset.BitsAllocated // 8}")
    count = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel
    return flat[: count * int(dataset.get("NumberOfFrames") or 1)]


SOURCES = [
    pytest.param(noise((16, 16), 8, dtype="uint8"), "MONOCHROME2", {}, id="8 bits"),
    pytest.param(noise((16, 16), 12), "MONOCHROME2", {"bits_stored": 12}, id="12 bits"),
    pytest.param(
        noise((16, 16), 12, is_signed=True, dtype="int16"),
        "MONOCHROME2",
        {"bits_stored": 12},
        id="12 bits, signed",
    ),
    pytest.param(noise((16, 16), 16), "MONOCHROME1", {}, id="16 bits"),
    pytest.param(
        noise((16, 16), 16, is_signed=True, dtype="int16"), "MONOCHROME2", {}, id="16 bits, signed"
    ),
    pytest.param(
        noise((16, 16), 16), "MONOCHROME2", {"bits_stored": 12}, id="something in unused bits"
    ),
    pytest.param(noise((13, 17, 3), 8, dtype="uint8"), "RGB", {}, id="RGB of odd size"),
    pytest.param(noise((8, 8, 3), 8, dtype="uint8"), "YBR_FULL", {}, id="YBR_FULL"),
    pytest.param(noise((3, 16, 16), 12), "MONOCHROME2", {"frames": 3}, id="three frames"),
    pytest.param(
        noise((3, 5, 5, 3), 8, dtype="uint8"), "RGB", {"frames": 3}, id="three odd RGB frames"
    ),
    pytest.param(noise((1, 1), 8, dtype="uint8"), "MONOCHROME2", {}, id="one pixel"),
    pytest.param(noise((1, 50), 16), "MONOCHROME2", {}, id="one row"),
    pytest.param(noise((50, 1), 16), "MONOCHROME2", {}, id="one column"),
    pytest.param(np.zeros((8, 8), np.uint16), "MONOCHROME2", {}, id="constant"),
]


@pytest.mark.parametrize("uid", _LOSSLESS)
@pytest.mark.parametrize("is_implicit_vr", [False, True], ids=["from explicit", "from implicit"])
@pytest.mark.parametrize(("samples", "photometric", "options"), SOURCES)
def test_lossless_is_bit_exact(
    samples: Samples,
    photometric: str,
    options: dict[str, Any],
    is_implicit_vr: bool,
    uid: str,
    tmp_path: Path,
) -> None:
    source = image_file(samples, photometric, is_implicit_vr=is_implicit_vr, **options)
    result = transcode(source, uid)
    assert (result.sop_instance_uid, result.is_lossy) == ("1.2.3.4", False)
    inspected = inspect_part10(io.BytesIO(result.encoded))
    assert inspected.transfer_syntax_uid == result.transfer_syntax_uid == uid
    assert np.array_equal(judged(result.encoded, uid, tmp_path), samples.ravel())


@pytest.mark.parametrize(
    ("name", "uid"),
    [
        (name, uid)
        for name in (
            "MR_small.dcm",
            "MR_small_RLE.dcm",
            "MR_small_bigendian.dcm",
            "MR_small_expb.dcm",
            "MR_small_implicit.dcm",
            "MR_small_jp2klossless.dcm",
            "MR_small_jpeg_ls_lossless.dcm",
        )
        for uid in _LOSSLESS
    ],
)
def test_all_syntaxes_of_one_image_become_the_same(name: str, uid: str, tmp_path: Path) -> None:
    expected = read(test_file("MR_small.dcm")).pixel_array.ravel()
    result = transcode(test_file(name), uid)
    assert np.array_equal(judged(result.encoded, uid, tmp_path), expected)


@pytest.mark.parametrize(
    "name",
    ["SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_rgb_small_odd_jpeg.dcm"],
)
def test_jpeg_of_ybr_becomes_rgb_as_dcmtk_has_it(name: str, tmp_path: Path) -> None:
    expected = read(run_judge(["dcmdjpeg"], test_file(name), tmp_path))
    result = read(transcode(test_file(name), EXPLICIT).encoded)
    assert result.PhotometricInterpretation == expected.PhotometricInterpretation == "RGB"
    assert result.PlanarConfiguration == 0
    assert np.array_equal(result.pixel_array, expected.pixel_array)


@pytest.mark.parametrize(
    ("photometric", "uid", "expected"),
    [
        ("RGB", JPEG_2000_LOSSLESS, "YBR_RCT"),
        ("RGB", JPEG_2000, "YBR_ICT"),
        ("RGB", RLE, "RGB"),
        ("YBR_FULL", JPEG_2000_LOSSLESS, "YBR_FULL"),
        ("YBR_FULL", RLE, "YBR_FULL"),
    ],
)
def test_photometric_interpretation(photometric: str, uid: str, expected: str) -> None:
    source = image_file(noise((8, 8, 3), 8, dtype="uint8"), photometric)
    assert read(transcode(source, uid).encoded).PhotometricInterpretation == expected


def test_subsampled_chrominance_is_repeated_before_it_is_compressed() -> None:
    source = test_file("SC_ybr_full_422_uncompressed.dcm")
    result = transcode(source, RLE)
    assert read(result.encoded).PhotometricInterpretation == "YBR_FULL"
    before, after = open_image(io.BytesIO(source)), open_image(io.BytesIO(result.encoded))
    expected = decode_frame(before, read_frame(before, 0)).samples
    assert np.array_equal(decode_frame(after, read_frame(after, 0)).samples, expected)


def test_planar_color_becomes_color_by_pixel(tmp_path: Path) -> None:
    planes = noise((3, 8, 8), 8, dtype="uint8")
    source = image_file(planes.reshape(8, 8, 3), "RGB", PlanarConfiguration=1)
    result = transcode(source, RLE).encoded
    assert read(result).PlanarConfiguration == 0
    assert np.array_equal(judged(result, RLE, tmp_path), planes.transpose(1, 2, 0).ravel())


_PIXEL_TAGS = {0x00280004, 0x00280006, 0x7FE00010}


@pytest.mark.parametrize("uid", [EXPLICIT, RLE, JPEG_2000_LOSSLESS])
@pytest.mark.parametrize("name", ["CT_small.dcm", "examples_overlay.dcm", "SC_rgb_rle.dcm"])
def test_other_elements_stay_bit_for_bit(name: str, uid: str) -> None:
    source, result = read(test_file(name)), read(transcode(test_file(name), uid).encoded)
    kept = [tag for tag in source.keys() if tag not in _PIXEL_TAGS and tag & 0xFFFF]  # noqa: SIM118
    for tag in kept:
        before, after = source.get_item(tag), result.get_item(tag)
        assert before is not None
        assert after is not None
        assert (before.VR, before.value) == (after.VR, after.value)


@pytest.mark.parametrize(
    "name", ["rtplan.dcm", "test-SR.dcm", "reportsi.dcm", "waveform_ecg.dcm", "CT_small.dcm"]
)
def test_there_and_back_keeps_every_public_element(name: str) -> None:
    source = read(test_file(name))
    there = transcode(test_file(name), IMPLICIT).encoded
    back = read(transcode(there, EXPLICIT).encoded)
    for one, other in ((source, read(there)), (source, back)):
        for element_ in one:
            if not element_.tag.is_private and element_.tag.element:
                assert other[element_.tag] == element_


def test_choice_of_vr_follows_pixel_representation() -> None:
    source = image_file(
        noise((4, 4), 16, is_signed=True, dtype="int16"),
        is_implicit_vr=True,
        SmallestImagePixelValue=-5,
    )
    result = read(transcode(source, EXPLICIT).encoded)
    assert result["SmallestImagePixelValue"].VR == "SS"
    assert result.SmallestImagePixelValue == -5


def test_deflated_is_inflated() -> None:
    source = test_file("image_dfl.dcm")
    assert np.array_equal(
        read(transcode(source, EXPLICIT).encoded).pixel_array, read(source).pixel_array
    )


def test_same_syntax_is_left_alone() -> None:
    source = test_file("CT_small.dcm")
    assert transcode(source, EXPLICIT).encoded is source


def test_file_meta_names_the_writer_and_keeps_the_rest() -> None:
    source, result = (
        read(test_file("CT_small.dcm")),
        read(transcode(test_file("CT_small.dcm"), RLE).encoded),
    )
    assert result.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert result.file_meta.MediaStorageSOPInstanceUID == source.SOPInstanceUID
    kept = source.file_meta.SourceApplicationEntityTitle
    assert result.file_meta.SourceApplicationEntityTitle == kept


@pytest.mark.parametrize("quality", [10, 90])
def test_lossy_result_is_a_derived_instance(quality: int, tmp_path: Path) -> None:
    source = test_file("CT_small.dcm")
    before = read(source)
    result = transcode(source, JPEG_2000, quality)
    after = read(result.encoded)
    assert result.is_lossy
    assert after.SOPInstanceUID == after.file_meta.MediaStorageSOPInstanceUID
    assert after.SOPInstanceUID == result.sop_instance_uid != before.SOPInstanceUID
    assert after.SeriesInstanceUID == before.SeriesInstanceUID
    assert after.ImageType == ["DERIVED", *before.ImageType[1:]]
    assert after.LossyImageCompression == "01"
    assert after.LossyImageCompressionMethod == "ISO_15444_1"
    native = before.Rows * before.Columns * 2
    stream = next(pydicom.encaps.generate_frames(after.PixelData, number_of_frames=1))
    assert float(after.LossyImageCompressionRatio) == pytest.approx(native / len(stream), rel=0.02)
    assert after.SourceImageSequence[0].ReferencedSOPInstanceUID == before.SOPInstanceUID
    assert after.DerivationCodeSequence[0].CodeValue == "113040"
    expected = before.pixel_array.astype(float).ravel()
    error = np.sqrt(((judged(result.encoded, JPEG_2000, tmp_path) - expected) ** 2).mean())
    assert 0 < error < np.ptp(expected) / 10 ** ((20 + 0.4 * quality - 2) / 20)


def test_lossy_uid_is_always_the_same_for_the_same_source() -> None:
    source = test_file("CT_small.dcm")
    other = image_file(noise((8, 8), 8, dtype="uint8"))
    uids = {
        transcode(source, JPEG_2000, 90).sop_instance_uid,
        transcode(source, JPEG_2000, 90).sop_instance_uid,
        transcode(source, JPEG_2000, 80).sop_instance_uid,
        transcode(other, JPEG_2000, 90).sop_instance_uid,
    }
    assert len(uids) == 3
    assert transcode(source, JPEG_2000).encoded == transcode(source, JPEG_2000).encoded


def test_second_lossy_compression_is_added_to_the_first() -> None:
    source = image_file(
        noise((16, 16), 8, dtype="uint8"),
        LossyImageCompressionRatio="5",
        LossyImageCompressionMethod="ISO_10918_1",
    )
    result = read(transcode(source, JPEG_2000).encoded)
    assert result.LossyImageCompressionMethod == ["ISO_10918_1", "ISO_15444_1"]
    assert result.LossyImageCompressionRatio[0] == 5


@pytest.mark.parametrize(
    ("encoded", "uid", "attribute"),
    [
        pytest.param(test_file("rtdose.dcm"), JPEG_2000_LOSSLESS, "BitsStored", id="32 bits"),
        pytest.param(test_file("liver_1frame.dcm"), RLE, "BitsAllocated", id="1 bit"),
        pytest.param(test_file("rtplan.dcm"), RLE, "PixelData", id="no image"),
        pytest.param(test_file("badVR.dcm"), RLE, "NumberOfFrames", id="frames are no number"),
        pytest.param(
            test_file("examples_palette.dcm"), JPEG_2000, "PhotometricInterpretation", id="palette"
        ),
        pytest.param(
            test_file("JPEG2000-embedded-sequence-delimiter.dcm"), RLE, "PixelData", id="damaged"
        ),
        pytest.param(test_file("CT_small.dcm"), "1.2.3", "TransferSyntaxUID", id="no such target"),
        pytest.param(
            meta("1.2.840.10008.1.2.4.102") + dicom_file()[len(meta()) :],
            RLE,
            "TransferSyntaxUID",
            id="video without pixels",
        ),
    ],
)
def test_not_transcodable_names_the_attribute(encoded: bytes, uid: str, attribute: str) -> None:
    with pytest.raises(NotTranscodable, match=attribute):
        transcode(encoded, uid)


def _changed(encoded: bytes, **values: object) -> bytes:
    dataset = read(encoded)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


_GRAY = image_file(noise((8, 8), 8, dtype="uint8"))
_COLORS = image_file(noise((2, 8, 8, 3), 8, dtype="uint8"), "RGB", frames=2)


@pytest.mark.parametrize(
    ("encoded", "attribute"),
    [
        pytest.param(_changed(_COLORS, NumberOfFrames=1), "NumberOfFrames", id="a frame more"),
        pytest.param(
            _changed(_COLORS, PhotometricInterpretation="YBR_FULL_422"),
            "PhotometricInterpretation",
            id="not subsampled",
        ),
    ],
)
def test_native_pixels_that_would_be_lost_are_refused(encoded: bytes, attribute: str) -> None:
    for uid in (RLE, JPEG_2000):
        with pytest.raises(NotTranscodable, match=rf"^{attribute} .*the header is wrong"):
            transcode(encoded, uid)
    assert read(transcode(encoded, IMPLICIT).encoded).PixelData == read(encoded).PixelData


def test_padding_behind_the_last_frame_is_left_out() -> None:
    padded = _changed(_GRAY, PixelData=read(_GRAY).PixelData + bytes(62))
    back = read(transcode(transcode(padded, RLE).encoded, EXPLICIT).encoded)
    assert back.PixelData == read(_GRAY).PixelData


@pytest.mark.parametrize(
    ("encoded", "photometric"),
    [
        pytest.param(_GRAY, "RGB", id="colours of one sample"),
        pytest.param(_COLORS, "MONOCHROME2", id="gray of three samples"),
        pytest.param(_COLORS, "YBR_RCT", id="JPEG 2000's colours"),
        pytest.param(_COLORS, "XYB", id="JPEG XL's colours"),
    ],
)
def test_colours_that_the_header_contradicts_are_not_guessed(
    encoded: bytes, photometric: str
) -> None:
    contradictory = _changed(encoded, PhotometricInterpretation=photometric)
    for uid in (JPEG, JPEG_2000, JPEG_XL):
        with pytest.raises(NotTranscodable, match="PhotometricInterpretation"):
            transcode(contradictory, uid)
    back = read(transcode(transcode(contradictory, RLE).encoded, EXPLICIT).encoded)
    assert back == read(contradictory)


def test_video_is_never_transcoded() -> None:
    dataset = read(test_file("SC_rgb_jpeg_dcmtk.dcm"))
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID("1.2.840.10008.1.2.4.102")
    file = io.BytesIO()
    dataset.save_as(file)
    with pytest.raises(NotTranscodable, match="TransferSyntaxUID"):
        transcode(file.getvalue(), EXPLICIT)


def test_extended_offsets_go_with_the_fragments_they_were_for() -> None:
    dataset = read(test_file("SC_rgb_rle_2frame.dcm"))
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=2))
    extended = pydicom.encaps.encapsulate_extended(frames)
    dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = extended
    file = io.BytesIO()
    dataset.save_as(file)
    result = read(transcode(file.getvalue(), JPEG_2000_LOSSLESS).encoded)
    assert "ExtendedOffsetTable" not in result
    assert np.array_equal(result.pixel_array, read(test_file("SC_rgb_rle_2frame.dcm")).pixel_array)


def test_basic_offset_table_points_at_each_frame() -> None:
    source = image_file(noise((3, 16, 16), 12), frames=3)
    result = read(transcode(source, RLE).encoded)
    offsets = pydicom.encaps.parse_basic_offsets(result.PixelData)
    table = struct.pack("<3I", *offsets)
    assert len(offsets) == 3
    for offset in offsets:
        start = 8 + len(table) + offset
        assert result.PixelData[start : start + 4] == b"\xfe\xff\x00\xe0"


def test_value_too_long_for_its_vr_becomes_un() -> None:
    long = struct.pack("<HHI", 0x0010, 0x4000, 70_000) + b"x" * 70_000
    source = meta(IMPLICIT) + long
    result = transcode(source, EXPLICIT).encoded
    assert read(result).get_item(0x00104000).VR == "UN"
    assert read(result).get_item(0x00104000).value == b"x" * 70_000


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.integers(1, 20),
    columns=st.integers(1, 20),
    bits=st.integers(2, 16),
    is_signed=st.booleans(),
    uid=st.sampled_from([RLE, JPEG_2000_LOSSLESS]),
)
def test_any_size_and_depth_comes_back(
    rows: int, columns: int, bits: int, is_signed: bool, uid: str
) -> None:
    dtype = ("int" if is_signed else "uint") + ("8" if bits <= 8 else "16")
    samples = noise((rows, columns), bits, is_signed=is_signed, dtype=dtype)
    source = image_file(samples, bits_stored=bits)
    back = transcode(transcode(source, uid).encoded, EXPLICIT).encoded
    assert read(back).PixelData == read(source).PixelData


@settings(max_examples=100, deadline=None)
@given(position=st.integers(132, 2000), replacement=st.binary(min_size=1, max_size=8))
def test_damaged_source_is_transcoded_or_refused(position: int, replacement: bytes) -> None:
    damaged = bytearray(test_file("SC_rgb_rle.dcm"))
    damaged[position : position + len(replacement)] = replacement
    try:
        transcode(bytes(damaged), EXPLICIT)
    except (BadFileFormat, NotTranscodable):
        return


def test_nested_sequences_survive_the_change_of_encoding() -> None:
    inner = element(0x00081150, "UI", "1.2") + element(0x00081155, "UI", "1.2.3")
    nested = element(0x00081199, "SQ", item(inner) + item(b""))
    source = dicom_file({0x00081115: element(0x00081115, "SQ", item(nested))})
    there = transcode(source, IMPLICIT).encoded
    assert read(there).ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    back = transcode(there, EXPLICIT).encoded
    assert back[back.index(b"\x08\0\x05\0CS") :] == source[source.index(b"\x08\0\x05\0CS") :]
