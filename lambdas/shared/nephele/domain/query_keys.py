"""Queries that are sent to other archives: which keys they have. See PS3.4 C.4, dicom.md 2.5.

A query is a document: values by tag (`gggg,eeee`); of sequences, a list of documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nephele.domain.attributes import number_of, tag_of
from nephele.domain.character_set import Encoding
from nephele.domain.dicom_json import TagFormat
from nephele.domain.dictionary import name_of, parse_tag, vr_of
from nephele.domain.levels import ORDER, Level
from nephele.domain.modules import MODULES
from nephele.domain.query_answer import Answer, Answered, AnswerWriter
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.errors import BadFileFormat

Query = dict[str, Any]

SPECIFIC_CHARACTER_SET = "0008,0005"
QUERY_RETRIEVE_LEVEL = "0008,0052"
PATIENT_ID = "0010,0020"
ACCESSION_NUMBER = "0008,0050"
STUDY_INSTANCE_UID = "0020,000d"
SERIES_INSTANCE_UID = "0020,000e"
SOP_INSTANCE_UID = "0008,0018"
SOP_CLASS_UID = "0008,0016"
SOP_CLASSES_IN_STUDY = "0008,0062"

_UNIQUE = {
    Level.PATIENT: (PATIENT_ID,),
    Level.STUDY: (ACCESSION_NUMBER, STUDY_INSTANCE_UID),
    Level.SERIES: (SERIES_INSTANCE_UID,),
    Level.INSTANCE: (SOP_INSTANCE_UID,),
}
_COMPUTED = {
    Level.PATIENT: ("0020,1200", "0020,1202", "0020,1204"),
    Level.STUDY: ("0008,0061", SOP_CLASSES_IN_STUDY, "0020,1206", "0020,1208"),
    Level.SERIES: ("0020,1209",),
    Level.INSTANCE: (),
}
"""What archives count at each level, and the modalities and classes of a study."""
_RETRIEVE = {
    Level.PATIENT: (PATIENT_ID,),
    Level.STUDY: (STUDY_INSTANCE_UID,),
    Level.SERIES: (STUDY_INSTANCE_UID, SERIES_INSTANCE_UID),
    Level.INSTANCE: (STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID),
}
_QR_LEVELS = {
    Level.PATIENT: "PATIENT",
    Level.STUDY: "STUDY",
    Level.SERIES: "SERIES",
    Level.INSTANCE: "IMAGE",
}


def parse_query(document: object, *, has_sequences: bool = False) -> Query:
    """Return a query whose tags are numbers, from names or numbers.

    Parameters
    ----------
    has_sequences : bool
        Values may be lists of queries, and null for nothing.

    Raises
    ------
    BadFileFormat
        A tag is none, or a value no text.
    """
    if not isinstance(document, Mapping):
        raise BadFileFormat("The query must be a JSON object")
    query: Query = {}
    for name, value in document.items():
        tag = parse_tag(name)
        if tag is None:
            raise BadFileFormat(f"Unknown DICOM tag: {name}")
        if has_sequences and isinstance(value, list):
            value = [parse_query(item, has_sequences=True) for item in value]
        elif has_sequences and value is None:
            value = ""
        elif not isinstance(value, str):
            raise BadFileFormat(f"String expected for tag: {name}")
        query[tag_of(tag)] = value
    return query


def unique_keys(level: Level) -> tuple[str, ...]:
    """Return the unique keys of a level and those above it."""
    return tuple(key for one in ORDER[: ORDER.index(level) + 1] for key in _UNIQUE[one])


def retrieve_keys(level: Level) -> tuple[str, ...]:
    """Return the keys that a C-MOVE or C-GET names its resource by."""
    return _RETRIEVE[level]


def normalize(query: Query, level: Level, manufacturer: str) -> tuple[Query, list[str]]:
    """Keep what belongs to a level, as the manufacturer wants it; return it, and what went."""
    allowed = {SPECIFIC_CHARACTER_SET, *_COMPUTED[level]}
    for one in ORDER[: ORDER.index(level) + 1]:
        allowed.update(map(tag_of, MODULES[one]))
    kept = {
        tag: _patched(tag, value, manufacturer) for tag, value in query.items() if tag in allowed
    }
    return kept, [tag for tag in query if tag not in allowed]


def _patched(tag: str, value: Any, manufacturer: str) -> Any:
    if value != "*":
        return value
    if manufacturer == "GenericNoUniversalWildcard":
        return ""
    is_date = vr_of(number_of(tag)) == "DA"
    return "" if manufacturer == "GenericNoWildcardInDates" and is_date else value


def with_unique_keys(query: Query, level: Level, manufacturer: str) -> Query:
    """Ask for the unique keys too, where the query does not name them."""
    universal = "*" if manufacturer == "GE" else ""
    return {**dict.fromkeys(unique_keys(level), universal), **query}


def with_level(query: Query, level: Level) -> Query:
    """Return a query that names its level as DICOM does."""
    return {**query, QUERY_RETRIEVE_LEVEL: _QR_LEVELS[level]}


_SHOWN = (PATIENT_ID, ACCESSION_NUMBER, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID)


def shown_query(query: Mapping[str, Any], level: Level, tag_format: TagFormat) -> Query:
    """Return what a job shows of a retrieval: its level, and the identifiers that are known."""
    known = texts(query, _SHOWN)
    return format_query(with_level(known, level), tag_format)


def format_query(query: Query, tag_format: TagFormat) -> Query:
    """Return a query without sequences in one of Orthanc's formats."""
    if tag_format is TagFormat.SHORT:
        return query
    named = {tag: name_of(number_of(tag)) for tag in query}
    if tag_format is TagFormat.HUMAN:
        return {named[tag]: value for tag, value in query.items()}
    return {
        tag: {"Name": named[tag], "Type": "String", "Value": value} for tag, value in query.items()
    }


def encode_query(query: Query, syntax: TransferSyntax, encoding: Encoding) -> bytes:
    """Encode a query as an identifier."""
    return AnswerWriter(syntax, encoding).encode(_elements(query))


def _elements(query: Query) -> Answer:
    return {number_of(tag): _element(number_of(tag), value) for tag, value in query.items()}


def _element(tag: int, value: Any) -> Answered:
    if isinstance(value, list):
        return Answered("SQ", [_elements(item) for item in value])
    vr = vr_of(tag)
    return Answered("SQ", []) if vr == "SQ" else Answered("LO" if vr == "UN" else vr, str(value))


def texts(document: Mapping[str, Any], tags: Iterable[str]) -> Query:
    """Return the texts of some tags of an answer in Orthanc's short format."""
    found = ((tag, document.get(tag)) for tag in tags)
    return {tag: value for tag, value in found if isinstance(value, str)}
