"""Compares two answers: status, headers, then the body by what it is."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from xml.etree import ElementTree as ET

import imagecodecs
import numpy as np
from pydicom.datadict import repeater_has_keyword, tag_for_keyword

from tests.differential.normalization import normalized
from tests.differential.observations import Answer, Observation

_ABSENT = object()
_XML = b"<?xml"
_PNG, _JPEG, _NPY, _ZIP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\x93NUMPY", b"PK\3\4"
_SCALAR = re.compile(rb'"(?:\\.|[^"\\])*"|[\w.+-]+')
_BY_NAME = re.compile(r"/simplified-tags|/tags\?.*simplify")
_NAME = re.compile(r"(?<=\.)[^.\[]+")
NO_KEYWORD = "(no keyword)"
_SHOWN_CHARACTERS = 120


class Kind(StrEnum):
    """How Nephele's answer differs from Orthanc's."""

    CHANGED = "changed"
    MISSING = "missing"
    EXTRA = "extra"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; `path` is `status`, `header.<name>`, `text`, `bytes`, `pixels…` or `$…`."""

    subject: str
    route: str
    path: str
    kind: Kind
    orthanc: str
    nephele: str

    def __str__(self) -> str:
        return (
            f"{self.subject}: {self.route} {self.path} {self.kind}:"
            f" Orthanc {self.orthanc}, Nephele {self.nephele}"
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A difference inside one answer."""

    path: str
    kind: Kind
    orthanc: object = _ABSENT
    nephele: object = _ABSENT


def compare(orthanc: Observation, nephele: Observation) -> list[Difference]:
    """Return all differences of two answers to one request."""
    found = list(
        _compare_answers(
            normalized(orthanc.route, orthanc.answer), normalized(nephele.route, nephele.answer)
        )
    )
    theirs, ours = style_of(orthanc.answer.body), style_of(nephele.answer.body)
    if not found and theirs != ours:
        found.append(Found("style", Kind.CHANGED, theirs, ours))
    has_names = _BY_NAME.search(orthanc.route) is not None
    return [
        Difference(
            orthanc.subject,
            orthanc.route,
            _without_private_names(one.path) if has_names else one.path,
            one.kind,
            _show(one.orthanc),
            _show(one.nephele),
        )
        for one in found
    ]


def _without_private_names(path: str) -> str:
    """Return a path whose names are PS3.6's keywords; those of private elements are all alike."""
    if not path.startswith("$."):
        return path
    return _NAME.sub(lambda match: match[0] if _is_keyword(match[0]) else NO_KEYWORD, path)


def _is_keyword(name: str) -> bool:
    return tag_for_keyword(name) is not None or repeater_has_keyword(name)


def _show(value: object) -> str:
    if value is _ABSENT:
        return "(absent)"
    shown = repr(value)
    return shown if len(shown) <= _SHOWN_CHARACTERS else shown[:_SHOWN_CHARACTERS] + "…"


def _compare_answers(orthanc: Answer, nephele: Answer) -> Iterator[Found]:
    if orthanc.status != nephele.status:
        yield Found("status", Kind.CHANGED, _show_status(orthanc), _show_status(nephele))
        return
    for name in sorted(orthanc.headers.keys() | nephele.headers.keys()):
        ours, theirs = nephele.headers.get(name, _ABSENT), orthanc.headers.get(name, _ABSENT)
        yield from _compare_values(f"header.{name}", theirs, ours)
    if orthanc.body != nephele.body:
        yield from _compare_bodies(orthanc.body, nephele.body)


def _show_status(answer: Answer) -> str:
    """Return a status with what an error says: the rest of two such answers is not compared."""
    described = _as_json(answer.body)
    if not isinstance(described, dict) or "OrthancStatus" not in described:
        return str(answer.status)
    return f"{answer.status}, code {described['OrthancStatus']} {described.get('Details', '')}"


def style_of(body: bytes) -> bytes:
    """Return how a JSON body is laid out: its blanks and brackets, every scalar the same."""
    return b"" if _as_json(body) is None else _SCALAR.sub(b"x", body)


def _compare_bodies(orthanc: bytes, nephele: bytes) -> Iterator[Found]:
    theirs_decoded, ours_decoded = _as_samples(orthanc), _as_samples(nephele)
    if theirs_decoded is not None and ours_decoded is not None:
        yield from _compare_samples(theirs_decoded, ours_decoded)
        return
    read = _as_xml if orthanc.startswith(_XML) else _as_json
    theirs, ours = read(orthanc), read(nephele)
    if theirs is not None and ours is not None:
        yield from compare_json("$", theirs, ours)
        return
    try:
        yield Found("text", Kind.CHANGED, orthanc.decode(), nephele.decode())
    except UnicodeDecodeError:
        yield Found("bytes", Kind.CHANGED, orthanc[:24], nephele[:24])


def _as_json(body: bytes) -> Any:
    """Return an object or an array, None for whatever else."""
    if body[:1] not in {b"{", b"["}:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


def _as_xml(body: bytes) -> Any:
    """Return a document as an object, None for whatever else."""
    try:
        return _members(ET.fromstring(body))  # noqa: S314  from servers of this test
    except ET.ParseError:
        return None


def _members(node: ET.Element) -> dict[str, Any]:
    """Return attributes, children by name and tag or number, and the text of a leaf."""
    attributes = {name.rpartition("}")[2]: value for name, value in node.attrib.items()}
    children: dict[str, Any] = {}
    for child in node:
        told = child.get("tag") or child.get("number") or ""
        children[f"{child.tag.rpartition('}')[2]}{told}"] = _members(child)
    text = {} if children else {"text": node.text or ""}
    return attributes | children | text


def _as_samples(body: bytes) -> np.ndarray[Any, Any] | None:
    """Return the samples of a picture or an array, None for whatever else."""
    if body.startswith(_PNG):
        return np.asarray(imagecodecs.png_decode(body))
    if body.startswith(_JPEG):
        return np.asarray(imagecodecs.jpeg8_decode(body))
    if not body.startswith((_NPY, _ZIP)):
        return None
    loaded = np.load(io.BytesIO(body))
    return np.asarray(loaded[loaded.files[0]] if body.startswith(_ZIP) else loaded)


def _compare_samples(theirs: np.ndarray[Any, Any], ours: np.ndarray[Any, Any]) -> Iterator[Found]:
    if theirs.shape != ours.shape or theirs.dtype != ours.dtype:
        yield Found(
            "pixels.shape", Kind.CHANGED, (theirs.shape, theirs.dtype), (ours.shape, ours.dtype)
        )
        return
    wide = np.float64 if theirs.dtype.kind == "f" else np.int64
    distance = np.abs(theirs.astype(wide) - ours.astype(wide))
    if worst := distance.max(initial=0):
        share = f"{np.count_nonzero(distance)} of {distance.size}"
        path = "pixels.by-one" if worst <= 1 else f"pixels.by-{'few' if worst < 4 else 'many'}"
        yield Found(path, Kind.CHANGED, "as decoded", f"{share} differ, at most by {worst}")


def compare_json(path: str, orthanc: Any, nephele: Any) -> Iterator[Found]:
    """Compare two JSON values, field by field."""
    if isinstance(orthanc, dict) and isinstance(nephele, dict):
        for name in sorted(orthanc.keys() | nephele.keys()):
            theirs, ours = orthanc.get(name, _ABSENT), nephele.get(name, _ABSENT)
            yield from _compare_values(f"{path}.{name}", theirs, ours)
    elif isinstance(orthanc, list) and isinstance(nephele, list):
        yield from _compare_arrays(path, orthanc, nephele)
    elif type(orthanc) is not type(nephele) or orthanc != nephele:
        yield Found(path, Kind.CHANGED, orthanc, nephele)


def _compare_values(path: str, orthanc: Any, nephele: Any) -> Iterator[Found]:
    if nephele is _ABSENT:
        yield Found(path, Kind.MISSING, orthanc=orthanc)
    elif orthanc is _ABSENT:
        yield Found(path, Kind.EXTRA, nephele=nephele)
    else:
        yield from compare_json(path, orthanc, nephele)


def _compare_arrays(path: str, orthanc: list[Any], nephele: list[Any]) -> Iterator[Found]:
    theirs, ours = [_key(item) for item in orthanc], [_key(item) for item in nephele]
    if theirs != ours and sorted(theirs) == sorted(ours):
        yield Found(path, Kind.ORDER, theirs, ours)
        orthanc, nephele = sorted(orthanc, key=_key), sorted(nephele, key=_key)
    if len(orthanc) != len(nephele):
        yield Found(f"{path}.length", Kind.CHANGED, orthanc, nephele)
    for theirs_item, ours_item in zip(orthanc, nephele, strict=False):
        yield from compare_json(f"{path}[]", theirs_item, ours_item)


def _key(item: Any) -> str:
    """Return what tells an item of an array from the others: the id of a resource, else all."""
    if isinstance(item, dict) and "ID" in item and "ChangeType" not in item:
        return str(item["ID"])
    return json.dumps(item, sort_keys=True)
