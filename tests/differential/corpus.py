"""The files both servers are given, one after the other: real ones, and odd ones made by hand."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pydicom.data

from tests.differential import odd_files, pictures, texts

_FOLDER = Path(pydicom.data.__file__).parent
_FOLDERS = ("charset_files", "test_files")
_NO_FILES = frozenset(".txt .icc .json .py .pyc".split())
_ALIKE = frozenset("TINY_ALPHA 77654033 98892003".split())
"""Folders whose files differ in identifiers only: of the first of each subfolder all is asked."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A file and the name of its test.

    Attributes
    ----------
    is_like_another : bool
        Another file differs from it in identifiers alone.
    """

    name: str
    encoded: bytes
    is_like_another: bool = False


def real_samples() -> Iterator[Sample]:
    """Yield the files that come with pydicom's wheel."""
    seen: set[Path] = set()
    for folder in (_FOLDER / name for name in _FOLDERS):
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.suffix in _NO_FILES:
                continue
            is_alike = bool(_ALIKE.intersection(path.parts)) and path.parent in seen
            seen.add(path.parent)
            yield Sample(_name(path), path.read_bytes(), is_alike)


def _name(path: Path) -> str:
    return path.relative_to(_FOLDER).as_posix().removeprefix("test_files/")


def made_samples() -> Iterator[Sample]:
    """Yield the files made by hand."""
    for table in (odd_files.odd_files(), texts.texts(), pictures.pictures()):
        for name, encoded in table.items():
            yield Sample(name, encoded)


SAMPLES = (*real_samples(), *made_samples())


def lanes(samples: Sequence[Sample], count: int) -> list[list[Sample]]:
    """Share samples out so that no two lanes have one patient: they may be tried side by side."""
    families: dict[str, list[Sample]] = {}
    for sample in samples:
        families.setdefault(_patient_of(sample), []).append(sample)
    shared: list[list[Sample]] = [[] for _ in range(count)]
    for family in sorted(families.values(), key=len, reverse=True):
        min(shared, key=len).extend(family)
    return shared


def _patient_of(sample: Sample) -> str:
    """Return a PatientID without the blanks that may or may not count.

    Files that pydicom cannot read are made ones, each with a patient of its own.
    """
    file = io.BytesIO(sample.encoded)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data_set = pydicom.dcmread(file, stop_before_pixels=True, force=True)
            return str(data_set.get("PatientID", "")).strip(" \0")
        except (OSError, ValueError):
            return sample.name
