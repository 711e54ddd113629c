"""Recycling: the oldest patients make room where `MaximumStorageSize` or -`PatientCount` is passed.

Commits ask for it, and one process at a time does it: patient by patient, looking at the counters
before each, so that never more than one goes too many. What is begun is gone on with, under the
same deletion, since a patient keeps its place until it is gone. What it receives meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import TypedDict

from nephele.aws import clock
from nephele.aws.index import records
from nephele.aws.index.capacity import oldest_patient
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.capacity import is_above_limit
from nephele.services.delete import begin_deletion, continue_deletion

QUEUE = "recycle"
_CLAIM = "recycle"
_BEGUN = "recycling"
"""Cursor that names the patient that is being removed, the deletion, and when it began."""
_GO_ON_SECONDS = 86_400
"""What was begun longer ago is begun anew: its deletion may not be there to be undone any more."""
_CLAIM_SECONDS = 900
"""The function's own timeout at most: a dead one holds the claim no longer."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A patient that is being removed, under which deletion, and when that began."""

    patient: Resource
    deletion: str
    moment: str


class Recycled(TypedDict):
    """What one run did."""

    patients: int
    instances: int


def ask_to_recycle(archive: Archive) -> bool:
    """Send for the recycle function if the archive holds too much; tell whether it does."""
    if archive.configuration.maximum_storage_mode != "Recycle" or not is_above_limit(archive):
        return False
    archive.queue(QUEUE).send({"recycle": True})
    return True


def recycle(archive: Archive, has_time: Callable[[], bool], *, is_again: bool = False) -> Recycled:
    """Remove the oldest patients until the archive is within its limits, or time runs out.

    Where time ran out, a later message goes on. Where another process is at it there is nothing to
    do: it looks at the limits once more after it has given its claim back.

    Parameters
    ----------
    is_again : bool
        The message comes again: who had it may be dead, and hold the claim still. Then another one
        comes when the claim is over.
    """
    done = Recycled(patients=0, instances=0)
    while archive.configuration.maximum_storage_mode == "Recycle" and is_above_limit(archive):
        if not records.claim(archive.index.table, _CLAIM, _CLAIM_SECONDS):
            if is_again:
                archive.queue(QUEUE).send({"recycle": True}, _CLAIM_SECONDS)
            break
        try:
            is_finished = _recycle_claimed(archive, has_time, done)
        finally:
            records.release_claim(archive.index.table, _CLAIM)
        if is_finished is None:
            break
        if not is_finished:
            archive.queue(QUEUE).send({"recycle": True})
            break
    if done["patients"]:
        logger.info("recycled", extra=dict(done))
    return done


def _recycle_claimed(archive: Archive, has_time: Callable[[], bool], done: Recycled) -> bool | None:
    """Remove patients; False where time ran out, None where there is none that may go."""
    seen: set[OrthancId] = set()
    while is_above_limit(archive):
        begun = _begun(archive) or _begin(archive, seen)
        if begun is None:
            logger.warning("nothing can be recycled, the archive is above its limit")
            return None
        patient = begun.patient
        seen.add(patient.orthanc_id)
        is_allowed = _while_allowed(archive, patient, has_time)
        if not continue_deletion(archive, patient, begun.deletion, is_allowed, begun.moment):
            return False
        records.put_cursor(archive.index.table, _BEGUN, "")
        done["patients"] += 1
        done["instances"] += patient.totals.instances
        if not has_time():
            return False
    return True


def _begun(archive: Archive) -> _Begun | None:
    """Return what was begun of late, unless the patient is gone, or protected since."""
    patient_id, _, rest = records.cursor(archive.index.table, _BEGUN).partition(" ")
    deletion, _, moment = rest.partition(" ")
    patient = archive.index.resource(OrthancId(patient_id)) if patient_id else None
    if patient is None or patient.user.is_protected:
        return None
    if clock.age_seconds(moment) > _GO_ON_SECONDS:
        return None
    return _Begun(patient, deletion, moment)


def _begin(archive: Archive, seen: Set[OrthancId]) -> _Begun | None:
    """Begin to remove the oldest patient."""
    table, moment = archive.index.table, clock.now()
    patient_id = oldest_patient(table)
    patient = None if patient_id is None else archive.index.resource(patient_id)
    if patient is None or patient.orthanc_id in seen:
        return None
    deletion = begin_deletion(archive, patient, is_recycled=True)
    records.put_cursor(table, _BEGUN, f"{patient.orthanc_id} {deletion} {moment}")
    return _Begun(patient, deletion, moment)


def _while_allowed(
    archive: Archive, patient: Resource, has_time: Callable[[], bool]
) -> Callable[[], bool]:
    """Let a deletion go on while there is time, and nobody protects the patient."""

    def is_allowed() -> bool:
        now = archive.index.resource(patient.orthanc_id)
        return has_time() and not (now is not None and now.user.is_protected)

    return is_allowed
