"""Frames of every kind that a codec may get wrong."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.unit.domain.images import Samples, noise

needs_precision = pytest.mark.skipif(
    sys.version_info < (3, 12),
    reason="the last imagecodecs for Python 3.11 writes HTJ2K of 8 and 16 bits alone",
)
COLOR = noise((13, 17, 3), 8, dtype="uint8")
SMOOTH = (np.add.outer(np.arange(40) ** 2, np.arange(50) * 9) % 4096).astype("uint16")


def signed(bits: int, allocated: int = 16) -> Samples:
    return noise((16, 18), bits, is_signed=True, dtype=f"int{allocated}")


LOSSLESS_KINDS = [
    pytest.param(noise((16, 18), 8, dtype="uint8"), {}, id="8 bits"),
    pytest.param(signed(8, 8), {}, id="8 bits, signed"),
    pytest.param(noise((16, 18), 5, dtype="uint8"), {"bits_stored": 5}, id="5 of 8"),
    pytest.param(noise((16, 18), 1, dtype="uint8"), {"bits_stored": 1}, id="1 of 8"),
    pytest.param(noise((16, 18), 1), {"bits_stored": 1}, id="1 of 16"),
    pytest.param(noise((16, 18), 8), {"bits_stored": 8}, id="8 of 16"),
    pytest.param(signed(8), {"bits_stored": 8}, id="8 of 16, signed"),
    pytest.param(noise((16, 18), 10), {"bits_stored": 10}, id="10 of 16"),
    pytest.param(noise((16, 18), 12), {"bits_stored": 12}, id="12 of 16"),
    pytest.param(signed(12), {"bits_stored": 12}, id="12 of 16, signed"),
    pytest.param(noise((16, 18), 16), {}, id="16 bits"),
    pytest.param(signed(16), {}, id="16 bits, signed"),
    pytest.param(noise((16, 18), 16), {"bits_stored": 12}, id="overlay above 12"),
    pytest.param(signed(16), {"bits_stored": 12}, id="overlay above 12, signed"),
    pytest.param(noise((16, 18), 16), {"bits_stored": 11, "high_bit": 15}, id="11 in high bits"),
    pytest.param(noise((16, 18), 12) << 4, {"bits_stored": 12, "high_bit": 15}, id="12 shifted"),
    pytest.param(noise((16, 18), 8, dtype="uint8"), {"photometric": "PALETTE COLOR"}, id="palette"),
    pytest.param(
        noise((16, 18), 12), {"photometric": "MONOCHROME1", "bits_stored": 12}, id="inverted"
    ),
    pytest.param(COLOR, {"photometric": "RGB"}, id="RGB"),
    pytest.param(COLOR, {"photometric": "YBR_FULL"}, id="YBR_FULL"),
    pytest.param(noise((9, 7, 3), 16), {"photometric": "RGB"}, id="RGB of 16 bits"),
    pytest.param(
        noise((9, 7, 3), 12), {"photometric": "RGB", "bits_stored": 12}, id="RGB of 12 bits"
    ),
    pytest.param(noise((1, 1), 8, dtype="uint8"), {}, id="one pixel"),
    pytest.param(noise((1, 50), 16), {}, id="one row"),
    pytest.param(noise((50, 1), 16), {}, id="one column"),
    pytest.param(noise((2, 100), 16), {}, id="two rows"),
    pytest.param(noise((37, 1500), 12), {"bits_stored": 12}, id="wide"),
    pytest.param(noise((35, 1100, 3), 8, dtype="uint8"), {"photometric": "RGB"}, id="wide RGB"),
    pytest.param(np.zeros((8, 8), np.uint16), {}, id="constant"),
    pytest.param(SMOOTH, {"bits_stored": 12}, id="smooth"),
    pytest.param(
        np.kron(noise((3, 5), 8, dtype="uint8"), np.ones((7, 200), "uint8")), {}, id="runs"
    ),
]
