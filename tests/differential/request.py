"""One request, and the levels requests are made at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_LEVEL_OF_NAME = re.compile(r"\{\w+?_(patient|study|series|instance)\}")
LEVELS = ("patients", "studies", "series", "instances")
LEVEL_NAMES = dict(zip(LEVELS, ("patient", "study", "series", "instance"), strict=True))


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes
    ----------
    reason : str
        Why it is asked; the name of its test.
    path : str
        May name ids of the tree: `/studies/{a_study}`.
    is_anonymous : bool
        Sent without a login.
    """

    reason: str
    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    is_anonymous: bool = False

    @property
    def route(self) -> str:
        """Method and path, ids replaced by their level."""
        return self.method + " " + _LEVEL_OF_NAME.sub(r"{\1}", self.path)

    def target(self, ids: Mapping[str, str]) -> str:
        """Return the path to ask for."""
        return self.path.format_map(ids)

    def content(self, ids: Mapping[str, str]) -> bytes:
        """Return the body; `<name>` in it is an id of the tree."""
        found = re.fullmatch(rb"<(\w+)>", self.body)
        return ids[found[1].decode()].encode() if found else self.body


def get(reason: str, path: str, *headers: tuple[str, str]) -> Request:
    """Return a GET."""
    return Request(reason, "GET", path, headers=headers)


def post(reason: str, path: str, body: bytes = b"", *headers: tuple[str, str]) -> Request:
    """Return a POST."""
    return Request(reason, "POST", path, body, headers)
