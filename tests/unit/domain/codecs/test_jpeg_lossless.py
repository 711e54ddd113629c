"""Lossless JPEG as it is written here: codes, streams of bits, and samples at their limits."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import imagecodecs
import numpy as np
import pytest

from nephele.domain.codecs.bit_packing import iter_bytes, pack_codes
from nephele.domain.codecs.huffman import canonical_codes, code_lengths, table_segment
from nephele.domain.codecs.jpeg_lossless import LEFT, PLANE, encode_lossless
from tests.unit.domain.images import Samples, noise

_FIBONACCI = [1, 1]
while len(_FIBONACCI) < 17:
    _FIBONACCI.append(_FIBONACCI[-2] + _FIBONACCI[-1])


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param(_FIBONACCI, id="as skewed as can be"),
        pytest.param([10**9, *[0] * 16], id="all but one never met"),
        pytest.param([5] * 17, id="even"),
        pytest.param([0] * 17, id="none met"),
        pytest.param([3], id="one symbol"),
    ],
)
def test_codes_are_prefix_free_short_and_never_ones_alone(counts: list[int]) -> None:
    lengths = code_lengths(dict(enumerate(counts)))
    codes = canonical_codes(lengths)
    assert set(codes) == set(range(len(counts)))
    assert max(lengths.values()) <= 16
    written = sorted(f"{codes[symbol]:0{lengths[symbol]}b}" for symbol in codes)
    assert not any(after.startswith(before) for before, after in pairwise(written))
    assert all("0" in code for code in written)


def test_frequent_symbols_have_the_short_codes() -> None:
    assert code_lengths({0: 1, 1: 50, 2: 20, 3: 5}) == {1: 1, 2: 2, 3: 3, 0: 4}


def test_a_table_counts_its_codes_by_length() -> None:
    segment = table_segment({7: 2, 3: 1, 9: 3})
    assert segment == b"\xff\xc4\0\x16\0" + bytes((1, 1, 1, *[0] * 13)) + bytes((3, 7, 9))


@pytest.mark.parametrize("longest", [1, 8, 16, 17, 31, 32])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 63, 64, 65, 1003])
def test_codes_follow_each_other_bit_by_bit(longest: int, count: int) -> None:
    random = np.random.default_rng(count)
    lengths = random.integers(1, longest + 1, count).astype("u1")
    lengths[0] = longest
    codes = random.integers(0, 1 << 32, count).astype("u8") & (
        (np.uint64(1) << lengths.astype("u8")) - np.uint64(1)
    )
    pairs = zip(codes.tolist(), lengths.tolist(), strict=True)
    expected = "".join(f"{code:0{length}b}" for code, length in pairs)
    for cut in {0, 1, count // 3, count - 1} - {0} | {count}:
        parts = [
            pack_codes(codes[start:stop], lengths[start:stop])
            for start, stop in ((0, cut), (cut, count))
            if stop > start
        ]
        assert sum(part.bit_count for part in parts) == len(expected)
        joined = "".join(f"{byte:08b}" for byte in b"".join(iter_bytes(parts)))
        assert joined == expected + "1" * (-len(expected) % 8)


def extremes(shape: tuple[int, ...], bits: int) -> Samples:
    """Make samples that jump from one end to the other and half of the way: all categories."""
    top = (1 << bits) - 1
    chosen = np.random.default_rng(1).choice([0, 1, top // 2, top // 2 + 1, top - 1, top], shape)
    return chosen.astype("u1" if bits <= 8 else "u2")


@pytest.mark.parametrize("predictor", [LEFT, PLANE])
@pytest.mark.parametrize(
    ("samples", "precision"),
    [
        pytest.param(extremes((70, 90), 16), 16, id="ends of 16 bits"),
        pytest.param(extremes((70, 90), 12), 12, id="ends of 12 bits"),
        pytest.param(extremes((70, 90, 3), 8), 8, id="ends of 8 bits, colour"),
        pytest.param(extremes((2, 40_000), 16), 16, id="wider than a block"),
        pytest.param(extremes((5, 30_000, 3), 16), 16, id="wider than a block, colour"),
        pytest.param(noise((40_000, 2), 16), 16, id="long"),
        pytest.param(noise((1, 1, 3), 8, dtype="uint8"), 8, id="one pixel, colour"),
        pytest.param(noise((2, 1, 3), 16), 16, id="one column, colour"),
        pytest.param(noise((400, 511), 9), 9, id="9 bits, some blocks"),
        pytest.param(np.full((300, 300), 65535, "u2"), 16, id="white"),
    ],
)
def test_samples_come_back(samples: Samples, precision: int, predictor: int) -> None:
    encoded = encode_lossless(samples, precision, predictor)
    spaces = {"colorspace": "RGB", "outcolorspace": "RGB"} if samples.ndim == 3 else {}
    decoded = imagecodecs.jpeg8_decode(encoded, **spaces)
    assert decoded.dtype == samples.dtype
    assert np.array_equal(decoded, samples)


@pytest.mark.parametrize("seed", range(40))
def test_samples_of_any_size_come_back(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = tuple(int(side) for side in random.integers(1, 200, 2))
    bits, spread = int(random.integers(9, 17)), int(random.integers(1, 16))
    walk = random.integers(-(1 << spread), 1 << spread, shape).cumsum(axis=1)
    samples = (walk % (1 << bits)).astype("u2")
    for predictor in (LEFT, PLANE):
        encoded = encode_lossless(samples, bits, predictor)
        assert np.array_equal(imagecodecs.jpeg8_decode(encoded), samples)


def test_what_was_not_counted_has_a_code() -> None:
    samples = np.zeros((512, 512), "u2")
    samples.flat[1::7] = 40_000
    encoded = encode_lossless(samples, 16, LEFT)
    assert np.array_equal(imagecodecs.jpeg8_decode(encoded), samples)


@pytest.mark.parametrize(
    ("samples", "precision"),
    [
        pytest.param(noise((1500, 1500, 3), 8, dtype="uint8"), 8, id="8 bits, colour"),
        pytest.param(noise((1800, 1800), 14), 14, id="14 bits"),
        pytest.param(noise((1800, 1800), 16), 16, id="16 bits"),
    ],
)
def test_noise_takes_no_more_than_its_result_twice(samples: Samples, precision: int) -> None:
    encode_lossless(samples[:64, :64], precision, PLANE)
    tracemalloc.start()
    encoded = encode_lossless(samples, precision, PLANE)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 2 * len(encoded) + (2 << 20)
    assert peak_bytes < 2.7 * samples.nbytes


def test_it_is_not_larger_than_what_libjpeg_makes() -> None:
    samples = (np.add.outer(np.arange(512), np.arange(512)) + noise((512, 512), 5)).astype("u2")
    theirs = imagecodecs.jpeg8_encode(samples, lossless=True, predictor=1, bitspersample=12)
    assert len(encode_lossless(samples, 12, LEFT)) < len(theirs) * 1.005


@pytest.mark.parametrize(
    ("is_rgb", "names", "has_marker"),
    [
        pytest.param(True, b"RGB", True, id="RGB"),
        pytest.param(False, b"\1\2\3", False, id="YBR_FULL, which readers would take for RGB"),
    ],
)
def test_components_are_named_as_what_they_are(
    is_rgb: bool, names: bytes, has_marker: bool
) -> None:
    encoded = encode_lossless(noise((4, 6, 3), 8, dtype="uint8"), 8, LEFT, is_rgb=is_rgb)
    frame = encoded.index(b"\xff\xc3") + 10
    assert encoded[frame : frame + 9 : 3] == names
    assert (b"Adobe" in encoded) is has_marker
