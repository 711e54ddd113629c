"""Big endian, deflated and float: what changes bytes without a codec; and what stands beside."""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from nephele.domain import inflate
from nephele.domain.transcoding import TARGETS, deflating, transcode
from nephele.errors import BadFileFormat, NothingToTranscode, NotTranscodable
from tests.unit.domain.encoded import data_set, dicom_file, element, item, meta, test_file
from tests.unit.domain.images import Samples, image_file, noise
from tests.unit.domain.judges import run_judge

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"
JPEG = "1.2.840.10008.1.2.4.50"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_XL_RECOMPRESSION = "1.2.840.10008.1.2.4.111"


def read(encoded: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(encoded))


def explicit_by_dcmtk(encoded: bytes, folder: Path) -> Dataset:
    return read(run_judge(["dcmconv", "+te"], encoded, folder))


NATIVE = [
    pytest.param(noise((5, 7), 8, dtype="uint8"), "MONOCHROME2", {}, id="8 bits, odd size"),
    pytest.param(noise((5, 7), 12), "MONOCHROME2", {"bits_stored": 12}, id="12 bits"),
    pytest.param(noise((6, 4), 16, is_signed=True, dtype="int16"), "MONOCHROME2", {}, id="signed"),
    pytest.param(noise((3, 5, 5, 3), 8, dtype="uint8"), "RGB", {"frames": 3}, id="odd frames"),
]


@pytest.mark.parametrize("uid", [BIG_ENDIAN, DEFLATED])
@pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT, RLE])
@pytest.mark.parametrize(("samples", "photometric", "options"), NATIVE)
def test_dcmtk_reads_what_is_written(
    samples: Samples,
    photometric: str,
    options: dict[str, Any],
    way: str,
    uid: str,
    tmp_path: Path,
) -> None:
    source = transcode(image_file(samples, photometric, **options), way).encoded
    result = transcode(source, uid)
    dataset = explicit_by_dcmtk(result.encoded, tmp_path)
    assert read(result.encoded).file_meta.TransferSyntaxUID == uid
    assert dataset.PixelData[: samples.nbytes] == samples.tobytes()
    back = transcode(result.encoded, EXPLICIT).encoded
    assert read(back).PixelData[: samples.nbytes] == samples.tobytes()


@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "rtplan.dcm", "test-SR.dcm", "waveform_ecg.dcm", "examples_palette.dcm"],
)
def test_big_endian_has_the_elements_that_dcmtk_finds(name: str, tmp_path: Path) -> None:
    there = transcode(test_file(name), BIG_ENDIAN).encoded
    ours, before = explicit_by_dcmtk(there, tmp_path), read(test_file(name))
    for element_ in before:
        if not element_.tag.is_private and element_.tag.element:
            assert ours[element_.tag] == element_
    back = transcode(there, EXPLICIT).encoded
    assert read(back) == before


def test_lut_and_overlay_words_are_swapped(tmp_path: Path) -> None:
    lut = struct.pack("<4H", 1, 2, 0x1234, 0xFFFE)
    source = dicom_file(
        {
            0x00281101: element(0x00281101, "US", struct.pack("<3H", 4, 0, 16)),
            0x00281201: element(0x00281201, "OW", lut),
            0x60003000: element(0x60003000, "OW", lut),
        }
    )
    result = transcode(source, BIG_ENDIAN).encoded
    assert struct.pack(">4H", 1, 2, 0x1234, 0xFFFE) in result
    dataset = explicit_by_dcmtk(result, tmp_path)
    assert dataset.RedPaletteColorLookupTableData == lut
    assert dataset[0x60003000].value == lut


@pytest.mark.parametrize(
    ("name", "uid"), [("rtdose.dcm", BIG_ENDIAN), ("rtdose_expb.dcm", EXPLICIT)]
)
def test_words_of_32_bits_are_not_guessed(name: str, uid: str) -> None:
    with pytest.raises(NotTranscodable, match="BitsAllocated"):
        transcode(test_file(name), uid)


def test_float_pixels_are_swapped_and_never_compressed() -> None:
    value = struct.pack("<4f", 1.5, -2, 0, 1e30)
    source = dicom_file({0x7FE00008: element(0x7FE00008, "OF", value)})
    result = transcode(source, BIG_ENDIAN).encoded
    assert struct.pack(">4f", 1.5, -2, 0, 1e30) in result
    assert transcode(result, EXPLICIT).encoded.endswith(value)
    with pytest.raises(NothingToTranscode, match="PixelData"):
        transcode(source, RLE)


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(test_file("rtplan.dcm"), id="missing"),
        pytest.param(dicom_file({0x7FE00010: element(0x7FE00010, "OW", b"")}), id="empty"),
        pytest.param(meta("1.2.840.10008.1.2.4.102") + data_set(), id="video"),
        pytest.param(meta("1.2.840.10008.1.2.4.94") + data_set(), id="pixels elsewhere"),
        pytest.param(meta("1.2.3") + data_set(), id="unknown syntax"),
    ],
)
def test_what_has_nothing_to_compress_says_so(encoded: bytes) -> None:
    with pytest.raises(NothingToTranscode):
        transcode(encoded, RLE)


def test_empty_pixel_data_stay_empty_in_native_syntaxes() -> None:
    source = dicom_file({0x7FE00010: element(0x7FE00010, "OW", b"")})
    assert read(transcode(source, IMPLICIT).encoded).PixelData in (b"", None)


def with_tail(pixel_data: bytes, uid: str = EXPLICIT) -> bytes:
    dataset = read(image_file(noise((4, 4), 8, dtype="uint8")))
    del dataset.PixelData
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(uid)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue() + pixel_data + element(0xFFFCFFFC, "OB", b"\0" * 6)


@pytest.mark.parametrize("uid", [IMPLICIT, BIG_ENDIAN, DEFLATED, RLE, JPEG_LOSSLESS])
def test_what_stands_behind_the_pixels_stays(uid: str) -> None:
    source = with_tail(element(0x7FE00010, "OB", bytes(range(16))))
    there = transcode(source, uid).encoded
    assert read(there)[0xFFFCFFFC].value == b"\0" * 6
    assert transcode(there, EXPLICIT).encoded.endswith(source[-34:])


def test_a_second_pixel_data_element_is_left_out() -> None:
    source = with_tail(element(0x7FE00010, "OB", bytes(16)) * 2)
    assert read(transcode(source, RLE).encoded)[0xFFFCFFFC].value == b"\0" * 6


@pytest.mark.parametrize("cut", [3, 12, 40])
def test_pixels_that_end_too_early_are_refused(cut: int) -> None:
    source = image_file(noise((4, 4), 8, dtype="uint8"))[:-cut]
    for uid in (IMPLICIT, RLE, DEFLATED):
        with pytest.raises((BadFileFormat, NotTranscodable)):
            transcode(source, uid)


def test_encapsulated_pixels_without_an_end_are_refused() -> None:
    source = transcode(image_file(noise((4, 4), 8, dtype="uint8")), RLE).encoded
    with pytest.raises(BadFileFormat, match="end"):
        transcode(source[:-8], EXPLICIT)


def icon_file(pixel_data: bytes, uid: str, depth: int = 1) -> bytes:
    """Encode an image with an icon of 4 x 4, nested as deep as asked."""
    icon = Dataset()
    icon.SamplesPerPixel, icon.PhotometricInterpretation = 1, "MONOCHROME2"
    icon.Rows = icon.Columns = 4
    icon.BitsAllocated, icon.BitsStored, icon.HighBit, icon.PixelRepresentation = 8, 8, 7, 0
    icon.PixelData = pixel_data
    icon["PixelData"].VR = "OB"
    icon["PixelData"].is_undefined_length = True
    for _ in range(depth - 1):
        outer = Dataset()
        outer.IconImageSequence = [icon]
        icon = outer
    dataset = read(transcode(image_file(noise((6, 6), 8, dtype="uint8")), uid).encoded)
    dataset.IconImageSequence = [icon]
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("uid", [EXPLICIT, IMPLICIT, JPEG_2000_LOSSLESS])
def test_compressed_icons_become_native(uid: str, depth: int) -> None:
    samples = noise((4, 4), 8, dtype="uint8")
    coded = pydicom.encaps.get_frame(
        read(transcode(image_file(samples), RLE).encoded).PixelData, 0, number_of_frames=1
    )
    result = read(transcode(icon_file(encapsulate([coded]), RLE, depth), uid).encoded)
    icon = result
    for _ in range(depth):
        icon = icon.IconImageSequence[0]
    assert icon.PixelData == samples.tobytes()
    assert not icon["PixelData"].is_undefined_length
    assert np.array_equal(result.pixel_array, noise((6, 6), 8, dtype="uint8"))


def test_a_damaged_icon_is_refused_by_its_sequence() -> None:
    source = icon_file(encapsulate([b"nothing"]), RLE)
    with pytest.raises(NotTranscodable, match="0088,0200"):
        transcode(source, EXPLICIT)


def test_native_icons_stay_as_they_are() -> None:
    icon = b"".join(
        (
            element(0x00280010, "US", b"\1\0"),
            element(0x7FE00010, "OW", b"\1\2"),
        )
    )
    samples = image_file(noise((6, 6), 8, dtype="uint8"))
    at = samples.index(struct.pack("<HH", 0x7FE0, 0x0010) + b"OB")
    sequence = element(0x00880200, "SQ", item(icon))
    result = transcode(samples[:at] + sequence + samples[at:], RLE).encoded
    assert sequence in result


def test_overlays_in_unused_bits_keep_a_lossy_target_away() -> None:
    source = image_file(noise((8, 8), 8, dtype="uint16"), bits_stored=8)
    dataset = read(source)
    dataset.add_new(0x60000102, "US", 12)
    file = io.BytesIO()
    dataset.save_as(file)
    with pytest.raises(NotTranscodable, match=r"OverlayBitPosition \(6000,0102\)"):
        transcode(file.getvalue(), "1.2.840.10008.1.2.4.91")
    assert not transcode(file.getvalue(), RLE).is_lossy


def test_jpeg_recompressed_as_jpeg_xl_stays_the_same_instance() -> None:
    source = test_file("SC_rgb_small_odd_jpeg.dcm")
    before = read(source)
    there = transcode(source, JPEG_XL_RECOMPRESSION)
    assert not there.is_lossy
    back = transcode(there.encoded, JPEG)
    assert not back.is_lossy
    assert back.sop_instance_uid == there.sop_instance_uid == before.SOPInstanceUID
    streams = [
        pydicom.encaps.get_frame(one.PixelData, 0, number_of_frames=1).rstrip(b"\0")
        for one in (before, read(back.encoded))
    ]
    assert streams[0] == streams[1]


@pytest.mark.parametrize(
    ("uid", "method"),
    [
        (JPEG, "ISO_10918_1"),
        ("1.2.840.10008.1.2.4.51", "ISO_10918_1"),
        ("1.2.840.10008.1.2.4.81", "ISO_14495_1"),
        ("1.2.840.10008.1.2.4.91", "ISO_15444_1"),
        ("1.2.840.10008.1.2.4.112", "ISO_18181_1"),
        ("1.2.840.10008.1.2.4.203", "ISO_15444_15"),
    ],
)
def test_lossy_methods_and_their_ratio(uid: str, method: str) -> None:
    samples = noise((3, 32, 32), 8, dtype="uint8")
    source = image_file(samples, frames=3, DerivationDescription="before")
    result = transcode(source, uid, 60)
    dataset = read(result.encoded)
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=3))
    assert result.is_lossy
    assert dataset.LossyImageCompressionMethod == method
    ratio = samples.nbytes / sum(len(frame) for frame in frames)
    assert float(dataset.LossyImageCompressionRatio) == pytest.approx(ratio, rel=0.02)
    assert dataset.DerivationDescription.endswith("; before")
    again = transcode(transcode(result.encoded, EXPLICIT).encoded, uid, 60)
    assert again.sop_instance_uid != result.sop_instance_uid
    assert len(read(again.encoded).SourceImageSequence) == 2


def test_decompressing_keeps_what_is_said_of_losses() -> None:
    lossy = transcode(image_file(noise((8, 8), 8, dtype="uint8")), JPEG)
    result = transcode(lossy.encoded, EXPLICIT)
    assert not result.is_lossy
    before, after = read(lossy.encoded), read(result.encoded)
    for keyword in ("SOPInstanceUID", "LossyImageCompression", "LossyImageCompressionRatio"):
        assert after[keyword] == before[keyword]


def test_a_deflated_file_above_the_limit_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflating, "MAXIMUM_INFLATED_BYTES", 1000)
    with pytest.raises(NotTranscodable, match="1000 bytes"):
        transcode(test_file("CT_small.dcm"), DEFLATED)


def test_a_bomb_is_refused() -> None:
    bomb = zlib.compressobj(wbits=-15)
    data = bomb.compress(data_set() + bytes(inflate.MAXIMUM_INFLATED_BYTES + 1)) + bomb.flush()
    with pytest.raises(BadFileFormat, match="inflates"):
        transcode(meta(DEFLATED) + data, EXPLICIT)


def test_a_deflated_file_that_is_cut_is_refused() -> None:
    with pytest.raises(BadFileFormat, match="truncated"):
        transcode(test_file("image_dfl.dcm")[:-2000], EXPLICIT)


def test_the_page_lists_what_is_written() -> None:
    page = (Path(__file__).parents[3] / "docs" / "conformance.md").read_text(encoding="utf-8")
    table = page.partition("| Written | |")[2].partition("\n\n")[0]
    rows = "".join(line.split("|")[1] for line in table.splitlines() if "|" in line)
    suffixes = {*re.findall(r"`(\.[0-9.]+)`", rows), ""}
    assert {f"1.2.840.10008.1.2{suffix}" for suffix in suffixes} == TARGETS
