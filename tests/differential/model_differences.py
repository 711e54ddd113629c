"""What is meant to differ in the DICOM JSON and Native DICOM Models of files."""

from __future__ import annotations

from tests.differential.intended import Intended

_FILE = r"GET /instances/\{instance\}/file.*"
_ANY = r"(.*\.)?"
_ATTRIBUTE = rf"\$\.{_ANY}(DicomAttribute)?"


MODELS: tuple[Intended, ...] = ()
