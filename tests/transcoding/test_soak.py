"""Images of real size, and more frames than memory holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.pictures import Picture
from bench.transcode import peak_megabytes
from nephele.domain.transcoding import TARGETS, transcode
from tests.transcoding.expectations import least_psnr
from tests.transcoding.judges import decode, frames_of, native, near_of, psnr, read
from tests.transcoding.syntaxes import LOSSY, NATIVE, RECODED, UIDS

_PICTURES = (
    Picture("CT", 512, 512),
    Picture("CR", 2500, 2048),
    Picture("RGB", 768, 1024, is_color=True),
    Picture("multi-frame", 512, 512, frames=20),
)
_TARGETS = [name for name in UIDS if UIDS[name] in TARGETS and name != RECODED]


@pytest.mark.soak
@pytest.mark.parametrize("target", _TARGETS)
@pytest.mark.parametrize("picture", _PICTURES, ids=lambda picture: picture.name)
def test_images_of_real_size(picture: Picture, target: str, tmp_path: Path) -> None:
    if target == "jpeg baseline" and not picture.is_color:
        return
    source = picture.write(tmp_path).read_bytes()
    expected = native(source).samples
    result = transcode(source, UIDS[target]).encoded
    found = decode(result).samples
    if target == "jpeg-ls near":
        near = max(near_of(frame) for frame in frames_of(read(result)))
        assert np.abs(found.astype("int64") - expected.astype("int64")).max() <= near
    elif target in LOSSY:
        bits = 8 if picture.is_color else 12
        assert psnr(found, expected, bits) > least_psnr(picture.name, target)
    else:
        assert np.array_equal(found, expected)
        back = native(transcode(result, UIDS["explicit"]).encoded).samples
        assert np.array_equal(back, expected)


@pytest.mark.soak
@pytest.mark.parametrize(
    "target", [name for name in _TARGETS if name not in NATIVE and name != "jpeg baseline"]
)
def test_memory_is_flat(target: str, tmp_path: Path) -> None:
    peaks = []
    for frames in (10, 400):
        source = Picture(str(frames), 512, 512, frames=frames).write(tmp_path)
        there, back = tmp_path / "there.dcm", tmp_path / "back.dcm"
        peak = peak_megabytes(source, there, UIDS[target])
        peaks.append(max(peak, peak_megabytes(there, back, UIDS["explicit"])))
    assert peaks[1] < 1.25 * peaks[0]
