"""Every file of pydicom's test set to every lossless target: exact, or refused with a reason."""

from __future__ import annotations

import fnmatch
import re
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from pydicom.dataset import Dataset

from nephele.domain.transcoding import TARGETS, transcode
from nephele.errors import BadFileFormat, NotTranscodable
from tests.transcoding.judges import Decoded, decode, read, run_tool
from tests.transcoding.syntaxes import LOSSLESS, NATIVE, UIDS

_DATA = Path(pydicom.data.__file__).parent
_NOT_DICOM = {".dump", ".gz", ".icc", ".json", ".md", ".py", ".pyc", ".txt"}
_FILES = sorted(
    str(path.relative_to(_DATA))
    for path in _DATA.rglob("*")
    if path.is_file() and path.suffix not in _NOT_DICOM
)

_ENCAPSULATED = tuple(name for name in LOSSLESS if name not in NATIVE)
_J2K = ("j2k lossless", "htj2k lossless", "htj2k rpcl")
_UP_TO_16_BITS = ("jpeg lossless", "jpeg lossless sv1", "jpeg-ls", "jxl lossless")

_REFUSED: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("*NoMeta.dcm", LOSSLESS, "preamble"),
    ("*/no_meta.dcm", LOSSLESS, "preamble"),
    ("*/rtstruct.dcm", LOSSLESS, "preamble"),
    ("*/README", LOSSLESS, "preamble"),
    ("*/rtplan_truncated.dcm", LOSSLESS, "ends before"),
    ("*/DICOMDIR-nooffset", LOSSLESS, "ends before"),  # as its sequence's length has it
    ("*/SC_rgb_jpeg.dcm", LOSSLESS, "ends before"),  # DCMTK and pydicom find it damaged, too
    (
        "*/JPEG2000-embedded-sequence-delimiter.dcm",
        LOSSLESS,
        "tiles|PixelRep",
    ),  # bytes of its SIZ are lost
    ("*/MR_truncated.dcm", LOSSLESS, "ends within|shorter|PixelRep"),
    ("*/badVR.dcm", _ENCAPSULATED, "NumberOfFrames"),
    ("*/badVR.dcm", ("big endian",), "BitsAllocated"),
    ("*/meta_missing_tsyntax.dcm", _ENCAPSULATED, r"\(0028,0100\) is missing"),
    ("*/nested_priv_SQ.dcm", _ENCAPSULATED, r"\(0028,0100\) is missing"),
    ("*/liver_*1frame.dcm", _ENCAPSULATED, "BitsAllocated"),  # 1 bit
    ("*/rtdose_expb*.dcm", LOSSLESS, "BitsAllocated"),  # 32 bits, big endian
    ("*/rtdose*.dcm", ("big endian", *_UP_TO_16_BITS), "BitsAllocated"),  # 32 bits
    ("*/rtdose*.dcm", _J2K, "BitsStored"),
    ("*/SC_rgb_rle_32bit*.dcm", ("big endian", *_UP_TO_16_BITS), "BitsAllocated"),
    ("*/SC_rgb_rle_32bit*.dcm", _J2K, "BitsStored"),
)
"""Files, targets, what the refusal says; the first that applies counts.

Not listed: what has no pixels becomes native only, and JPEG XL is unsigned.
"""

_SIGNED_OTHERWISE = "J2K_pixelrep_mismatch.dcm"
"""Its stream is unsigned, its PixelRepresentation 1: Nephele extends the sign, OpenJPEG cannot."""


def test_the_set_is_there() -> None:
    assert len(_FILES) > 100


_FEW_TARGETS = ("explicit", "jpeg-ls", "j2k lossless")
_CASES = [
    pytest.param(
        name,
        target,
        id=f"{name} to {target}",
        marks=[pytest.mark.soak] if "dicomdir" in name and target not in _FEW_TARGETS else [],
    )
    for name in _FILES
    for target in LOSSLESS
    if UIDS[target] in TARGETS
]


@pytest.mark.parametrize(("name", "target"), _CASES)
def test_exact_or_refused(name: str, target: str) -> None:
    encoded = (_DATA / name).read_bytes()
    reason = _reason(name, target)
    try:
        result = transcode(encoded, UIDS[target]).encoded
    except (BadFileFormat, NotTranscodable) as exc:
        if reason is None or not re.search(reason, str(exc)):
            raise
        return
    if result == encoded:
        return
    assert reason is None, "not refused"
    before, after = read(encoded), read(result)
    assert after.file_meta.TransferSyntaxUID == UIDS[target]
    expected = _pixels(name)
    if expected is None:
        if target == "big endian":  # pydicom does not swap OW
            after = read(run_tool(["dcmconv", "+te"], result))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _compare_elements(before, after)
        return
    found = decode(result)
    difference = found.samples.astype("int64") - expected.samples.astype("int64")
    if name.endswith(_SIGNED_OTHERWISE):
        difference %= 1 << before.BitsStored
    assert np.count_nonzero(difference) == 0
    assert found.photometric == expected.photometric


def _reason(name: str, target: str) -> str | None:
    for pattern, targets, reason in _REFUSED:
        if fnmatch.fnmatch(f"/{name}", pattern) and target in targets:
            return reason
    if target in NATIVE:
        return None
    dataset = read((_DATA / name).read_bytes())
    if "PixelData" not in dataset:
        return r"PixelData \(7fe0,0010\) is missing"
    is_unsigned_only = target == "jxl lossless" and dataset.get("PixelRepresentation")
    return "PixelRepresentation" if is_unsigned_only else None


@cache
def _pixels(name: str) -> Decoded | None:
    """Return what an independent decoder finds, None where the elements do not say what it is."""
    encoded = (_DATA / name).read_bytes()
    dataset = read(encoded)
    is_image = "PixelData" in dataset and "BitsAllocated" in dataset
    return decode(encoded) if is_image and name != "test_files/badVR.dcm" else None


def _compare_elements(before: Dataset, after: Dataset) -> None:
    """Demand the same elements, but for group lengths."""
    for one, other in ((before, after), (after, before)):
        for element in one:
            if element.tag.element and not element.tag.is_private:
                assert other[element.tag].value == element.value
