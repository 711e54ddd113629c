"""Pictures for tests: decoded by Nephele, or shown by DCMTK, which judges them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from nephele.domain.rendering import Picture, decode_picture, open_pixels
from tests.unit.domain.images import Samples
from tests.unit.domain.judges import run_judge

_PNM = re.compile(rb"(P[56])\s+(\d+)\s+(\d+)\s+(\d+)\s")


def picture_of(encoded: bytes, frame: int = 0) -> Picture:
    """Decode a frame of a file."""
    return decode_picture(open_pixels(io.BytesIO(encoded)), frame)


def changed(encoded: bytes, change: Callable[[Dataset], object]) -> bytes:
    """Return a file after a change to its data set."""
    data_set = pydicom.dcmread(io.BytesIO(encoded))
    change(data_set)
    file = io.BytesIO()
    data_set.save_as(file)
    return file.getvalue()


def shown_by_dcmtk(encoded: bytes, folder: Path, *options: str) -> Samples:
    """Return the 8 bits per sample that `dcm2pnm` shows of a file's first frame."""
    return read_pnm(run_judge(["dcm2pnm", "--write-raw-pnm", *options], encoded, folder))


def read_pnm(encoded: bytes) -> Samples:
    """Return the samples of a portable gray or pixel map of 8 bits."""
    header = _PNM.match(encoded)
    assert header is not None, encoded[:40]
    columns, rows = int(header[2]), int(header[3])
    assert header[4] == b"255"
    shape = (rows, columns) if header[1] == b"P5" else (rows, columns, 3)
    return np.frombuffer(encoded[header.end() :], np.uint8).reshape(shape)
