"""Digests of a DICOM file: of all its bytes, and of its data set alone where that is large."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from nephele.domain.part10 import InspectedFile, read_file_meta

if TYPE_CHECKING:
    from hashlib import _Hash

DIGESTED_FROM_BYTES = 8 << 20
"""Smaller files are compared byte by byte, should they ever have to be."""
_CHUNK_BYTES = 1 << 20
_LARGE_CHUNK_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Digests:
    """What a file is recognized by.

    Attributes
    ----------
    md5 : bytes
        Of the whole file.
    data_set : str
        SHA-256 of transfer syntax and data set, in hexadecimal digits: the meta information does
        not count, it names the sender. "" for small files.
    """

    md5: bytes
    data_set: str = ""


def begin_data_set(transfer_syntax_uid: str) -> _Hash:
    """Return what is to be updated with a data set: equal bytes differ in another syntax."""
    return hashlib.sha256(f"{transfer_syntax_uid}\0".encode())


def digests_of(file: BinaryIO, inspected: InspectedFile) -> Digests:
    """Read a file from its beginning to its end, and leave it at its beginning."""
    md5 = hashlib.md5(usedforsecurity=False)
    file.seek(0)
    md5.update(file.read(inspected.data_set_offset))
    is_large = inspected.size_bytes > DIGESTED_FROM_BYTES
    data_set = begin_data_set(inspected.transfer_syntax_uid) if is_large else None
    while chunk := file.read(_CHUNK_BYTES):
        md5.update(chunk)
        if data_set is not None:
            data_set.update(chunk)
    file.seek(0)
    return Digests(md5.digest(), "" if data_set is None else data_set.hexdigest())


def digests_in_time(file: BinaryIO, has_time: Callable[[], bool]) -> Digests | None:
    """Read a large file once, in large pieces; None where time is over before its end.

    Raises as `read_file_meta`.
    """
    file.seek(0)
    meta = read_file_meta(file)
    file.seek(0)
    md5, data_set = hashlib.md5(usedforsecurity=False), begin_data_set(meta.transfer_syntax_uid)
    md5.update(file.read(meta.data_set_offset))
    while chunk := file.read(_LARGE_CHUNK_BYTES):
        if not has_time():
            return None
        md5.update(chunk)
        data_set.update(chunk)
    return Digests(md5.digest(), data_set.hexdigest())


def md5_in_time(file: BinaryIO, has_time: Callable[[], bool]) -> str:
    """Return the MD5 of a large file in hexadecimal, "" where time is over before its end."""
    file.seek(0)
    md5 = hashlib.md5(usedforsecurity=False)
    while chunk := file.read(_LARGE_CHUNK_BYTES):
        if not has_time():
            return ""
        md5.update(chunk)
    return md5.hexdigest()


def digest_of_data_set(file: BinaryIO) -> str:
    """Return `Digests.data_set` of a file of any size. Raises as `read_file_meta`."""
    digest = begin_data_set(_at_data_set(file))
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def is_same_data_set(one: BinaryIO, other: BinaryIO) -> bool:
    """Tell whether two files differ in their meta information at most, which names the sender.

    Raises
    ------
    BadFileFormat
        One of them is no DICOM file.
    """
    if _at_data_set(one) != _at_data_set(other):
        return False
    while chunk := one.read(_CHUNK_BYTES):
        if chunk != other.read(_CHUNK_BYTES):
            return False
    return not other.read(1)


def _at_data_set(file: BinaryIO) -> str:
    """Go to the data set, and return its transfer syntax."""
    file.seek(0)
    meta = read_file_meta(file)
    file.seek(meta.data_set_offset)
    return meta.transfer_syntax_uid
