"""JPEG into JPEG XL and back, byte for byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nephele.domain.codecs import (
    RECODINGS,
    Frame,
    check_encodable,
    decode_frame,
    encode_frame,
    recode_frame,
)
from nephele.domain.transfer_syntax import (
    JPEG_2000,
    JPEG_BASELINE,
    JPEG_XL,
    JPEG_XL_JPEG_RECOMPRESSION,
)
from nephele.errors import NotTranscodable, UnsupportedImage
from tests.unit.domain.codecs.files import describe, encoded_image, first_frame, image_of
from tests.unit.domain.codecs.test_lossy import picture
from tests.unit.domain.encoded import test_file as dicom_file
from tests.unit.domain.images import image_file
from tests.unit.domain.judges import run_judge

FILES = ["SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_rgb_small_odd_jpeg.dcm"]


def there(jpeg: bytes) -> bytes:
    return recode_frame(JPEG_BASELINE, JPEG_XL_JPEG_RECOMPRESSION, jpeg)


def back(encoded: bytes) -> bytes:
    return recode_frame(JPEG_XL_JPEG_RECOMPRESSION, JPEG_BASELINE, encoded)


@pytest.mark.parametrize("name", FILES)
def test_jpeg_comes_back_byte_for_byte(name: str, tmp_path: Path) -> None:
    jpeg, dataset = first_frame(dicom_file(name))
    recompressed = there(jpeg)
    assert back(recompressed) == jpeg.rstrip(b"\0")
    judged = run_judge(["djxl"], recompressed, tmp_path, ("in.jxl", "out.jpg"))
    assert judged == jpeg.rstrip(b"\0")
    source, recoded = (
        decode_frame(replace_syntax, frame)
        for replace_syntax, frame in (
            (image_of(dataset), jpeg),
            (
                encoded_image(JPEG_XL_JPEG_RECOMPRESSION, image_of(dataset).description),
                recompressed,
            ),
        )
    )
    assert np.array_equal(source.samples, recoded.samples)
    assert source.photometric_interpretation == recoded.photometric_interpretation == "RGB"


def test_dcmtk_s_grayscale_comes_back(tmp_path: Path) -> None:
    source = image_file(picture(255, dtype="uint8"))
    jpeg, _dataset = first_frame(run_judge(["dcmcjpeg", "+eb"], source, tmp_path))
    assert back(there(jpeg)) == jpeg.rstrip(b"\0")


def test_it_gets_smaller() -> None:
    samples = picture(255, dtype="uint8", samples=3)
    jpeg = encode_frame(JPEG_BASELINE, Frame(samples, "RGB"), describe(samples, "RGB"), 90)
    assert len(there(jpeg)) < len(jpeg)


@pytest.mark.parametrize(
    "damaged", [b"", b"\xff\xd8\xff\xd9", b"\xff\xd8" + bytes(50) + b"\xff\xd9"]
)
def test_what_is_no_jpeg_is_refused(damaged: bytes) -> None:
    with pytest.raises(UnsupportedImage):
        there(damaged)
    with pytest.raises(UnsupportedImage):
        back(damaged)


def test_truncated_jpeg_is_refused() -> None:
    jpeg, _dataset = first_frame(dicom_file(FILES[0]))
    with pytest.raises(UnsupportedImage):
        there(jpeg[: len(jpeg) // 2])


def test_jpeg_xl_of_pixels_becomes_no_jpeg() -> None:
    samples = picture(255, dtype="uint8")
    encoded = encode_frame(JPEG_XL, Frame(samples, "MONOCHROME2"), describe(samples), 90)
    with pytest.raises(UnsupportedImage):
        back(encoded)


def test_other_pairs_are_not_recoded() -> None:
    assert (JPEG_BASELINE, JPEG_2000) not in RECODINGS
    with pytest.raises(UnsupportedImage):
        recode_frame(JPEG_BASELINE, JPEG_2000, b"")


def test_pixels_are_not_recompressed_as_jpeg() -> None:
    with pytest.raises(NotTranscodable, match=r"TransferSyntaxUID \(0002,0010\)"):
        check_encodable(JPEG_XL_JPEG_RECOMPRESSION, describe(picture(255, dtype="uint8")))
