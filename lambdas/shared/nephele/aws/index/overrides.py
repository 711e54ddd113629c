"""The rows of options that were changed over REST."""

from __future__ import annotations

from typing import Any

from nephele.aws.index import codec, keys
from nephele.aws.index.table import Table


def read_overrides(table: Table) -> dict[str, Any]:
    """Return the values of all options that were changed, by Orthanc's name of the option."""
    rows = table.iter_query(keys.OVERRIDES)
    return {row["sk"]["S"]: codec.read_document(row, "k") for row in rows}


def put_override(table: Table, name: str, value: object) -> None:
    """Keep a changed option; any number of times, the last one counts."""
    table.put({**keys.override(name), "k": codec.document(value)})
