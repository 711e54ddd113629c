"""One id from C-STORE to the index: the uuid of a reception, which its object's key carries.

S3 passes X-Ray's header on to SQS, and SQS to Lambda, so that the functions' segments belong to the
trace that was begun where the instance was received. One reception in a hundred is traced, since
traces cost more than all other calls of an instance together; which one, its uuid says, so that
every process decides alike without being told.
"""

from __future__ import annotations

from nephele.aws import clock
from nephele.aws.keys import parse_instance_key

HEADER = "X-Amzn-Trace-Id"
_TRACED_BELOW = "03"
"""Of the last two hexadecimal digits: three of 256."""
_IDENTIFIER_CHARACTERS = 24


def is_traced(uuid: str) -> bool:
    """Tell whether a reception is followed through all processes."""
    return uuid[-2:] < _TRACED_BELOW


def trace_of(uuid: str) -> str:
    """Return the part of X-Ray's trace id that a reception determines."""
    return uuid.replace("-", "")[:_IDENTIFIER_CHARACTERS]


def trace_headers(key: str) -> dict[str, str]:
    """Return the header that begins or goes on with a reception's trace, for its object's PUT."""
    parsed = parse_instance_key(key)
    if parsed is None or not is_traced(parsed.uuid):
        return {}
    root = f"1-{int(clock.epoch_seconds()):08x}-{trace_of(parsed.uuid)}"
    return {HEADER: f"Root={root};Sampled=1"}
