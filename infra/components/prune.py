"""What a function never reads and its zip does not carry.

The tests import every handler from the built folder alone, and load every codec that is kept.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SERVICES = ("dynamodb", "dynamodbstreams", "events", "kms", "s3", "secretsmanager", "sqs", "sts")
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
    "_jpegxl",
    "_png",
)
"""Modules of imagecodecs that are kept: transfer syntaxes, PNG, ZIP, and what they share."""

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
_UNUSED_NAMES = ("__pycache__", "tests", "examples-1.json")
_UNUSED_SUFFIXES = (".pyi", ".pyx", ".pxd", ".c", ".h", ".a")
_UNUSED_CODEC_FILES = ("zarr.py", "numcodecs.py")


def prune(folder: Path) -> None:
    """Remove what no function reads from a folder of installed requirements."""
    for path in sorted(_iter_unused(folder)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    _shorten_descriptions(folder / "botocore" / "data")


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


def _shorten_descriptions(data: Path) -> None:
    """Take out of botocore's descriptions of services what only a reader of them needs.

    A client's first use parses them: of its service, and of the endpoints of all AWS.
    """
    prefixes = set()
    for path in data.glob("*/*/*.json.gz"):
        description = json.loads(gzip.decompress(path.read_bytes()))
        prefixes.add(description.get("metadata", {}).get("endpointPrefix"))
        _write(path, gzip.compress(_compact(_shortened(description)), mtime=0))
    for path in data.glob("endpoints.json"):
        endpoints = json.loads(path.read_bytes())
        for partition in endpoints["partitions"]:
            services = partition["services"]
            partition["services"] = {
                name: services[name] for name in sorted(prefixes & services.keys())
            }
        _write(path, _compact(endpoints))


def _shortened(value: Any) -> Any:
    """Return a description with empty texts; a shape's member of that name is no text."""
    if isinstance(value, dict):
        return {
            name: "" if name == "documentation" and isinstance(item, str) else _shortened(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    return value


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _write(path: Path, content: bytes) -> None:
    """Write a new file: the old one may be a link into the installer's cache."""
    path.unlink()
    path.write_bytes(content)


def _folders(parent: Path) -> Iterator[Path]:
    return (path for path in parent.glob("*") if path.is_dir())
