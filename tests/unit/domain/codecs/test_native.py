"""Native frames: byte order, packed bits, planes and subsampled chrominance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nephele.domain.codecs import Frame, decode_frame, encode_frame, encode_native
from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    JPEG_BASELINE,
    JPEG_XL,
    RLE_LOSSLESS,
)
from nephele.errors import UnsupportedImage
from tests.unit.domain.codecs.files import Encoded, describe, encoded_image
from tests.unit.domain.images import Samples, noise


def native(samples: Samples, photometric: str = "MONOCHROME2", **changes: object) -> Encoded:
    image = encoded_image(EXPLICIT_VR_LITTLE_ENDIAN, describe(samples, photometric))
    description = replace(image.description, **changes)  # type: ignore[arg-type]
    return replace(image, description=description, is_encapsulated=False)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64"])
@pytest.mark.parametrize("uid", [EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN])
def test_byte_order(uid: str, dtype: str) -> None:
    bits = np.dtype(dtype).itemsize * 8
    is_signed = dtype.startswith("int")
    samples = noise((3, 5), min(bits, 62), is_signed=is_signed, dtype=dtype)
    image = replace(encoded_image(uid, describe(samples)), is_encapsulated=False)
    order = "<" if uid == EXPLICIT_VR_LITTLE_ENDIAN else ">"
    decoded = decode_frame(image, samples.astype(samples.dtype.newbyteorder(order)).tobytes())
    assert decoded.samples.dtype == samples.dtype
    assert np.array_equal(decoded.samples, samples)
    assert (
        encode_native(samples, image.description)
        == samples.astype(f"<{samples.dtype.str[1:]}").tobytes()
    )


def test_packed_bits() -> None:
    samples = noise((3, 5), 1, dtype="uint8")
    image = native(samples, bits_allocated=1, bits_stored=1, high_bit=0)
    packed = np.packbits(samples.ravel(), bitorder="little").tobytes()
    assert np.array_equal(decode_frame(image, packed).samples, samples)
    assert encode_native(samples, image.description) == packed


def test_planes() -> None:
    samples = noise((3, 5, 3), 8, dtype="uint8")
    planes = samples.transpose(2, 0, 1).tobytes()
    image = native(samples, "RGB", is_planar=True)
    assert np.array_equal(decode_frame(image, planes).samples, samples)
    assert encode_native(samples, image.description) == samples.tobytes()


def test_subsampled_chrominance_is_repeated() -> None:
    samples = noise((2, 4, 3), 8, dtype="uint8")
    image = native(samples, "YBR_FULL_422")
    frame = decode_frame(image, bytes(range(16)))
    assert frame.photometric_interpretation == "YBR_FULL"
    expected = [[[0, 2, 3], [1, 2, 3], [4, 6, 7], [5, 6, 7]]]
    expected += [[[8, 10, 11], [9, 10, 11], [12, 14, 15], [13, 14, 15]]]
    assert frame.samples.tolist() == expected


@pytest.mark.parametrize("bits", [1, 8])
def test_too_few_bytes(bits: int) -> None:
    samples = noise((4, 4), 8, dtype="uint8")
    image = native(samples, bits_allocated=bits, bits_stored=bits, high_bit=bits - 1)
    with pytest.raises(UnsupportedImage, match="fewer samples"):
        decode_frame(image, b"\0")


def test_fragments_in_a_native_syntax() -> None:
    image = encoded_image(EXPLICIT_VR_LITTLE_ENDIAN, describe(noise((4, 4), 8, dtype="uint8")))
    with pytest.raises(UnsupportedImage, match="no codec reads fragments"):
        decode_frame(image, bytes(16))


@pytest.mark.parametrize("uid", [JPEG_BASELINE, JPEG_XL])
def test_ybr_full_comes_back_as_rgb_of_the_same_colours(uid: str) -> None:
    red_green_blue = np.zeros((16, 48, 3), "uint8")
    red_green_blue[:, :16], red_green_blue[:, 16:32] = (76, 85, 255), (150, 44, 21)
    red_green_blue[:, 32:] = (29, 255, 107)
    description = describe(red_green_blue, "YBR_FULL")
    encoded = encode_frame(uid, Frame(red_green_blue, "YBR_FULL"), description, 95)
    described = replace(
        description, photometric_interpretation="XYB" if uid == JPEG_XL else "YBR_FULL_422"
    )
    decoded = decode_frame(encoded_image(uid, described), encoded)
    assert decoded.photometric_interpretation == "RGB"
    for column, color in ((8, (254, 0, 0)), (24, (0, 255, 0)), (40, (0, 0, 254))):
        assert np.abs(decoded.samples[8, column].astype(int) - color).max() < 12


def test_label_of_subsampling_goes_with_it() -> None:
    samples = noise((4, 6, 3), 8, dtype="uint8")
    encoded = encode_frame(RLE_LOSSLESS, Frame(samples, "YBR_FULL"), describe(samples), 90)
    decoded = decode_frame(encoded_image(RLE_LOSSLESS, describe(samples, "YBR_FULL_422")), encoded)
    assert decoded.photometric_interpretation == "YBR_FULL"
    assert np.array_equal(decoded.samples, samples)
