"""Finding DICOM files to import: folders, single files, members of ZIP archives."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nephele.errors import BadFileFormat
from nephele.services.archive_members import Bounds, is_zip, open_zip

_PREAMBLE_BYTES = 132
_NO_BOUNDS = Bounds(0)
DICOMDIR = "DICOMDIR"
"""Why a medium's index need not be sent, and its name."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to import; `member` is its place in the ZIP archive at `path`.

    `stamp` changes when the file does; `is_named` tells that a user asked for this very file.
    """

    path: Path
    size_bytes: int
    stamp: str
    member: zipfile.ZipInfo | None = None
    is_named: bool = False

    @property
    def name(self) -> str:
        """Return what a person knows it by."""
        return f"{self.path}" if self.member is None else f"{self.path}!{self.member.filename}"

    @property
    def identity(self) -> str:
        """Return what stays the same until the file changes."""
        return f"{self.name}|{self.size_bytes}|{self.stamp}"

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open it for reading from its beginning."""
        with self.path.open("rb") as file:
            if self.member is None:
                yield file
                return
            with open_zip(file, _NO_BOUNDS) as archive, archive.open(self.member) as member:
                yield member


def iter_sources(paths: Iterable[Path]) -> Iterator[Source]:
    """Yield all files at and beneath paths, in the order of their names.

    Links to folders are not followed; a ZIP archive stands for its members.
    """
    for path in paths:
        is_named = not path.is_dir()
        files = [path] if is_named else sorted(path.rglob("*"))
        for file in files:
            if file.is_file():
                yield from _iter_file(file.absolute(), is_named=is_named)


def _iter_file(path: Path, *, is_named: bool) -> Iterator[Source]:
    status = path.stat()
    stamp = str(status.st_mtime_ns)
    members = _zip_members(path)
    if members is None:
        yield Source(path, status.st_size, stamp, is_named=is_named)
        return
    for member in members:
        yield Source(path, member.file_size, stamp, member)


def _zip_members(path: Path) -> list[zipfile.ZipInfo] | None:
    """Return what may be DICOM in a ZIP archive, None for any other (or an unreadable) file."""
    try:
        with path.open("rb") as file:
            if not is_zip(file):
                return None
            with open_zip(file, _NO_BOUNDS) as archive:
                return archive.members
    except (BadFileFormat, OSError):
        return None  # sending it will tell why


def why_not_dicom(file: BinaryIO, name: str) -> str | None:
    """Return why a file need not be sent, None for a DICOM file; its position is unchanged."""
    beginning = file.read(_PREAMBLE_BYTES)
    file.seek(0)
    if not beginning:
        return "empty file"
    if beginning[128:] != b"DICM":
        return "not a DICOM file"
    return DICOMDIR if Path(name).name.upper() == DICOMDIR else None
