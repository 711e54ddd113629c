"""C-FIND to others: a query that is kept, or answered at once. See PS3.4 C.4.1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dimse_edge.command import Field
from dimse_edge.scu.association import Association
from dimse_edge.scu.calls import (
    PENDING,
    SUCCESS,
    destination_of,
    failure,
    modality_of,
    proposal_of,
    send_identifier,
)
from dimse_edge.scu.requests import Destination
from nephele.aws.keys import answer_key
from nephele.domain.character_set import Encoding, encoding_named, encoding_of
from nephele.domain.dicom_json import Json, TagFormat
from nephele.domain.levels import Level
from nephele.domain.query_keys import (
    PATIENT_ID,
    SPECIFIC_CHARACTER_SET,
    STUDY_INSTANCE_UID,
    Query,
    normalize,
    texts,
    with_level,
    with_unique_keys,
)
from nephele.domain.sop_classes import (
    MODALITY_WORKLIST_FIND,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
)
from nephele.errors import FindUnavailable
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.slices import Slice
from nephele.services.overrides import followed
from nephele.services.queries import answer_json, as_file, keep_query


def run(archive: Archive, piece: Slice) -> bool:
    """Send a query; keep its answers as a query, or give them to who asked."""
    request = piece.request
    level = Level(request["Level"])
    if "Templates" in request:
        keep_answer(archive, piece, list(_iter_tree(archive, request)))
    elif "ID" in request:
        answers = _iter_query(archive, request, level, request["Query"])
        keep_query(archive, request["ID"], request["Name"], level, request["Original"], answers)
    else:
        found = _iter_query(archive, request, level, request["Query"])
        keep_answer(archive, piece, [_human(archive, one, level) for one in found])
    return True


def keep_answer(archive: Archive, piece: Slice, document: Any) -> None:
    """Keep JSON for who waits for a hidden job."""
    key = answer_key(piece.job.identifier)
    archive.bucket.put_json(key, document)
    piece.set_output(key, "")


def _human(archive: Archive, encoded: bytes, level: Level) -> Json:
    return answer_json(archive, encoded, level, TagFormat.HUMAN)


def _iter_query(
    archive: Archive, request: dict[str, Any], level: Level, query: Query
) -> Iterator[bytes]:
    """Yield the answers to a query, made ready for the modality unless told otherwise."""
    manufacturer = modality_of(request).manufacturer
    if request.get("Normalize", True):
        query, dropped = normalize(query, level, manufacturer)
        if dropped:
            logger.warning("query keys are not of its level", extra={"tags": dropped})
    query = with_unique_keys(query, level, manufacturer)
    return iter_level(archive, destination_of(archive, request), level, query)


def _iter_tree(archive: Archive, request: dict[str, Any]) -> Iterator[Json]:
    """Yield the patients that match, their studies and series inside: Orthanc's old `/find`."""
    for patient in _iter_query(archive, request, Level.PATIENT, request["Query"]):
        keys = answer_json(archive, patient, Level.PATIENT, TagFormat.SHORT)
        studies = _iter_below(archive, request, Level.STUDY, texts(keys, (PATIENT_ID,)))
        yield _human(archive, patient, Level.PATIENT) | {
            "Studies": [_with_series(archive, request, study) for study in studies]
        }


def _with_series(archive: Archive, request: dict[str, Any], study: bytes) -> Json:
    keys = answer_json(archive, study, Level.STUDY, TagFormat.SHORT)
    named = texts(keys, (PATIENT_ID, STUDY_INSTANCE_UID))
    series = _iter_below(archive, request, Level.SERIES, named)
    return _human(archive, study, Level.STUDY) | {
        "Series": [_human(archive, one, Level.SERIES) for one in series]
    }


def _iter_below(
    archive: Archive, request: dict[str, Any], level: Level, named: Query
) -> Iterator[bytes]:
    return _iter_query(archive, request, level, {**request["Templates"][level.value], **named})


def iter_level(archive: Archive, peer: Destination, level: Level, query: Query) -> Iterator[bytes]:
    """Yield the answers to a query of a level, each with a preamble."""
    root = PATIENT_ROOT_FIND if level is Level.PATIENT else STUDY_ROOT_FIND
    return iter_found(archive, peer, root, with_level(query, level))


def iter_found(
    archive: Archive, peer: Destination, sop_class_uid: str, query: Query
) -> Iterator[bytes]:
    """Yield the answers of a peer, each with a preamble, as they come.

    Raises
    ------
    FindUnavailable
        It does not offer C-FIND of this class.
    NetworkProtocol
        It fails, or answers that the query does.
    """
    with Association(peer, proposal_of(sop_class_uid)) as association:
        yield from iter_answers(archive, association, sop_class_uid, query)


def iter_answers(
    archive: Archive, association: Association, sop_class_uid: str, query: Query
) -> Iterator[bytes]:
    """Yield the answers to a query over an association that is open; raises as `iter_found`."""
    peer = association.destination
    context_id = association.context(sop_class_uid)
    if context_id is None:
        is_worklist = sop_class_uid == MODALITY_WORKLIST_FIND
        service = "modality worklists (C-FIND)" if is_worklist else "C-FIND"
        raise FindUnavailable(f"{peer}: it does not offer {service}")
    syntax = association.contexts[context_id].transfer_syntaxes[0]
    encoding, query = _encoding_for(archive, query)
    message_id = association.next_message_id()
    send_identifier(association, context_id, Field.C_FIND, message_id, query, encoding)
    while True:
        message = association.receive()
        association.check_response(message, message_id)
        if message.command.status not in PENDING:
            break
        yield as_file(message.data_set, syntax)
    if message.command.status != SUCCESS:
        association.release()
        raise failure(peer, "C-FIND", message.command)


def _encoding_for(archive: Archive, query: Query) -> tuple[Encoding, Query]:
    """Return the character set of a query: its own, else `DefaultEncoding`, which it names then."""
    default = followed(archive).default_encoding
    named = query.get(SPECIFIC_CHARACTER_SET, "")
    if named:
        return encoding_of(named.encode("ascii", "replace"), default), query
    encoding = encoding_named(default)
    return encoding, {**query, SPECIFIC_CHARACTER_SET: encoding.defined_term}
