"""Revisions of metadata and attachments: Orthanc's optimistic locking, under `ETag`s."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nephele.errors import BadRevision, ParameterOutOfRange

_ETAG = re.compile(r'"?(-?[0-9]{1,20})-([0-9a-f]*)"?')


@dataclass(frozen=True, slots=True)
class Revision:
    """What an `ETag` says: how often something was replaced, and the MD5 of what it is now."""

    number: int
    md5: str

    @property
    def etag(self) -> str:
        """Return the header's value."""
        return f'"{self.number}-{self.md5}"'


def parse_revision(header: str, name: str) -> Revision:
    """Read a header that holds an `ETag`; its quotes may be missing.

    Raises
    ------
    ParameterOutOfRange
        It holds something else.
    """
    found = _ETAG.fullmatch(header.strip())
    if found is None:
        raise ParameterOutOfRange(
            f'The "{name}" HTTP header should contain the ETag (revision followed by MD5 hash)'
        )
    return Revision(int(found[1]), found[2])


def check_revision(
    current: Revision | None, expected: Revision | None, *, is_required: bool
) -> None:
    """Compare what a client expects to change with what is there; nothing there is always right.

    Parameters
    ----------
    is_required : bool
        `CheckRevisions`: the client must expect something.

    Raises
    ------
    BadRevision
        Something else is there.
    """
    if current is None:
        return
    if (expected is None and is_required) or (expected is not None and expected != current):
        raise BadRevision("")
