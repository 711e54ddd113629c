"""What the jobs of `AutoForward` have in common: each instance once, the refused ones again."""

from __future__ import annotations

from collections.abc import Callable

from nephele.domain.orthanc_id import OrthancId
from nephele.errors import NepheleError, NetworkProtocol, NoPresentationContext, UnknownResource
from nephele.logs import logger
from nephele.services.jobs.patience import try_again
from nephele.services.jobs.slices import Slice

_LEFT = "Left"

Send = Callable[[OrthancId], object]
"""Sends an instance; whatever it raises, the instance may not be there."""


def left_of(piece: Slice) -> list[OrthancId]:
    """Return the instances that are not known to have arrived, in order."""
    left = piece.position[_LEFT] if _LEFT in piece.position else piece.request["Instances"]
    return [OrthancId(one) for one in left]


def send_left(piece: Slice, send: Send, is_unreachable: Callable[[NepheleError], bool]) -> bool:
    """Send what is left; what is refused waits for the next attempt.

    Parameters
    ----------
    is_unreachable : callable
        Tells of an error whether nobody is there: then the others need not be tried.

    Returns
    -------
    bool
        Whether all have arrived.
    """
    ids, refused = left_of(piece), list[OrthancId]()
    count = len(piece.request["Instances"])
    failure: NepheleError | None = None
    piece.position[_LEFT] = ids
    for done, orthanc_id in enumerate(ids, 1):
        if not piece.has_time():
            break
        try:
            send(orthanc_id)
        except UnknownResource:
            logger.info("instance was deleted before it went on", extra={"orthanc_id": orthanc_id})
        except (NetworkProtocol, NoPresentationContext) as error:
            failure = error
            if is_unreachable(error):
                break
            refused.append(orthanc_id)
        piece.position[_LEFT] = refused + ids[done:]
        piece.checkpoint(1 - len(piece.position[_LEFT]) / max(count, 1))
    piece.content["FailedInstancesCount"] = len(piece.position[_LEFT])
    if failure is not None:
        return try_again(piece, failure)
    return not piece.position[_LEFT]
