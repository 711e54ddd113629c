"""Changing named definitions, with the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nephele.aws import journal
from nephele.aws.index.definitions import put_definition

if TYPE_CHECKING:
    from nephele.services.archive import Archive


def keep_definition(archive: Archive, kind: str, name: str, value: object) -> None:
    """Keep a definition, None where there shall be none; the journal has it when this returns."""
    version = put_definition(archive.index.table, kind, name, value)
    journal.keep_definition(archive.bucket, kind, name, value, version)
