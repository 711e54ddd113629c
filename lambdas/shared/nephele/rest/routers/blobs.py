"""`/blobs/…`: the signed paths of large bodies, where no front serves them itself."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from nephele.rest.deferred import DeferredRoute
from nephele.rest.dependencies import OpenArchive
from nephele.rest.parameters import fails
from nephele.services.handover import bucket_url

router = APIRouter(prefix="/blobs", tags=["Blobs"], route_class=DeferredRoute)


@router.get("/{key:path}", summary="Fetch a body that was too large", responses=fails(404))
def get_blob(request: Request, archive: OpenArchive, key: str) -> Response:
    """Redirect to the bucket, which checks the signature that the query carries."""
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    query = urlencode(pairs, quote_via=quote)
    headers = {"Location": bucket_url(archive, key, query), "Cache-Control": "no-store"}
    return Response(status_code=HTTPStatus.TEMPORARY_REDIRECT, headers=headers)
