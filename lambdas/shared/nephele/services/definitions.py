"""Changing named definitions, with the journal, which has no secrets of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.aws import journal
from nephele.aws.index import definitions
from nephele.logs import logger
from nephele.settings.peer import SECRETS, without_secrets

if TYPE_CHECKING:
    from nephele.services.archive import Archive


def keep_definition(archive: Archive, kind: str, name: str, value: dict[str, Any] | None) -> None:
    """Keep a definition, None where there shall be none; the journal has it when this returns."""
    version = definitions.put_definition(archive.index.table, kind, name, value)
    told = value if value is None else without_secrets(value)
    journal.keep_definition(archive.bucket, kind, name, told, version)


def replay_definition(
    archive: Archive, kind: str, name: str, value: dict[str, Any] | None, version: int
) -> None:
    """Keep a definition again that the journal tells of, unless a later one is there.

    Secrets stay where the table knows them for the same place; else somebody has to define them.
    """
    table = archive.index.table
    if kind == definitions.PEERS and value is not None:
        known = definitions.read_definitions(table, kind).get(name) or {}
        is_same = all(known.get(member) == value.get(member) for member in ("Url", "Username"))
        secrets = {member: known[member] for member in SECRETS & known.keys()} if is_same else {}
        value = secrets | value
        if not secrets:
            logger.warning("the journal has no secrets of a peer", extra={"peer": name})
    definitions.put_version(table, kind, name, value, version)
