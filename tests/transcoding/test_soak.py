"""Images of real size, and more frames than memory holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.pictures import Picture
from bench.transcode import peak_megabytes
from nephele.domain.codecs import CodecOptions
from nephele.domain.codecs.working_memory import check_working_memory
from nephele.domain.transcoding import TARGETS, transcode
from nephele.domain.transfer_syntax import JPEG_BASELINE, JPEG_EXTENDED, transfer_syntax
from nephele.errors import UnsupportedImage
from tests.transcoding.expectations import least_psnr
from tests.transcoding.judges import decode, frames_of, native, near_of, psnr, read
from tests.transcoding.syntaxes import LOSSY, NATIVE, RECODED, UIDS
from tests.unit.domain.codecs.files import describe
from tests.unit.domain.images import image_file, noise

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
@pytest.mark.parametrize("target", [name for name in _TARGETS if name not in NATIVE])
@pytest.mark.parametrize(("bits", "samples"), [(8, 3), (16, 1)], ids=["8 bits", "16 bits"])
def test_a_frame_takes_no_more_memory_than_is_reckoned_with(
    bits: int, samples: int, target: str, tmp_path: Path
) -> None:
    """Noise takes most; it comes native, and as JPEG-LS, which is larger than the samples."""
    if bits == 16 and UIDS[target] in (JPEG_BASELINE, JPEG_EXTENDED):
        return
    noisy = noise((3000, 3000, 3)[: 2 + samples // 3], bits, dtype=f"uint{bits}")
    photometric = "RGB" if samples == 3 else "MONOCHROME2"
    native_file, there, back = (tmp_path / name for name in ("native", "there", "back"))
    native_file.write_bytes(image_file(noisy, photometric))
    jpeg_ls = tmp_path / "jpeg-ls"
    peak_megabytes(native_file, jpeg_ls, UIDS["jpeg-ls"])
    peaks = {
        "to": peak_megabytes(native_file, there, UIDS[target]),
        "from": peak_megabytes(there, back, UIDS["explicit"]),
        "from JPEG-LS to": peak_megabytes(jpeg_ls, back, UIDS[target]),
    }
    description = describe(noisy, photometric)
    syntax = transfer_syntax(UIDS[target])
    for way, peak in peaks.items():
        options = CodecOptions(memory_bytes=int(peak * 1e6) + _KEPT_BYTES)
        codec = {"decoded" if way == "from" else "encoded": syntax}
        with pytest.raises(UnsupportedImage, match="MiB"):
            check_working_memory(description, options, **codec)


_KEPT_BYTES = 192 << 20
"""What a function may keep of smaller frames, which a process for one frame has not."""


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
