"""The same conversions as DCMTK and GDCM make: the same pixels, and headers explained."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from pydicom.dataset import Dataset

from nephele.domain.transcoding import TARGETS, transcode
from tests.transcoding.differences import EXPLAINED
from tests.transcoding.images import KINDS
from tests.transcoding.judges import decode, psnr, read, run_tool
from tests.transcoding.sources import source_files
from tests.transcoding.syntaxes import LOSSY, UIDS

_TEST_FILES = Path(pydicom.data.__file__).parent / "test_files"

_ENCODERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("implicit", ("dcmconv", "+ti")),
    ("big endian", ("dcmconv", "+tb")),
    ("deflated", ("dcmconv", "+td")),
    ("rle", ("dcmcrle",)),
    ("rle", ("gdcmconv", "--rle")),
    ("jpeg baseline", ("dcmcjpeg", "+eb")),
    ("jpeg extended", ("dcmcjpeg", "+ee")),
    ("jpeg lossless", ("dcmcjpeg", "+el")),
    ("jpeg lossless sv1", ("dcmcjpeg", "+e1")),
    ("jpeg lossless sv1", ("gdcmconv", "--jpeg")),
    ("jpeg-ls", ("dcmcjpls", "+el")),
    ("jpeg-ls", ("gdcmconv", "--jpegls")),
    ("jpeg-ls near", ("dcmcjpls", "+en")),
    ("j2k lossless", ("gdcmconv", "--j2k")),
    ("j2k", ("gdcmconv", "--j2k", "--lossy", "-q", "50")),
)
_DECODERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("rle", ("dcmdrle",)),
    ("rle", ("gdcmconv", "--raw")),
    ("jpeg baseline", ("dcmdjpeg",)),
    ("jpeg extended", ("dcmdjpeg",)),
    ("jpeg lossless", ("dcmdjpeg",)),
    ("jpeg lossless sv1", ("dcmdjpeg",)),
    ("jpeg lossless sv1", ("gdcmconv", "--raw")),
    ("jpeg-ls", ("dcmdjpls",)),
    ("jpeg-ls", ("gdcmconv", "--raw")),
    ("jpeg-ls near", ("dcmdjpls",)),
    ("j2k lossless", ("gdcmconv", "--raw")),
)
_FILES = ("CT_small.dcm", "MR_small.dcm", "SC_rgb_small_odd.dcm")
_KINDS = ("8 bits", "12 of 16 bits", "RGB", "three frames")
_UNSUITED = {
    ("CT_small.dcm", "dcmcjpeg +eb"): "16 bits",
    ("MR_small.dcm", "dcmcjpeg +eb"): "16 bits",
    ("12 of 16 bits", "dcmcjpeg +eb"): "12 bits",
    ("three frames", "dcmcjpeg +eb"): "12 bits",
    ("CT_small.dcm", "dcmcjpeg +ee"): "16 bits",
    ("MR_small.dcm", "dcmcjpeg +ee"): "16 bits",
    ("CT_small.dcm", "dcmcjpls +en"): "DCMTK takes no signed pixels",
    ("MR_small.dcm", "dcmcjpls +en"): "DCMTK takes no signed pixels",
    ("12 of 16 bits", "gdcmconv --j2k --lossy -q 50"): "GDCM lets 12 bits overflow",
    ("three frames", "gdcmconv --j2k --lossy -q 50"): "GDCM lets 12 bits overflow",
    ("SC_rgb_small_odd.dcm", "dcmcjpls +en"): "DCMTK clears the SOF marker of this one",
    ("SC_rgb_small_odd.dcm", "gdcmconv --rle"): "GDCM aborts",
    ("SC_rgb_small_odd.dcm", "gdcmconv --j2k"): "GDCM crashes",
    ("SC_rgb_small_odd.dcm", "gdcmconv --j2k --lossy -q 50"): "GDCM crashes",
}


def _shown(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else " ".join(value)


def _encoded(name: str) -> bytes:
    return KINDS[name].file() if name in KINDS else (_TEST_FILES / name).read_bytes()


@pytest.mark.parametrize(("target", "command"), _ENCODERS, ids=_shown)
@pytest.mark.parametrize("name", [*_FILES, *_KINDS])
def test_encoding(name: str, target: str, command: tuple[str, ...]) -> None:
    if UIDS[target] not in TARGETS or (name, " ".join(command)) in _UNSUITED:
        return
    source = _encoded(name)
    theirs, ours = run_tool([*command], source), transcode(source, UIDS[target]).encoded
    _compare(command[0], ours, theirs, target)


@pytest.mark.parametrize(("syntax", "command"), _DECODERS, ids=_shown)
@pytest.mark.parametrize("kind", _KINDS)
def test_decoding(kind: str, syntax: str, command: tuple[str, ...]) -> None:
    found = [one for one in source_files(kind) if one.syntax == syntax]
    for source in found:
        theirs = run_tool([*command], source.encoded)
        uid = read(theirs).file_meta.TransferSyntaxUID
        _compare(command[0], transcode(source.encoded, uid).encoded, theirs, syntax)


def _compare(program: str, ours: bytes, theirs: bytes, lossy_as: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert _different(read(ours), read(theirs)) <= set(EXPLAINED[program])
    one, other = decode(ours).samples, decode(theirs).samples
    assert one.shape == other.shape
    if lossy_as in LOSSY:
        assert psnr(one, other, int(read(ours).BitsStored)) > 35
    else:
        assert np.array_equal(one, other)


def _different(ours: Dataset, theirs: Dataset) -> set[str]:
    """Return the keywords of elements that differ, but for pixels and group lengths."""
    found = set()
    for one, other in ((ours, theirs), (theirs, ours)):
        for element in [*one, *one.file_meta]:
            if not element.tag.element or element.tag == 0x7FE00010:
                continue
            place = other.file_meta if element.tag.group == 2 else other
            if element.tag not in place or place[element.tag].value != element.value:
                found.add(element.keyword or str(element.tag))
    return found
