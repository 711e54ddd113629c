"""Jobs that do not give up when others do not answer: they try again, for days."""

from __future__ import annotations

from nephele.aws import clock
from nephele.domain.jobs import Job
from nephele.errors import NepheleError
from nephele.logs import logger
from nephele.services.jobs.kinds import KINDS
from nephele.services.jobs.slices import Slice

PATIENCE_SECONDS = 7 * 86_400
"""How long after its submission a job tries again."""

_FIRST_PAUSE_SECONDS = 5
_LONGEST_PAUSE_SECONDS = 900


def is_patient(job: Job) -> bool:
    """Tell whether a job does not give up yet, whatever fails."""
    return KINDS[job.job_type].is_patient and clock.age_seconds(job.created) <= PATIENCE_SECONDS


def try_again(piece: Slice, error: NepheleError) -> bool:
    """Let the next slice begin after a while that grows with the attempts; never done by that.

    Raises
    ------
    NepheleError
        The error itself, when the patience is over.
    """
    if clock.age_seconds(piece.job.created) > PATIENCE_SECONDS:
        raise error
    attempts = int(piece.position.get("Attempts", 0))
    piece.position["Attempts"] = attempts + 1
    piece.content["LastError"] = str(error) or type(error).__name__
    pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(attempts, 10))
    piece.wait(pause)
    facts = {"job": piece.job.identifier, "error": type(error).__name__, "seconds": pause}
    logger.warning("job waits", extra=facts)
    return False
