"""What a server answered, kept until both can be compared."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_COMPARED_HEADERS = (
    "allow",
    "content-disposition",
    "content-type",
    "location",
    "www-authenticate",
)
_REVISION = re.compile(r'"\d+-[0-9a-f]{32}"')
"""An `ETag` of Orthanc's, of metadata and attachments."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status (HTTP's, or the exit code of a tool), the headers that count, and the body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Observation:
    """One answer.

    Attributes
    ----------
    subject : str
        The request or the file that was tried: one test each.
    route : str
        Method and path template, `GET /instances/{instance}/tags`.
    """

    subject: str
    route: str
    answer: Answer


def kept_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers that are compared, named in lower case."""
    lowered = {name.lower(): value for name, value in headers.items()}
    kept = {name: lowered[name] for name in _COMPARED_HEADERS if name in lowered}
    if _REVISION.fullmatch(lowered.get("etag", "")):
        kept["etag"] = lowered["etag"]
    return kept
