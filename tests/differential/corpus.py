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

_FOLDER = Path(pydicom.data.__file__).parent / "test_files"
_ALIKE = frozenset("TINY_ALPHA 77654033 98892003".split())
"""Folders whose files differ in identifiers only: the first of each subfolder is enough."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A file and the name of its test."""

    name: str
    encoded: bytes


def real_samples() -> Iterator[Sample]:
    """Yield the files that come with pydicom's wheel."""
    seen: set[Path] = set()
    for path in sorted(_FOLDER.rglob("*")):
        if not path.is_file() or path.suffix in {".txt", ".icc", ".json", ".py"}:
            continue
        if _ALIKE.intersection(path.parts) and path.parent in seen:
            continue
        seen.add(path.parent)
        yield Sample(path.relative_to(_FOLDER).as_posix(), path.read_bytes())


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
