"""What decoders of other makers find in a file, as samples.

DCMTK reads RLE, JPEG and JPEG-LS, OpenJPEG JPEG 2000 and its High-Throughput kind, which OpenJPH
writes; GDCM gives a second opinion, FFmpeg another, by decoders of its own. JPEG XL is read by an
older build of the library that writes it: there is no other.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openjpeg
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import UID

from tests.transcoding.syntaxes import LOSSY, NAMES, UIDS
from tests.transcoding.writing import written
from tests.unit.domain.images import Samples

_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a decoder found.

    `samples` have the shape `(frames, rows, columns[, 3])`, colour by pixel.
    """

    samples: Samples
    photometric: str


class JudgeRefused(Exception):
    """A program did not take a file; the message is what it said."""


def run_tool(command: list[str], encoded: bytes) -> bytes:
    """Give a file to a program and return the file it makes of it.

    A missing program is a failure where `CI` is set, a skip elsewhere.

    Raises
    ------
    JudgeRefused
        The program failed or wrote nothing.
    """
    demand(command[0])
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.dcm"), Path(folder, "out.dcm")
        source.write_bytes(encoded)
        done = subprocess.run(
            [*command, source, target], capture_output=True, timeout=_SECONDS, check=False
        )
        if done.returncode or not target.exists():
            raise JudgeRefused(f"{command[0]}: {(done.stderr or done.stdout)[-300:]!r}")
        return target.read_bytes()


def demand(program: str) -> None:
    """Skip the test, or fail it in CI, if a program is not installed."""
    if shutil.which(program) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")


def read(encoded: bytes) -> Dataset:
    """Read a file with pydicom."""
    return pydicom.dcmread(io.BytesIO(encoded), force=True)


def decode(encoded: bytes) -> Decoded:
    """Return what the judge of a file's transfer syntax finds in it."""
    name = NAMES[read(encoded).file_meta.TransferSyntaxUID]
    return _JUDGES[name](encoded)


def decode_by_gdcm(encoded: bytes) -> Decoded:
    """Return what GDCM finds."""
    return native(run_tool(["gdcmconv", "--raw"], encoded))


def iod_errors(encoded: bytes) -> set[str]:
    """Return the errors that dciodvfy finds.

    It does not inflate, and does not know the latest transfer syntaxes, so it is given the data
    set inflated, or under the name of another encapsulated syntax: it does not look at the pixels.
    """
    demand("dciodvfy")
    name = NAMES[read(encoded).file_meta.TransferSyntaxUID]
    if name == "deflated":
        encoded = run_tool(["dcmconv", "+te"], encoded)
    elif name.startswith(("htj2k", "jxl")):
        dataset = read(encoded)
        known = "j2k" if name in LOSSY else "j2k lossless"
        dataset.file_meta.TransferSyntaxUID = UID(UIDS[known])
        encoded = written(dataset)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in.dcm")
        source.write_bytes(encoded)
        done = subprocess.run(
            ["dciodvfy", source], capture_output=True, timeout=_SECONDS, check=False
        )
    if done.returncode < 0:
        raise JudgeRefused(f"dciodvfy was ended by signal {-done.returncode}")
    lines = done.stderr.decode("latin-1").splitlines()
    return {line for line in lines if line.startswith("Error")}


def near_of(stream: bytes) -> int:
    """Return the NEAR parameter of a JPEG-LS stream: behind the components of its SOS."""
    start = stream.index(b"\xff\xda")
    return stream[start + 5 + 2 * stream[start + 4]]


def psnr(samples: Samples, expected: Samples, bits: int) -> float:
    """Return the peak signal-to-noise ratio in dB, the peak being what `bits` can hold."""
    error = float(np.mean((samples.astype("float64") - expected.astype("float64")) ** 2))
    return 999.0 if error == 0 else 20 * np.log10((1 << bits) - 1) - 10 * np.log10(error)


def native(encoded: bytes) -> Decoded:
    """Return the samples of a native little endian file, or a deflated one."""
    return _native(read(encoded), "<")


def _native(dataset: Dataset, order: str) -> Decoded:
    value, bits = dataset.PixelData, dataset.BitsAllocated
    if order == ">" and bits == 8 and dataset["PixelData"].VR == "OW":
        value = np.frombuffer(value, ">u2").astype("<u2").tobytes()
    kind = "i" if dataset.PixelRepresentation else "u"
    photometric = str(dataset.PhotometricInterpretation)
    frames = int(dataset.get("NumberOfFrames") or 1)
    shape: tuple[int, ...] = (frames, dataset.Rows, dataset.Columns)
    if bits == 1:
        if order == ">":
            value = np.frombuffer(value, ">u2").astype("<u2").tobytes()
        unpacked = np.unpackbits(np.frombuffer(value, "u1"), bitorder="little")
        return Decoded(unpacked[: int(np.prod(shape))].reshape(shape), photometric)
    flat = np.frombuffer(value, f"{order}{kind}{bits // 8}")
    if dataset.SamplesPerPixel == 1:
        return Decoded(flat[: int(np.prod(shape))].reshape(shape), photometric)
    if photometric == "YBR_FULL_422":
        return Decoded(_repeated(flat, shape), "YBR_FULL")
    flat = flat[: int(np.prod(shape)) * 3]
    if dataset.PlanarConfiguration:
        planes = flat.reshape(frames, 3, *shape[1:])
        return Decoded(planes.transpose(0, 2, 3, 1), photometric)
    return Decoded(flat.reshape(*shape, 3), photometric)


def _repeated(flat: Samples, shape: tuple[int, ...]) -> Samples:
    pairs = flat[: int(np.prod(shape)) * 2].reshape(*shape[:2], shape[2] // 2, 4)
    samples = np.empty((*shape, 3), flat.dtype)
    samples[:, :, 0::2, 0], samples[:, :, 1::2, 0] = pairs[..., 0], pairs[..., 1]
    samples[..., 1] = pairs[..., 2].repeat(2, axis=2)
    samples[..., 2] = pairs[..., 3].repeat(2, axis=2)
    return samples


def _by_tool(*command: str) -> Callable[[bytes], Decoded]:
    return lambda encoded: native(run_tool([*command], encoded))


def _big_endian(encoded: bytes) -> Decoded:
    """DCMTK swaps OW of 32 bits by words of 16 bits, so those are read as they stand."""
    dataset = read(encoded)
    if dataset.BitsAllocated > 16:
        return _native(dataset, ">")
    return native(run_tool(["dcmconv", "+te"], encoded))


def _openjpeg(encoded: bytes) -> Decoded:
    dataset = read(encoded)
    photometric = str(dataset.PhotometricInterpretation)
    samples = np.stack([openjpeg.decode(io.BytesIO(frame)) for frame in frames_of(dataset)])
    is_transformed = photometric in ("YBR_RCT", "YBR_ICT")
    return Decoded(samples, "RGB" if is_transformed else photometric)


def frames_of(dataset: Dataset) -> list[bytes]:
    """Return the encapsulated frames, as pydicom cuts them."""
    count = int(dataset.get("NumberOfFrames") or 1)
    extended = None
    if "ExtendedOffsetTable" in dataset:
        extended = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
    frames = generate_frames(dataset.PixelData, number_of_frames=count, extended_offsets=extended)
    return list(frames)


_DECODED_AS_RGB = ("XYB", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")
_PNM = re.compile(rb"P([56])\s+(\d+)\s+(\d+)\s+(\d+)\s")


def _djxl(encoded: bytes) -> Decoded:
    dataset = read(encoded)
    photometric = str(dataset.PhotometricInterpretation)
    is_color = dataset.SamplesPerPixel == 3
    frames = [_djxl_frame(frame, "ppm" if is_color else "pgm") for frame in frames_of(dataset)]
    return Decoded(np.stack(frames), "RGB" if photometric in _DECODED_AS_RGB else photometric)


def _djxl_frame(stream: bytes, suffix: str) -> Samples:
    """Return a picture's samples: the program spreads them over 8 or 16 bits, big endian."""
    picture = djxl(stream, suffix)
    header = _PNM.match(picture)
    if header is None:
        raise JudgeRefused("djxl wrote no PNM")
    kind, columns, rows, maximum = (int(number) for number in header.groups())
    dtype, full = ("u1", 255) if maximum < 256 else (">u2", 65535)
    shape = (rows, columns) if kind == 5 else (rows, columns, 3)
    scaled = np.frombuffer(picture[header.end() :], dtype).astype("int64").reshape(shape)
    return (scaled * maximum + full // 2) // full


def djxl(stream: bytes, suffix: str) -> bytes:
    """Decode a JPEG XL stream with libjxl's program, to a picture or the JPEG it was made of."""
    demand("djxl")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.jxl"), Path(folder, f"out.{suffix}")
        source.write_bytes(stream)
        done = subprocess.run(
            ["djxl", source, target, "--num_threads=0"],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode:
            raise JudgeRefused(f"djxl: {done.stderr[-300:]!r}")
        return target.read_bytes()


_JPEG = _by_tool("dcmdjpeg", "+px")
_JPEG_LOSSLESS = _by_tool("dcmdjpeg", "+px", "+cn")
_JPEG_LS = _by_tool("dcmdjpls")
_JUDGES: dict[str, Callable[[bytes], Decoded]] = {
    "implicit": native,
    "explicit": native,
    "deflated": _by_tool("dcmconv", "+te"),
    "big endian": _big_endian,
    "rle": _by_tool("dcmdrle"),
    "jpeg baseline": _JPEG,
    "jpeg extended": _JPEG,
    "jpeg lossless": _JPEG_LOSSLESS,
    "jpeg lossless sv1": _JPEG_LOSSLESS,
    "jpeg-ls": _JPEG_LS,
    "jpeg-ls near": _JPEG_LS,
    "j2k lossless": _openjpeg,
    "j2k": _openjpeg,
    "htj2k lossless": _openjpeg,
    "htj2k rpcl": _openjpeg,
    "htj2k": _openjpeg,
    "jxl lossless": _djxl,
    "jxl of jpeg": _djxl,
    "jxl": _djxl,
}
ALSO_GDCM = ("rle", "jpeg lossless", "jpeg lossless sv1", "jpeg-ls", "j2k lossless")
"""What GDCM reads, too."""
