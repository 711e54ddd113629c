"""Protection of patients against recycling."""

from __future__ import annotations

from dataclasses import replace

from nephele.aws import clock
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.domain.user_state import UserState
from nephele.errors import ParameterOutOfRange, UnknownResource
from nephele.services.archive import Archive
from nephele.services.hierarchy import find_resource
from nephele.services.journal import change_kept


def is_protected(archive: Archive, identifier: str) -> bool:
    """Tell whether a patient is protected.

    Raises
    ------
    ParameterOutOfRange
        There is no such patient: so Orthanc says.
    """
    patient = find_resource(archive, Level.PATIENT, identifier)
    if patient is None:
        raise ParameterOutOfRange("")
    return patient.user.is_protected


def protect(archive: Archive, identifier: str, *, is_wanted: bool) -> None:
    """Protect a patient, or end that: it is the most recent one then. Raises as `is_protected`."""

    def decide(resource: Resource) -> UserState:
        if resource.level is not Level.PATIENT:
            raise ParameterOutOfRange("")
        if resource.user.is_protected == is_wanted:
            return resource.user
        ended = resource.user.unprotected if is_wanted else clock.now()
        return replace(resource.user, is_protected=is_wanted, unprotected=ended)

    try:
        change_kept(archive, OrthancId(identifier), decide)
    except UnknownResource:
        raise ParameterOutOfRange("") from None
