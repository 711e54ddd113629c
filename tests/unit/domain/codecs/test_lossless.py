"""Lossless encoding keeps every allocated bit, as other makers' decoders find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nephele.domain.codecs import (
    Frame,
    check_encodable,
    decode_frame,
    encode_frame,
    encoded_photometric,
)
from nephele.domain.codecs.code_streams import read_header
from nephele.domain.transfer_syntax import (
    HTJ2K,
    HTJ2K_LOSSLESS,
    HTJ2K_LOSSLESS_RPCL,
    JPEG_XL_LOSSLESS,
    TARGETS,
    transfer_syntax,
)
from nephele.errors import NotTranscodable
from tests.unit.domain.codecs.files import describe, encoded_image
from tests.unit.domain.codecs.judges import (
    judged_by_djxl,
    judged_by_openjpeg,
    judged_by_tools,
)
from tests.unit.domain.codecs.kinds import LOSSLESS_KINDS
from tests.unit.domain.images import Samples, noise

_ROOT = "1.2.840.10008.1.2"
LOSSLESS = [
    f"{_ROOT}.{suffix}"
    for suffix in ("5", "4.57", "4.70", "4.80", "4.90", "4.110", "4.201", "4.202")
]


def encode(uid: str, samples: Samples, options: dict[str, Any]) -> tuple[bytes, str]:
    description = describe(samples, **options)
    check_encodable(uid, description)
    frame = Frame(samples, description.photometric_interpretation)
    return encode_frame(uid, frame, description, 90), encoded_photometric(uid, frame)


@pytest.mark.parametrize("uid", LOSSLESS)
@pytest.mark.parametrize(("samples", "options"), LOSSLESS_KINDS)
def test_bit_exact(samples: Samples, options: dict[str, Any], uid: str, tmp_path: Path) -> None:
    if uid == JPEG_XL_LOSSLESS and samples.dtype.kind == "i":
        with pytest.raises(NotTranscodable, match=r"PixelRepresentation \(0028,0103\)"):
            encode(uid, samples, options)
        return
    encoded, photometric = encode(uid, samples, options)
    description = describe(samples, **(options | {"photometric": photometric}))
    kind = transfer_syntax(uid).kind
    if kind == "htj2k":
        found = {"openjpeg": judged_by_openjpeg(encoded)}
    elif kind == "jpeg-xl":
        header = read_header(encoded)
        assert header is not None
        found = {"djxl": judged_by_djxl(encoded, header.precision, tmp_path)}
    else:
        found = judged_by_tools(uid, encoded, description, samples, tmp_path)
    for tool, judged in found.items():
        same = judged.astype(samples.dtype).ravel() == samples.ravel()
        assert same.all(), (tool, judged[:6], samples.ravel()[:6])
    own = decode_frame(encoded_image(uid, description), encoded)
    assert own.photometric_interpretation == options.get("photometric", "MONOCHROME2")
    assert own.samples.dtype == samples.dtype
    assert np.array_equal(own.samples, samples)


def test_every_lossless_target_is_here() -> None:
    lossless = {uid for uid in TARGETS if not transfer_syntax(uid).is_lossy}
    assert {uid for uid in lossless if transfer_syntax(uid).is_encapsulated} == set(LOSSLESS)


@pytest.mark.parametrize("uid", [HTJ2K_LOSSLESS, HTJ2K_LOSSLESS_RPCL, HTJ2K])
@pytest.mark.parametrize("shape", [(1, 7), (7, 1), (1, 300), (300, 1), (1, 1), (1, 300, 3)])
def test_thin_frames_are_exact(shape: tuple[int, ...], uid: str) -> None:
    is_color = len(shape) == 3
    samples = noise(shape, 8, dtype="uint8") if is_color else noise(shape, 12)
    photometric = "RGB" if is_color else "MONOCHROME2"
    description = describe(samples, photometric, bits_stored=8 if is_color else 12)
    if uid == HTJ2K_LOSSLESS_RPCL and max(shape) > 64:
        with pytest.raises(NotTranscodable, match="too long"):
            encode_frame(uid, Frame(samples, photometric), description, 90)
        return
    encoded = encode_frame(uid, Frame(samples, photometric), description, 90)
    assert np.array_equal(judged_by_openjpeg(encoded), samples.ravel())
    assert np.array_equal(decode_frame(encoded_image(uid, description), encoded).samples, samples)
