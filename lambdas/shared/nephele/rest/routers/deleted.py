"""`/deleted`: deletions that can be undone. Nephele's own."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.aws import clock
from nephele.domain.deletions import Deletion
from nephele.rest.answers import json_answer
from nephele.rest.bodies import OptionalObject
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.job_arguments import answer_job, job_options
from nephele.rest.parameters import fails
from nephele.services.resources_view import View, show_tags
from nephele.services.undelete import list_deletions
from nephele.services.undelete_job import submit_restore

router = APIRouter(prefix="/deleted", tags=["Deleted"], route_class=DeferredRoute)


@router.get("", summary="List deletions that can be undone")
def get_deleted(archive: OpenArchive) -> Response:
    """Return what was deleted or recycled within the last `UndeleteDays`, the oldest first."""
    return json_answer([_render(one) for one in list_deletions(archive)])


def _render(deletion: Deletion) -> dict[str, object]:
    return {
        "Date": clock.to_seconds(deletion.deleted),
        "DiskSize": str(deletion.size_bytes),
        "Expires": datetime.fromtimestamp(deletion.expires, UTC).strftime("%Y%m%dT%H%M%S"),
        "ID": deletion.identifier,
        "InstancesCount": deletion.instances,
        "IsRecycled": deletion.is_recycled,
        "MainDicomTags": show_tags(deletion.main_tags, View().tag_format),
        "ResourceID": deletion.orthanc_id,
        "Type": deletion.level.value,
    }


@router.post("/{identifier}/restore", summary="Undo a deletion", responses=fails(400, 404))
def post_restore(
    request: Request, archive: OpenArchive, identifier: str, body: OptionalObject
) -> Response:
    """Bring back what was deleted, with labels, metadata, attachments and protection.

    It is a job of the type `RestoreDeleted`, synchronous unless the body says otherwise.
    """
    options = job_options(body)
    return answer_job(request, archive, submit_restore(archive, identifier, options), options)
