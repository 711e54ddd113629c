"""What routes are given: the archive, and who asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from nephele.aws import clock
from nephele.domain.provenance import Origin, Provenance
from nephele.rest.gateway import caller_of
from nephele.services.archive import Archive


async def open_archive_of(request: Request) -> Archive:
    """Return the archive of this process, opened when the first request needs it."""
    archive: Archive = request.app.state.archive_factory()
    return archive


async def provenance_of(request: Request) -> Provenance:
    """Describe a reception over REST, now and from this caller."""
    caller = caller_of(request)
    return Provenance(
        origin=Origin.REST_API,
        received=clock.now(),
        remote_ip=caller.remote_ip,
        http_username=caller.http_username,
    )


OpenArchive = Annotated[Archive, Depends(open_archive_of)]
Reception = Annotated[Provenance, Depends(provenance_of)]
