"""One id from C-STORE to the index: the uuid of a reception, which its object's key carries.

S3 passes X-Ray's header on to SQS, and SQS to Lambda, so that the functions' segments belong to the
trace that was begun where the instance was received. One reception in a hundred is traced, since
traces cost more than all other calls of an instance together; which one, its uuid says, so that
every process decides alike without being told. X-Ray's id has a time, too: that of the reception,
which all objects of a reception carry, so that a transcoded one goes on with the same trace.

The table's stream passes no header on: what follows a commit has the id in the lines of its log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nephele.aws import clock
from nephele.aws.keys import parse_instance_key
from nephele.logs import logger

HEADER = "X-Amzn-Trace-Id"
_TRACED_BELOW = "03"
"""Of the last two hexadecimal digits: three of 256."""
_IDENTIFIER_CHARACTERS = 24
_RECEIVED = "received"
"""Of an object's user metadata."""


def is_traced(uuid: str) -> bool:
    """Tell whether a reception is followed through all processes."""
    return uuid[-2:] < _TRACED_BELOW


def trace_of(uuid: str) -> str:
    """Return the part of X-Ray's trace id that a reception determines."""
    return uuid.replace("-", "")[:_IDENTIFIER_CHARACTERS]


def traces_of(uuids: Iterable[str]) -> list[str]:
    """Return the traces of those receptions that are followed."""
    return [trace_of(uuid) for uuid in uuids if is_traced(uuid)]


def log_step(step: str, trace: str, **figures: int) -> None:
    """Write the line by which a trace is followed through the logs."""
    logger.info(step, extra={"trace": trace, **figures})


def trace_headers(key: str, metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the header that begins or goes on with a reception's trace, for its object's PUT.

    Parameters
    ----------
    metadata : mapping of str to str
        The object's user metadata, which tell when it was received.
    """
    parsed = parse_instance_key(key)
    if parsed is None or not is_traced(parsed.uuid):
        return {}
    root = f"1-{int(_began(metadata)):08x}-{trace_of(parsed.uuid)}"
    return {HEADER: f"Root={root};Sampled=1"}


def _began(metadata: Mapping[str, str]) -> float:
    """Return when an object was received; now where that is not told, or is no such time."""
    try:
        return clock.epoch_of(metadata.get(_RECEIVED, ""))
    except ValueError:
        return clock.epoch_seconds()
