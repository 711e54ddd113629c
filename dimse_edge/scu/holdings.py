"""What a modality has of a resource: listed by C-FIND, level by level. See PS3.4 C.4.1.3.1.1."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from dimse_edge.scu.association import Association
from dimse_edge.scu.calls import destination_of, modality_of, proposal_of
from dimse_edge.scu.find import iter_answers
from nephele.batches import batched
from nephele.domain.dicom_json import TagFormat
from nephele.domain.levels import Level
from nephele.domain.query_keys import (
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    Query,
    retrieve_keys,
    texts,
    with_level,
    with_unique_keys,
)
from nephele.domain.sop_classes import STUDY_ROOT_FIND
from nephele.errors import NepheleError, NetworkProtocol
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.queries import answer_json

_UIDS_AT_ONCE = 500
"""UIDs of one identifier: 64 KB hold twice as many."""

_Find = Callable[[Level, Query], list[Query]]


@dataclass(frozen=True, slots=True)
class Held:
    """An instance that a modality has; its class is "" where the modality does not tell."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str


def held(archive: Archive, request: dict[str, Any], level: Level, query: Query) -> list[Held]:
    """List the instances of a resource at the modality of a job; none where it cannot tell.

    A SOP Instance UID that it has twice tells no instance from another, and where an answer cannot
    be read or lacks a unique key, none is relied on.
    """
    try:
        found = list(_iter_held(archive, request, level, query))
    except NepheleError as error:
        logger.info("instances cannot be listed", extra={"reason": str(error)})
        return []
    return found if len({one.sop_instance_uid for one in found}) == len(found) else []


def _iter_held(
    archive: Archive, request: dict[str, Any], level: Level, query: Query
) -> Iterator[Held]:
    manufacturer = modality_of(request).manufacturer
    with Association(destination_of(archive, request), proposal_of(STUDY_ROOT_FIND)) as association:

        def find(asked: Level, named: Query) -> list[Query]:
            keys = with_level(with_unique_keys(named, asked, manufacturer), asked)
            answers = iter_answers(archive, association, STUDY_ROOT_FIND, keys)
            return [answer_json(archive, one, asked, TagFormat.SHORT) for one in answers]

        yield from _iter_beneath(find, level, query)


def _iter_beneath(find: _Find, level: Level, named: Query) -> Iterator[Held]:
    """Yield what is beneath a resource; only levels of the study root are asked for."""
    asked = Level.STUDY if level is Level.PATIENT else level
    wanted = {SOP_CLASS_UID: ""} if asked is Level.INSTANCE else {}
    for found in find(asked, {**wanted, **named}):
        if not _is_named(found, named):
            continue
        keys = texts(found, retrieve_keys(asked))
        if not all(keys.get(key) for key in retrieve_keys(asked)):
            raise NetworkProtocol("its answers to C-FIND lack unique keys")
        below = asked.child
        if below is None:
            yield Held(
                keys[STUDY_INSTANCE_UID],
                keys[SERIES_INSTANCE_UID],
                keys[SOP_INSTANCE_UID],
                _text(found, SOP_CLASS_UID),
            )
        else:
            yield from _iter_beneath(find, below, keys)


def _is_named(found: Query, named: Query) -> bool:
    """Tell whether an answer has the values of a retrieval's keys, no wildcards there (C.4.2.2.1).

    C-FIND takes `*` and `?` of a Patient ID for wildcards, and answers with other patients too.
    """
    return all(
        _text(found, key) in {one.strip() for one in value.split("\\")}
        for key, value in named.items()
    )


def _text(found: Query, key: str) -> str:
    return str(texts(found, (key,)).get(key, "")).strip()


def iter_requests(
    instances: Collection[Held], wanted: Collection[Held]
) -> Iterator[tuple[Level, Query, int]]:
    """Yield level, keys and number of instances of the retrievals that bring some of a resource.

    A series that is wanted whole is named as such, others by lists of UIDs (PS3.4 C.4.2.2.1).

    Parameters
    ----------
    instances, wanted : collection of Held
        All there are, and those among them that shall come.
    """
    there, missing = _by_series(instances), _by_series(wanted)
    for (study, series), uids in missing.items():
        named = {STUDY_INSTANCE_UID: study, SERIES_INSTANCE_UID: series}
        if len(uids) == len(there[study, series]):
            yield Level.SERIES, named, len(uids)
            continue
        for some in batched(uids, _UIDS_AT_ONCE):
            yield Level.INSTANCE, {**named, SOP_INSTANCE_UID: "\\".join(some)}, len(some)


def _by_series(instances: Collection[Held]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for one in instances:
        series = one.study_instance_uid, one.series_instance_uid
        found.setdefault(series, []).append(one.sop_instance_uid)
    return found
