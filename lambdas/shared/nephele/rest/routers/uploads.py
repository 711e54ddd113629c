"""Uploads: `POST /instances`, and presigned uploads for what one request cannot carry."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.domain.jobs import Job
from nephele.errors import BadJson, UnknownResource
from nephele.rest.answers import empty_answer, json_answer
from nephele.rest.bodies import JsonObject, Uploaded
from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive, Reception
from nephele.rest.job_arguments import answer_awaited
from nephele.rest.parameters import fails
from nephele.rest.revision_headers import attached_answer, expected_revision
from nephele.rest.zip_job import describe, store_by_job
from nephele.services.archive import Archive
from nephele.services.attachments import content_number
from nephele.services.presigned import (
    Target,
    abort_upload,
    complete_attachment,
    complete_upload,
    finished_upload,
    open_upload,
)
from nephele.services.uploads import StagedZip, stage_zip, upload

router = APIRouter(tags=["Uploads"], route_class=DeferredRoute)

Kind = TypeVar("Kind")
_ATTACHMENT = re.compile(r"/(?:patients|studies|series|instances)/([^/]+)/attachments/([^/]+)")


@router.post("/instances", summary="Upload DICOM instances", responses=fails(400, 404, 413, 507))
def post_instances(
    request: Request, archive: OpenArchive, provenance: Reception, body: Uploaded
) -> Response:
    """Store a DICOM file (it may be gzipped), the files of a ZIP archive, or those of a form.

    A form gets an empty answer, a ZIP archive an array. A ZIP archive of many files is stored by a
    job: when that takes longer than a call may, the client is sent to where it ends.
    """
    if body.is_form:
        for file in body.files:
            upload(archive, file, provenance)
        return empty_answer()
    file = body.files[0]
    staged = None if body.is_gzip else stage_zip(archive, file, provenance)
    if staged is not None:
        return answer_awaited(request, archive, store_by_job(archive, staged, provenance))
    stored = upload(archive, file, provenance, is_gzip=body.is_gzip)
    if isinstance(stored, list):
        return json_answer([describe(one) for one in stored])
    return json_answer(describe(stored))


@router.post("/uploads", summary="Begin a presigned upload", responses=fails(400, 413))
def post_uploads(archive: OpenArchive, body: JsonObject) -> Response:
    """Begin an upload of `Size` bytes: part n of `PartSize` bytes is PUT to `Parts[n]`."""
    opened = open_upload(archive, _field(body, "Size", int))
    return json_answer(
        {
            "ID": opened.identifier,
            "Path": f"/uploads/{opened.identifier}",
            "UploadId": opened.upload_id,
            "PartSize": opened.part_size_bytes,
            "Parts": opened.part_urls,
        }
    )


@router.post(
    "/uploads/{identifier}/complete",
    summary="Finish a presigned upload",
    responses=fails(400, 403, 404, 409, 413, 507),
)
def post_complete(
    request: Request,
    archive: OpenArchive,
    provenance: Reception,
    identifier: str,
    body: JsonObject,
) -> Response:
    """Store what was uploaded, given its `UploadId` and the `ETags` of its parts, in order.

    The answer is that of `POST /instances`. With `Attachment`, the path of an attachment
    (`/patients/{id}/attachments/{name}`), it is attached there, and answered as by PUT. What is
    large, or a ZIP archive, is stored by a job: when that takes longer than a call may, the client
    is sent to where it ends. Whoever asks again is told of the same job.
    """
    etags = _field(body, "ETags", list)
    if not all(isinstance(etag, str) for etag in etags):
        raise BadJson("List of strings expected in field: ETags")
    finished = finished_upload(identifier, _field(body, "UploadId", str), etags)
    if "Attachment" in body:
        target = _target(request, archive, _field(body, "Attachment", str))
        attached = complete_attachment(archive, finished, target)
        if isinstance(attached, Job):
            return answer_awaited(request, archive, attached)
        return attached_answer(attached)
    stored = complete_upload(archive, finished, provenance)
    if isinstance(stored, StagedZip):
        stored = store_by_job(archive, stored, provenance)
    if isinstance(stored, Job):
        return answer_awaited(request, archive, stored)
    return json_answer(describe(stored))


def _target(request: Request, archive: Archive, path: str) -> Target:
    found = _ATTACHMENT.fullmatch(path)
    if found is None:
        raise UnknownResource("")
    number = content_number(archive, found[2])
    return Target(found[1], number, expected_revision(request))


@router.post(
    "/uploads/{identifier}/abort",
    summary="Give a presigned upload up",
    responses=fails(400, 404),
)
def post_abort(archive: OpenArchive, identifier: str, body: JsonObject) -> Response:
    """Remove the parts that were uploaded, given the `UploadId`."""
    abort_upload(archive, identifier, _field(body, "UploadId", str))
    return json_answer({})


def _field(body: dict[str, Any], name: str, kind: type[Kind]) -> Kind:
    value = body.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadJson(f"{kind.__name__} expected in field: {name}")
    return value
