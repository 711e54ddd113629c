"""Encoding lossless JPEG (Process 14). See ITU-T T.81 annex H and PS3.5 8.2.1.

Written with numpy, which takes a quarter of libjpeg-turbo's time: its encoder writes bit by bit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nephele.domain.codecs.bit_packing import iter_bytes, pack_codes
from nephele.domain.codecs.huffman import canonical_codes, code_lengths, table_segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

LEFT = 1
"""Predictor of Selection Value 1: the sample to the left."""
PLANE = 6
"""The sample above, and half of what the one to the left differs from the one above it."""

_CATEGORIES = 17
_MODULUS = 1 << 16
_AT_ONCE = 1 << 16
"""Samples that are coded at a time: what is made of them stays in the processor's cache."""
_COUNTED = 7
"""Of a large frame each seventh difference is counted: other codes would hardly be shorter."""

_START, _END = b"\xff\xd8", b"\xff\xd9"
_UNTRANSFORMED = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
"""Adobe's marker segment: nothing was transformed."""


def encode_lossless(
    samples: Samples, precision: int, predictor: int, *, is_rgb: bool = True
) -> bytes:
    """Encode a frame, colour by pixel.

    Parameters
    ----------
    samples : ndarray
        Of uint8 or uint16, shape `(rows, columns)` or `(rows, columns, 3)`, below 2 to the power
        of `precision`.
    predictor : int
        `LEFT` or `PLANE`.
    is_rgb : bool
        The three components are named so in the stream; readers trust those names more than
        PhotometricInterpretation.
    """
    rows, columns, *rest = samples.shape
    components = rest[0] if rest else 1
    lines = samples.reshape(rows, -1)
    lengths = _code_lengths(lines, components, precision, predictor)
    codes_of, lengths_of = _tables(lengths)
    packed = (
        pack_codes(codes_of.take(block), lengths_of.take(block))
        for differences in _iter_differences(lines, components, precision, predictor)
        for block in _iter_blocks(differences)
    )
    names = b"\1" if components == 1 else b"RGB" if is_rgb else b"\1\2\3"
    front = _front((rows, columns), names, precision, predictor, lengths)
    entropy_coded = (part.replace(b"\xff", b"\xff\0") for part in iter_bytes(packed))
    return b"".join((front, *entropy_coded, _END))


def _iter_blocks(differences: Samples) -> Iterator[Samples]:
    """Yield parts of the differences, to be looked up with."""
    import numpy as np

    for start in range(0, len(differences), _AT_ONCE):
        yield differences[start : start + _AT_ONCE].astype(np.intp)


def _iter_differences(
    lines: Samples, components: int, precision: int, predictor: int
) -> Iterator[Samples]:
    """Yield what each sample differs from its prediction, modulo 65,536, of some lines at a time.

    They are made anew whenever they are needed: those of a whole frame of 8 bits would take twice
    its memory. See T.81 H.1.2.1.
    """
    import numpy as np

    at_once = max(_AT_ONCE // lines.shape[1], 1)
    for start in range(0, len(lines), at_once):
        stop = min(start + at_once, len(lines))
        block = lines[start:stop].astype(np.uint16, copy=False)
        above = lines[max(start - 1, 0) : stop - 1].astype(np.uint16, copy=False)
        differences = np.empty(block.shape, np.uint16)
        _predict(block, above, differences, components, predictor)
        if start == 0:
            differences[0, :components] = block[0, :components] - (1 << precision - 1)
        yield differences.ravel()


def _predict(
    block: Samples, above: Samples, differences: Samples, components: int, predictor: int
) -> None:
    """Fill in the differences of some lines, given those above; the very first has none there."""
    import numpy as np

    left = block[:, :-components]
    np.subtract(block[:, components:], left, out=differences[:, components:])
    lower = len(block) - len(above)
    block, left, differences = block[lower:], left[lower:], differences[lower:]
    np.subtract(block[:, :components], above[:, :components], out=differences[:, :components])
    if predictor == PLANE:
        slope = np.subtract(left, above[:, :-components], dtype=np.int32) >> 1
        predicted = above[:, components:] + slope.astype(np.uint16)
        np.subtract(block[:, components:], predicted, out=differences[:, components:])


@lru_cache(maxsize=1)
def _category_of() -> Samples:
    """Return how many bits each difference takes, by the difference modulo 65,536."""
    import numpy as np

    greatness = np.minimum(np.arange(_MODULUS), _MODULUS - np.arange(_MODULUS))
    return np.frexp(greatness)[1].astype(np.uint8)


def _code_lengths(
    lines: Samples, components: int, precision: int, predictor: int
) -> tuple[int, ...]:
    """Return the bits of each category's code; also those that were not met have one."""
    import numpy as np

    categories = min(precision + 2, _CATEGORIES)
    step = _COUNTED if lines.size > _AT_ONCE else 1
    counts = np.zeros(categories, np.int64)
    position = 0
    for differences in _iter_differences(lines, components, precision, predictor):
        met = _category_of().take(differences[-position % step :: step])
        counts += np.bincount(met, minlength=categories)[:categories]
        position += len(differences)
    lengths = code_lengths(dict(enumerate(counts.tolist())))
    return tuple(lengths[category] for category in range(categories))


@lru_cache(maxsize=4)
def _tables(lengths: tuple[int, ...]) -> tuple[Samples, Samples]:
    """Return each difference's code with the bits behind it, and their length. See H.1.2.2.

    32,768 has none behind it, negative differences those of the number below.
    """
    import numpy as np

    codes = canonical_codes(dict(enumerate(lengths)))
    category = _category_of().astype(np.intp).clip(max=len(lengths) - 1)
    behind = np.where(category == _CATEGORIES - 1, 0, category)
    difference = np.arange(_MODULUS)
    negative = difference >= _MODULUS // 2
    low_bits = (difference - negative) & ((1 << behind) - 1)
    code = np.array([codes[number] for number in range(len(lengths))])[category]
    whole = code << behind | low_bits
    return whole.astype(np.uint64), (np.array(lengths)[category] + behind).astype(np.uint8)


def _front(
    shape: tuple[int, int], names: bytes, precision: int, predictor: int, lengths: tuple[int, ...]
) -> bytes:
    """Encode what is in front of the scan's data. See T.81 B.2."""
    frame = struct.pack(">BHHB", precision, *shape, len(names))
    frame += b"".join(bytes((name, 0x11, 0)) for name in names)
    scan = bytes((len(names), *(part for name in names for part in (name, 0)), predictor, 0, 0))
    return b"".join(
        (
            _START,
            _UNTRANSFORMED if names == b"RGB" else b"",
            _segment(0xC3, frame),
            table_segment(dict(enumerate(lengths))),
            _segment(0xDA, scan),
        )
    )


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2) + content
