"""`/versions-aside`: other contents received under a SOP Instance UID that was taken."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.resources import AsideVersion
from nephele.errors import UnknownResource
from nephele.rest.answers import json_answer
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.files import file_answer
from nephele.rest.parameters import fails
from nephele.services.versions import list_aside

router = APIRouter(
    prefix="/versions-aside", tags=["Versions kept aside"], route_class=DeferredRoute
)


@router.get("", summary="List versions kept aside")
def get_versions(archive: OpenArchive) -> Response:
    """List them, the oldest first; `ID` is the instance that is served in their place."""
    versions = sorted(list_aside(archive), key=lambda version: (version.received, version.uuid))
    return json_answer([_render(version) for version in versions])


@router.get("/{uuid}/file", summary="Download a version kept aside", responses=fails(404))
def get_file(request: Request, archive: OpenArchive, uuid: str) -> Response:
    """Return its bytes, as they were received."""
    for version in list_aside(archive):
        if version.uuid == uuid:
            filename = f"{version.uuid}.dcm"
            return file_answer(request, archive, version.key, version.size_bytes, filename)
    raise UnknownResource("")


def _render(version: AsideVersion) -> dict[str, object]:
    return {
        "Date": version.received.partition(".")[0],
        "FileSize": version.size_bytes,
        "FileUuid": version.uuid,
        "ID": version.orthanc_id,
        "MD5": version.md5,
        "Path": f"/versions-aside/{version.uuid}/file",
        "RemoteAET": version.remote_aet,
    }
