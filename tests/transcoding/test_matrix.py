"""Every source syntax to every target, for every kind of image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pytest

from nephele.domain.transcoding import TARGETS, transcode
from nephele.errors import NotTranscodable
from tests.transcoding.expectations import TOLERANCE, least_psnr, refusal
from tests.transcoding.ffmpeg import READS, decode_by_ffmpeg
from tests.transcoding.images import KINDS, Kind
from tests.transcoding.judges import (
    ALSO_GDCM,
    Decoded,
    decode,
    decode_by_gdcm,
    djxl,
    frames_of,
    iod_errors,
    native,
    near_of,
    psnr,
    read,
)
from tests.transcoding.sources import SourceFile, source_files
from tests.transcoding.syntaxes import LOSSY, NAMES, RECODED, UIDS
from tests.unit.domain.images import Samples

_QUALITY = 90


@dataclass(slots=True)
class Judgements:
    """What judges found, each result asked about once: most sources give the same one."""

    found: dict[bytes, Decoded] = field(default_factory=dict)

    def of(self, encoded: bytes) -> Decoded:
        """Return what the judge finds in a file."""
        dataset = read(encoded)
        digest = hashlib.sha256()
        for tag in (0x00280002, 0x00280004, 0x00280006, 0x00280100, 0x00280101, 0x7FE00010):
            digest.update(repr(dataset.get(tag)).encode())
        digest.update(dataset.PixelData)
        if digest.digest() not in self.found:
            self.found[digest.digest()] = decode(encoded)
        return self.found[digest.digest()]


def test_every_demanded_syntax_is_a_target() -> None:
    assert {NAMES.get(uid, uid) for uid in TARGETS} == set(UIDS)


@pytest.mark.parametrize("kind_name", KINDS)
def test_sources_hold_what_was_drawn(kind_name: str) -> None:
    lossless = [one for one in source_files(kind_name) if one.syntax not in (*LOSSY, RECODED)]
    for source in lossless:
        found = decode(source.encoded)
        assert np.array_equal(found.samples, KINDS[kind_name].samples), source.syntax
        assert found.photometric == source.expected.photometric, source.syntax


@pytest.mark.parametrize("target", [name for name in UIDS if UIDS[name] in TARGETS])
@pytest.mark.parametrize("kind_name", KINDS)
def test_matrix(kind_name: str, target: str) -> None:
    kind, judgements = KINDS[kind_name], Judgements()
    problems = {}
    for source in source_files(kind_name):
        if source.syntax != target:
            problem = _problem(kind, source, target, judgements)
            if problem is not None:
                problems[source.syntax] = problem
    assert problems == {}


def _problem(kind: Kind, source: SourceFile, target: str, judgements: Judgements) -> str | None:
    """Transcode; return what is wrong with the result."""
    named = refusal(kind.name, target, source.syntax)
    try:
        result = transcode(source.encoded, UIDS[target], _QUALITY).encoded
    except NotTranscodable as exc:
        return None if named is not None and named in str(exc) else f"refused: {exc}"
    if named is not None:
        return "not refused"
    if target == RECODED:
        return _recoding(source, result)
    found, expected = judgements.of(result), _expected(source)
    if isinstance(expected, str):
        return expected
    if found.samples.shape != expected.samples.shape:
        return f"shape {found.samples.shape}"
    if target in LOSSY:
        return _loss(kind, found, expected, target, result)
    if found.photometric != expected.photometric:
        return f"{found.photometric} instead of {expected.photometric}"
    return _difference(found.samples, expected.samples)


def _expected(source: SourceFile) -> Decoded | str:
    """Return the samples that every lossless target must hold, or why there are none.

    Of a lossy source, they are those that Nephele decodes, once these are near enough to those
    of another decoder.
    """
    if source.syntax not in TOLERANCE:
        return source.expected
    decoded = native(transcode(source.encoded, UIDS["explicit"]).encoded)
    apart = np.abs(_wide(decoded.samples) - _wide(source.expected.samples)).max()
    if apart > TOLERANCE[source.syntax]:
        return f"decoded otherwise than others do, by {apart}"
    return decoded


def _recoding(source: SourceFile, result: bytes) -> str | None:
    """Demand that the JPEG streams come back byte for byte."""
    streams = zip(frames_of(read(source.encoded)), frames_of(read(result)), strict=True)
    same = [djxl(new, "jpg") == old.rstrip(b"\0") for old, new in streams]
    return None if all(same) else "another JPEG stream comes back"


def _difference(found: Samples, expected: Samples) -> str | None:
    wrong = np.count_nonzero(_wide(found) != _wide(expected))
    return f"{wrong} of {expected.size} samples differ" if wrong else None


def _loss(kind: Kind, found: Decoded, expected: Decoded, target: str, result: bytes) -> str | None:
    if target == "jpeg-ls near":
        near = max(near_of(frame) for frame in frames_of(read(result)))
        apart = int(np.abs(_wide(found.samples) - _wide(expected.samples)).max())
        return f"{apart} is more than NEAR, {near}" if apart > near else None
    samples = expected.samples
    if expected.photometric == "YBR_FULL" and found.photometric == "RGB":
        samples = _rgb(samples)
    reached, wanted = psnr(found.samples, samples, kind.bits), least_psnr(kind.name, target)
    return None if reached >= wanted else f"PSNR is {reached:.1f} dB, wanted {wanted}"


def _rgb(samples: Samples) -> Samples:
    """Return YBR_FULL as RGB. See PS3.3 C.7.6.3.1.2."""
    luminance, blue, red = np.moveaxis(samples.astype("float64"), -1, 0)
    blue, red = blue - 128, red - 128
    channels = [
        luminance + 1.402 * red,
        luminance - 0.344136 * blue - 0.714136 * red,
        luminance + 1.772 * blue,
    ]
    return np.clip(np.round(np.stack(channels, axis=-1)), 0, 255)


def _wide(samples: Samples) -> Samples:
    return samples.astype("int64")


_JUDGED_BY_DCIODVFY = (
    "8 bits",
    "12 of 16 bits, signed",
    "12 of 16 bits, overlay in bit 12",
    "1 bit",
    "palette",
    "RGB by plane",
    "YBR_FULL",
    "YBR_FULL_422",
    "three frames",
)
"""One for every header that differs; it aborts on 32 bits."""


@pytest.mark.parametrize("target", [name for name in UIDS if UIDS[name] in TARGETS])
@pytest.mark.parametrize("kind_name", _JUDGED_BY_DCIODVFY)
def test_result_is_as_valid_as_its_source(kind_name: str, target: str) -> None:
    if refusal(kind_name, target) or target in ("explicit", RECODED):
        return
    source = KINDS[kind_name].file()
    result = transcode(source, UIDS[target], _QUALITY).encoded
    assert iod_errors(result) - _errors_of_source(kind_name) <= _NEWER_THAN_DCIODVFY


@cache
def _errors_of_source(kind_name: str) -> set[str]:
    return iod_errors(KINDS[kind_name].file())


_NEWER_THAN_DCIODVFY = {
    "Error - Unrecognized enumerated value <XYB> for value 1 of attribute"
    " <Photometric Interpretation>"
}


_BEYOND_GDCM = {
    "20 of 32 bits": "aborts: unused bits in 32",
    "RGB, 16 bits": "puts the planes of RLE in another order",
    "palette of 16 bits": "aborts: it wants 65,536 entries",
    "12 of 16 bits, high": "clears the bits that it thinks unused",
    "12 of 16 bits, overlay in bit 12": "clears the bits that it thinks unused",
    "6 of 8 bits": "aborts: less than 8 bits in JPEG-LS",
    "2 of 8 bits": "aborts: less than 8 bits in JPEG-LS",
}


@pytest.mark.parametrize("target", [name for name in ALSO_GDCM if UIDS[name] in TARGETS])
@pytest.mark.parametrize("kind_name", [name for name in KINDS if name not in _BEYOND_GDCM])
def test_gdcm_finds_the_same(kind_name: str, target: str) -> None:
    if refusal(kind_name, target):
        return
    result = transcode(KINDS[kind_name].file(), UIDS[target]).encoded
    assert np.array_equal(decode_by_gdcm(result).samples, KINDS[kind_name].samples)


_NOISE = "it takes the bound of magnitudes for exceeded, which OpenJPEG checks and finds kept"
_BEYOND_FFMPEG = {
    **{("20 of 32 bits", target): "it has 16 bits" for target in READS},
    **{
        (f"{bits} bits, noise", target): _NOISE
        for bits in ("8", "12 of 16", "16")
        for target in ("htj2k lossless", "htj2k rpcl")
    },
}
"""What FFmpeg does not decode, and why."""
_APART = 3
"""Most that two decoders of a lossy stream differ by: they round otherwise."""


@pytest.mark.parametrize("target", READS)
@pytest.mark.parametrize("kind_name", KINDS)
def test_ffmpeg_finds_the_same(kind_name: str, target: str) -> None:
    if refusal(kind_name, target) or (kind_name, target) in _BEYOND_FFMPEG:
        return
    result = transcode(KINDS[kind_name].file(), UIDS[target], _QUALITY).encoded
    found = decode_by_ffmpeg(result)
    if target in LOSSY:
        assert np.abs(found - _wide(decode(result).samples)).max() <= _APART
    else:
        assert np.array_equal(found, KINDS[kind_name].samples)
