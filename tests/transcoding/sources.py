"""Every kind of image in every transfer syntax, written by encoders of other makers.

DCMTK writes what it can; OpenJPEG (by pylibjpeg) JPEG 2000, libjxl's program JPEG XL. Only OpenJPH
writes High-Throughput JPEG 2000; it is called here directly, and judged by OpenJPEG.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from openjpeg.utils import encode_array
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from tests.transcoding.images import KINDS, Kind
from tests.transcoding.judges import Decoded, decode, demand, frames_of, read, run_tool
from tests.transcoding.syntaxes import LOSSY, NATIVE, RECODED, UIDS
from tests.transcoding.writing import written
from tests.unit.domain.images import Samples


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file in one transfer syntax, and what an independent decoder finds in it."""

    syntax: str
    encoded: bytes
    expected: Decoded


@cache
def source_files(kind_name: str) -> tuple[SourceFile, ...]:
    """Return a kind of image in every transfer syntax that can hold it."""
    kind = KINDS[kind_name]
    return tuple(_source_files(kind))


def _source_files(kind: Kind) -> Iterator[SourceFile]:
    for syntax, write in _WRITERS.items():
        if not holds(syntax, kind):
            continue
        encoded = write(kind.file())
        if syntax in LOSSY or syntax == RECODED:
            yield SourceFile(syntax, encoded, decode(encoded))
        else:
            photometric = "YBR_FULL" if kind.photometric == "YBR_FULL_422" else kind.photometric
            yield SourceFile(syntax, encoded, Decoded(kind.samples, photometric))


def holds(syntax: str, kind: Kind) -> bool:
    """Tell whether the source of a kind is written in a syntax.

    Lossy syntaxes are limited to the kinds that make a difference to who reads them; pylibjpeg's
    encoder wants 32 rows and columns, OpenJPH more than one.
    """
    if syntax in NATIVE:
        return True
    if kind.bits == 1 or kind.photometric == "YBR_FULL_422":
        return False
    if syntax == "rle":
        return True
    if kind.bits_allocated > 16:
        return False
    if syntax in ("jpeg baseline", RECODED):
        return kind.name in _BASELINE
    if syntax == "jpeg extended":
        return kind.name in ("8 bits", "12 of 16 bits", "three frames")
    if syntax in LOSSY:
        return kind.name in _LOSSY_KINDS
    if syntax == "j2k lossless" and min(kind.samples.shape[1:3]) < 32:
        return False
    if syntax.startswith(("htj2k", "jxl")) and 1 in kind.samples.shape[1:3]:
        return False
    return not (syntax == "jxl lossless" and (kind.is_signed or _is_high(kind)))


_BASELINE = (
    "8 bits",
    "8 bits, MONOCHROME1",
    "RGB",
    "RGB, odd size",
    "three RGB frames",
    "YBR_FULL",
)
_LOSSY_KINDS = ("8 bits", "12 of 16 bits", "RGB", "three frames")


def _is_high(kind: Kind) -> bool:
    return int(kind.samples.max()) >> kind.bits > 0


def _tool(*command: str) -> Callable[[bytes], bytes]:
    return lambda encoded: run_tool([*command], encoded)


def _big_endian(encoded: bytes) -> bytes:
    """Let DCMTK write it; words of 32 bits, which it swaps by halves, are put right."""
    swapped = read(run_tool(["dcmconv", "+tb"], encoded))
    if swapped.BitsAllocated > 16:
        swapped.PixelData = np.frombuffer(read(encoded).PixelData, "<u4").astype(">u4").tobytes()
    return written(swapped)


def frame_by_frame(
    syntax: str,
    encode: Callable[[Samples, Dataset], bytes],
    photometric: str | None = None,
) -> Callable[[bytes], bytes]:
    """Return a writer that encodes each frame; colour gets another photometric interpretation."""

    def write(encoded: bytes) -> bytes:
        dataset = read(encoded)
        frames = [encode(frame, dataset) for frame in decode(encoded).samples]
        return encapsulated(dataset, syntax, frames, photometric)

    return write


def encapsulated(
    dataset: Dataset, syntax: str, frames: list[bytes], photometric: str | None = None
) -> bytes:
    """Return a file with frames as its pixel data, one fragment each, with an offset table."""
    dataset.file_meta.TransferSyntaxUID = UID(UIDS[syntax])
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    if dataset.SamplesPerPixel == 3:
        dataset.PlanarConfiguration = 0
        if photometric is not None and dataset.PhotometricInterpretation == "RGB":
            dataset.PhotometricInterpretation = photometric
    return written(dataset)


def _bits(samples: Samples, dataset: Dataset) -> int:
    """Return the precision that holds all samples: BitsStored, or all that is allocated."""
    is_within = dataset.PixelRepresentation or int(samples.max()) >> dataset.BitsStored == 0
    return int(dataset.BitsStored if is_within else dataset.BitsAllocated)


def _j2k(**options: Any) -> Callable[[Samples, Dataset], bytes]:
    def encode(samples: Samples, dataset: Dataset) -> bytes:
        is_rgb = dataset.PhotometricInterpretation == "RGB"
        return bytes(
            encode_array(
                np.ascontiguousarray(samples),
                bits_stored=_bits(samples, dataset),
                photometric_interpretation=1 if is_rgb else 0,
                **options,
            )
        )

    return encode


def _htj2k(**options: Any) -> Callable[[Samples, Dataset], bytes]:
    def encode(samples: Samples, dataset: Dataset) -> bytes:
        bits = _bits(samples, dataset)
        dtype = f"{samples.dtype.kind}{1 if bits <= 8 else 2}"
        return bytes(
            imagecodecs.htj2k_encode(
                np.ascontiguousarray(samples, dtype),
                bitspersample=bits,
                rgb=dataset.PhotometricInterpretation == "RGB",
                **options,
            )
        )

    return encode


def _jxl(level: str) -> Callable[[Samples, Dataset], bytes]:
    """Return an encoder: libjxl's program, which takes no depths but 8 and 16 bits, or libjxl."""

    def encode(samples: Samples, dataset: Dataset) -> bytes:
        bits = _bits(samples, dataset)
        if bits not in (8, 16):
            dtype = "u1" if bits < 8 else "u2"
            is_lossless = level == "0"
            options = {"lossless": True} if is_lossless else {"distance": float(level)}
            data = np.ascontiguousarray(samples, dtype)
            return bytes(imagecodecs.jpegxl_encode(data, bitspersample=bits, effort=3, **options))
        rows, columns = samples.shape[:2]
        header = f"P{6 if samples.ndim == 3 else 5} {columns} {rows} {(1 << bits) - 1}\n"
        pixels = samples.astype("u1" if bits == 8 else ">u2").tobytes()
        return cjxl(header.encode() + pixels, "ppm", "-d", level)

    return encode


def cjxl(picture: bytes, suffix: str, *options: str) -> bytes:
    """Encode a PNM picture or a JPEG stream with libjxl's program."""
    demand("cjxl")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, f"in.{suffix}"), Path(folder, "out.jxl")
        source.write_bytes(picture)
        command = ["cjxl", source, target, "--num_threads=0", "-e", "3", *options]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return target.read_bytes()


def _recoded(encoded: bytes) -> bytes:
    """Return JPEG Baseline as JPEG XL, from which the same JPEG streams can be had again."""
    dataset = read(run_tool(["dcmcjpeg", "+eb"], encoded))
    frames = [cjxl(frame, "jpg", "--lossless_jpeg=1") for frame in frames_of(dataset)]
    return encapsulated(dataset, RECODED, frames)


_WRITERS: dict[str, Callable[[bytes], bytes]] = {
    "explicit": lambda encoded: encoded,
    "implicit": _tool("dcmconv", "+ti"),
    "big endian": _big_endian,
    "deflated": _tool("dcmconv", "+td"),
    "rle": _tool("dcmcrle"),
    "jpeg baseline": _tool("dcmcjpeg", "+eb"),
    "jpeg extended": _tool("dcmcjpeg", "+ee"),
    "jpeg lossless": _tool("dcmcjpeg", "+el", "+sv", "6"),
    "jpeg lossless sv1": _tool("dcmcjpeg", "+e1"),
    "jpeg-ls": _tool("dcmcjpls", "+el"),
    "jpeg-ls near": _tool("dcmcjpls", "+en", "+md", "2"),
    "j2k lossless": frame_by_frame("j2k lossless", _j2k(), "YBR_RCT"),
    "j2k": frame_by_frame("j2k", _j2k(signal_noise_ratios=[45]), "YBR_ICT"),
    "htj2k lossless": frame_by_frame("htj2k lossless", _htj2k(reversible=True), "YBR_RCT"),
    "htj2k rpcl": frame_by_frame(
        "htj2k rpcl",
        _htj2k(reversible=True, prog_order="RPCL", tlm=True, tilepart=1),
        "YBR_RCT",
    ),
    "htj2k": frame_by_frame("htj2k", _htj2k(reversible=False, level=0.002), "YBR_ICT"),
    "jxl lossless": frame_by_frame("jxl lossless", _jxl("0")),
    RECODED: _recoded,
    "jxl": frame_by_frame("jxl", _jxl("0.5")),
}
