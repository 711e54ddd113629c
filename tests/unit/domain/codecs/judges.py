"""What decoders of other makers find in an encoded frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from openjpeg.utils import decode as openjpeg_decode

from nephele.domain.codecs.precision import holds_stored_bits_only
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import transfer_syntax
from tests.unit.domain.codecs.files import encapsulated_file, native_samples
from tests.unit.domain.images import Samples
from tests.unit.domain.judges import run_judge

DCMTK: dict[str, list[str]] = {
    "jpeg": ["dcmdjpeg"],
    "jpeg-lossless": ["dcmdjpeg"],
    "jpeg-ls": ["dcmdjpls"],
    "rle": ["dcmdrle"],
}
"""DCMTK's decoders, by the syntax's kind."""


def judged_by_tools(
    uid: str, encoded: bytes, description: PixelDescription, samples: Samples, folder: Path
) -> dict[str, Samples]:
    """Return the samples that each tool finds, flat.

    Parameters
    ----------
    samples : ndarray
        What was encoded.
    """
    kind = transfer_syntax(uid).kind
    photometric = description.photometric_interpretation
    file = encapsulated_file(uid, encoded, description, photometric)
    commands = [DCMTK[kind]] if kind in DCMTK else []
    if kind == "jpeg-lossless":
        commands[0] = [*commands[0], "--conv-never"]
    if _gdcm_reads(kind, description, samples):
        commands.append(["gdcmconv", "--raw"])
    return {
        command[0]: native_samples(run_judge(command, file, folder), is_rgb=kind == "jpeg")
        for command in commands
    }


def _gdcm_reads(kind: str, description: PixelDescription, samples: Samples) -> bool:
    """Tell whether GDCM 3.0.21 can judge.

    It refuses fewer than 8 bits stored in 8, clears what is outside of BitsStored, and takes RLE
    colours of 16 bits for something else; native files of the same pixels too, but for the last.
    """
    if description.bits_stored < 8 == description.bits_allocated:
        return False
    if kind == "rle" and description.samples_per_pixel == 3 and description.bits_allocated > 8:
        return False
    is_clean = description.high_bit == description.bits_stored - 1
    return is_clean and holds_stored_bits_only(samples, description)


def judged_by_openjpeg(encoded: bytes) -> Samples:
    """Decode JPEG 2000, of Part 15 too, with pylibjpeg's OpenJPEG."""
    return np.asarray(openjpeg_decode(encoded)).ravel()


def judged_by_djxl(encoded: bytes, precision: int, folder: Path) -> Samples:
    """Decode JPEG XL with libjxl's own tool, which stretches samples to 8 or 16 bits."""
    decoded = run_judge(["djxl"], encoded, folder, ("in.jxl", "out.ppm"))
    _kind, _size, scale, pixels = decoded.split(b"\n", 3)
    dtype = np.dtype("u1" if scale == b"255" else ">u2")
    stretched = np.frombuffer(pixels, dtype).astype(float)
    # The scale the file names is the precision's, that of its samples is the type's.
    return np.rint(stretched * ((1 << precision) - 1) / np.iinfo(dtype).max)
