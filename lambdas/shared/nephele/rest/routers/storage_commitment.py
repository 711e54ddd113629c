"""`/storage-commitment`: what other archives reported."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from nephele.errors import BadSequenceOfCalls
from nephele.rest.answers import json_answer
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.parameters import fails
from nephele.services.commitments import instances_named, require_commitment
from nephele.services.delete import delete_all

router = APIRouter(prefix="/storage-commitment", tags=["Networking"], route_class=DeferredRoute)


@router.get("/{identifier}", summary="Get storage commitment report", responses=fails(404))
def get_report(archive: OpenArchive, identifier: str) -> Response:
    """Tell whether the report has come, and what it says."""
    return json_answer(require_commitment(archive, identifier))


@router.post(
    "/{identifier}/remove", summary="Remove after storage commitment", responses=fails(404)
)
def post_remove(archive: OpenArchive, identifier: str) -> Response:
    """Delete the instances that another archive has for good."""
    report = require_commitment(archive, identifier)
    if report["Status"] != "Success":
        raise BadSequenceOfCalls("The storage commitment has not succeeded")
    committed = (one["SOPInstanceUID"] for one in report["Success"])
    delete_all(archive, [one.orthanc_id for one in instances_named(archive, committed)])
    return json_answer({})
