"""Answering with a data set in the models of DICOMweb, JSON or XML."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from nephele.domain.native_dicom_model import native_dicom_model
from nephele.domain.resources import Resource
from nephele.rest.gateway import stage_prefix
from nephele.rest.styled_json import styled
from nephele.services.archive import Archive
from nephele.services.retrieve import json_model

DICOM_JSON, DICOM_XML = "application/dicom+json", "application/dicom+xml"


def data_set_answer(
    request: Request, archive: Archive, instance: Resource, media_type: str
) -> Response:
    """Answer with a data set; its bulk data are below `/content` of the same origin."""
    prefix = f"{stage_prefix(request.scope)}/instances/{instance.orthanc_id}"
    model = json_model(archive, instance, f"{prefix}/content")
    body = styled(model, "\t") + "\n" if media_type == DICOM_JSON else native_dicom_model(model)
    return Response(body, headers={"Content-Type": media_type})
