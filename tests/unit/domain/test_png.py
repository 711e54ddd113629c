"""Writing PNG."""

import imagecodecs
import numpy as np
import pytest

from nephele.domain.png import encode_png
from tests.unit.domain.images import noise


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (1, 300), (64, 64), (1, 1, 3), (9, 13, 3)])
def test_png_is_decoded_to_the_same_samples(shape: tuple[int, ...]) -> None:
    samples = noise(shape, 8, dtype="uint8")
    assert np.array_equal(imagecodecs.png_decode(encode_png(samples)), samples)
