"""moto's DynamoDB, made fit for many rows and threads.

It copies the whole table for each item of a transaction, and looks at all rows for each query, so
that time grows with the square of the rows; and it locks nothing. Here what a transaction names is
copied, and put back where it fails; a query looks at its partition; and one write is done at a
time, as DynamoDB's are atomic. What it checks of an update as a whole it checks once, not again at
each action that is left of it.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser
from moto.dynamodb.parsing.validators import ActionCountValidator, OverlappingPathsValidator

_LOCK = threading.RLock()
_PARTITION: list[DynamoType] = []
"""The one that is queried now."""
_OF_THE_WHOLE = (
    (ActionCountValidator, ActionCountValidator.verify_action_counts),
    (OverlappingPathsValidator, OverlappingPathsValidator.check_for_overlapping_paths),
)
_WRITES = ("put_item", "update_item", "delete_item")


@contextmanager
def quick_transactions() -> Iterator[None]:
    """Let transactions cost what they name, not what the table holds."""
    transact = DynamoDBBackend.transact_write_items

    def quick(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        with _LOCK:
            saved = list(_iter_saved(self, transact_items))
            try:
                transact(self, transact_items)
            except Exception:
                for table, key, item in saved:
                    _put_back(table, key, item)
                raise

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoDBBackend, "transact_write_items", quick)
        patch.setattr(Table, "query", _of_partition(Table.query))
        patch.setattr(Table, "all_items", _iter_items(Table.all_items))
        patch.setattr(Table, "__deepcopy__", lambda self, _: self, raising=False)
        for name in _WRITES:
            patch.setattr(DynamoDBBackend, name, _locked(getattr(DynamoDBBackend, name)))
        for validator, check in _OF_THE_WHOLE:
            patch.setattr(validator, "traverse", check)
        patch.setattr(DepthFirstTraverser, "nodes_to_be_processed", _processed_types)
        yield


def _processed_types(self: DepthFirstTraverser) -> tuple[type, ...]:
    """Return the types of nodes that a walk processes: they stay the same while it lives."""
    if "processed_types" not in vars(self):
        vars(self)["processed_types"] = tuple(self._processing_map())
    found: tuple[type, ...] = vars(self)["processed_types"]
    return found


def _of_partition(query: Any) -> Any:
    def of_partition(self: Table, hash_key: DynamoType, *arguments: Any, **named: Any) -> Any:
        with _LOCK:
            _PARTITION.append(hash_key)
            try:
                return query(self, hash_key, *arguments, **named)
            finally:
                _PARTITION.pop()

    return of_partition


def _iter_items(everything: Any) -> Any:
    def iter_items(self: Table) -> Any:
        if _PARTITION:
            return list(self.items.get(_PARTITION[-1], {}).values())
        return everything(self)

    return iter_items


def _locked(write: Any) -> Any:
    def locked(*arguments: Any, **named: Any) -> Any:
        with _LOCK:
            return write(*arguments, **named)

    return locked


def _iter_saved(
    backend: DynamoDBBackend, transact_items: list[dict[str, Any]]
) -> Iterator[tuple[Table, tuple[DynamoType, DynamoType], Any]]:
    for one in transact_items:
        ((verb, write),) = one.items()
        key = write["Item"] if verb == "Put" else write["Key"]
        table = backend.get_table(write["TableName"])
        names = DynamoType(key["pk"]), DynamoType(key["sk"])
        yield table, names, copy.deepcopy(table.get_item(*names))


def _put_back(table: Table, key: tuple[DynamoType, DynamoType], item: Any) -> None:
    partition, sort = key
    if item is None:
        table.items[partition].pop(sort, None)
    else:
        table.items[partition][sort] = item
