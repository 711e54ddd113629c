"""Named definitions that were changed over REST: modalities, peers. They win over the file's."""

from __future__ import annotations

from typing import Any

from nephele.aws.index import codec, keys
from nephele.aws.index.table import Table

MODALITIES = "modalities"
PEERS = "peers"


def put_definition(table: Table, kind: str, name: str, value: object) -> None:
    """Keep a definition; None keeps that there is none of this name."""
    table.put({**keys.definition(kind, name), "c": codec.document({"value": value})})


def read_definitions(table: Table, kind: str) -> dict[str, Any]:
    """Return all that was changed, by name; None stands for what was removed."""
    rows = table.iter_query(keys.definitions(kind))
    return {row["sk"]["S"]: codec.read_document(row, "c")["value"] for row in rows}
