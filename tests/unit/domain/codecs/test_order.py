"""BuiltinDecoderTranscoderOrder: which codec is asked, and what happens where it fails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import openjpeg.utils
import pytest
import rle.rle
import rle.utils

from nephele.domain.codecs import CodecOptions, CodecOrder, Frame, decode_frame, encode_frame
from nephele.domain.transfer_syntax import (
    HTJ2K_LOSSLESS,
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    JPEG_LS_LOSSLESS,
    JPEG_XL_LOSSLESS,
    RLE_LOSSLESS,
)
from tests.unit.domain.codecs.files import describe, encoded_image
from tests.unit.domain.codecs.judges import judged_by_tools
from tests.unit.domain.images import noise

SAMPLES = noise((40, 44), 12)
DESCRIPTION = describe(SAMPLES, bits_stored=12)
ORDERS: list[CodecOrder] = ["Before", "After", "Disabled"]
FUNCTIONS = [
    (imagecodecs, "jpeg2k_decode"),
    (imagecodecs, "jpeg2k_encode"),
    (imagecodecs, "htj2k_decode"),
    (imagecodecs, "packbits_decode"),
    (imagecodecs, "packbits_encode"),
    (openjpeg.utils, "decode"),
    (openjpeg.utils, "encode_array"),
    (rle.rle, "decode_frame"),
    (rle.utils, "encode_pixel_data"),
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the codecs in the order they are asked; they work as ever."""
    names: list[str] = []
    for module, name in FUNCTIONS:
        function = getattr(module, name)

        def watched(
            *arguments: Any, _function: Any = function, _name: str = name, **options: Any
        ) -> Any:
            names.append(_name)
            return _function(*arguments, **options)

        monkeypatch.setattr(module, name, watched)
    return names


def through(uid: str, order: CodecOrder) -> bool:
    options = CodecOptions(order)
    encoded = encode_frame(uid, Frame(SAMPLES, "MONOCHROME2"), DESCRIPTION, 90, options)
    decoded = decode_frame(encoded_image(uid, DESCRIPTION), encoded, options).samples
    return np.array_equal(decoded, SAMPLES)


@pytest.mark.parametrize(
    ("uid", "order", "expected"),
    [
        (JPEG_2000_LOSSLESS, "Before", ["jpeg2k_encode", "jpeg2k_decode"]),
        (JPEG_2000_LOSSLESS, "After", ["encode_array", "decode"]),
        (JPEG_2000_LOSSLESS, "Disabled", ["encode_array", "decode"]),
        (HTJ2K_LOSSLESS, "Before", ["htj2k_decode"]),
        (HTJ2K_LOSSLESS, "After", ["decode"]),
        (
            RLE_LOSSLESS,
            "Before",
            ["packbits_encode", "packbits_encode", "packbits_decode", "packbits_decode"],
        ),
        (
            RLE_LOSSLESS,
            "Disabled",
            ["encode_pixel_data", "packbits_decode", "packbits_decode", "decode_frame"],
        ),
        (JPEG_LS_LOSSLESS, "Disabled", []),
    ],
)
def test_order(uid: str, order: CodecOrder, expected: list[str], asked: list[str]) -> None:
    assert through(uid, order)
    assert asked == expected


@pytest.mark.parametrize(
    ("order", "module", "name"),
    [("Before", imagecodecs, "jpeg2k_decode"), ("After", openjpeg.utils, "decode")],
)
def test_the_other_codec_is_asked_where_the_first_fails(
    order: CodecOrder, module: Any, name: str, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    def fails(*_arguments: Any, **_options: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(module, name, fails)
    assert through(JPEG_2000_LOSSLESS, order)
    assert asked[-1] in {"jpeg2k_decode", "decode"} - {name}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("uid", [RLE_LOSSLESS, JPEG_2000_LOSSLESS])
def test_either_codec_s_frames_are_judged(uid: str, order: CodecOrder, tmp_path: Path) -> None:
    frame = Frame(SAMPLES, "MONOCHROME2")
    encoded = encode_frame(uid, frame, DESCRIPTION, 90, CodecOptions(order))
    for judged in judged_by_tools(uid, encoded, DESCRIPTION, SAMPLES, tmp_path).values():
        assert np.array_equal(judged, SAMPLES.ravel())


@pytest.mark.parametrize("order", ORDERS)
def test_lossy_and_small_frames_by_either(order: CodecOrder) -> None:
    small = noise((5, 7), 12)
    description = describe(small, bits_stored=12)
    for uid, samples in ((JPEG_2000, SAMPLES), (JPEG_2000_LOSSLESS, small)):
        described = DESCRIPTION if samples is SAMPLES else description
        frame = Frame(samples, "MONOCHROME2")
        encoded = encode_frame(uid, frame, described, 90, CodecOptions(order))
        decoded = decode_frame(encoded_image(uid, described), encoded).samples
        assert np.abs(decoded.astype(int) - samples).max() < 200


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("uid", [RLE_LOSSLESS, JPEG_2000_LOSSLESS, HTJ2K_LOSSLESS])
def test_many_threads(uid: str, order: CodecOrder) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: through(uid, order), range(64)))


@pytest.mark.parametrize("uid", [JPEG_2000_LOSSLESS, HTJ2K_LOSSLESS, JPEG_XL_LOSSLESS])
def test_threads_within_a_frame_change_nothing(uid: str) -> None:
    frame = Frame(SAMPLES, "MONOCHROME2")
    encoded = [
        encode_frame(uid, frame, DESCRIPTION, 90, CodecOptions(threads=threads))
        for threads in (1, 3)
    ]
    image = encoded_image(uid, DESCRIPTION)
    for one in encoded:
        decoded = decode_frame(image, one, CodecOptions(threads=3)).samples
        assert np.array_equal(decoded, SAMPLES)
