"""What a function never reads and its zip does not carry.

The tests import every handler from the built folder alone, and load every codec that is kept.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

SERVICES = ("dynamodb", "dynamodbstreams", "kms", "s3", "secretsmanager", "sqs", "sts")
"""AWS services the functions call; botocore's and boto3's descriptions of others are removed."""

CODECS = (
    "_shared",
    "_shared_cython",
    "_deflate",
    "_htj2k",
    "_imcd",
    "_jpeg2k",
    "_jpeg8",
    "_jpegls",
    "_jpegsof3",
    "_jpegxl",
    "_png",
    "_zlib",
)
"""Modules of imagecodecs that are kept: the transfer syntaxes' codecs, PNG and what they share."""

_CODEC_LIBRARIES = (
    "libbrotli",
    "libcharls",
    "libdeflate",
    "libjpeg-",
    "libjxl",
    "liblcms2",
    "libopenjp2",
    "libopenjph",
    "libpng",
)
_UNUSED_PATHS = (
    ".lock",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui",
    "bin",
    "numpy/_core/include",
    "numpy/_core/lib",
    "numpy/f2py",
    "pydantic/v1",
    "pydicom/data/charset_files",
    "pydicom/data/test_files",
)
_UNUSED_NAMES = ("__pycache__", "tests")
_UNUSED_SUFFIXES = (".pyi", ".pyx", ".pxd", ".c", ".h", ".a")
_UNUSED_CODEC_FILES = ("zarr.py", "numcodecs.py")


def prune(folder: Path) -> None:
    """Remove what no function reads from a folder of installed requirements."""
    for path in sorted(_iter_unused(folder)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _iter_unused(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in _UNUSED_PATHS)
    yield from folder.glob("*.dist-info/RECORD")
    for path in folder.rglob("*"):
        if path.suffix in _UNUSED_SUFFIXES or path.name in _UNUSED_NAMES:
            yield path
    for data in ("botocore/data", "boto3/data"):
        yield from (path for path in _folders(folder / data) if path.name not in SERVICES)
    yield from _iter_unused_codecs(folder)


def _iter_unused_codecs(folder: Path) -> Iterator[Path]:
    for path in folder.glob("imagecodecs/*.so"):
        if path.name.split(".")[0] not in CODECS:
            yield path
    for path in folder.glob("imagecodecs.libs/*"):
        if not path.name.startswith(_CODEC_LIBRARIES):
            yield path
    yield from (folder / "imagecodecs" / name for name in _UNUSED_CODEC_FILES)


def _folders(parent: Path) -> Iterator[Path]:
    return (path for path in parent.glob("*") if path.is_dir())
