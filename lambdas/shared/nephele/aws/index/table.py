"""The DynamoDB table: consistent reads, and transactions that survive conflicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from nephele.aws import clients
from nephele.aws.index.keys import Key
from nephele.aws.index.table_reads import Row as Row
from nephele.aws.index.table_reads import TableReads, pause
from nephele.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

T = TypeVar("T")
TRANSACTION_ITEMS = 100
"""DynamoDB's limit for one transaction."""
_REFUSED = "ConditionalCheckFailedException"
_BATCH_WRITE = 25
_RETRYABLE = frozenset(
    {
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "ThrottlingError",
        "ThrottlingException",
        "RequestLimitExceeded",
    }
)


class ConditionFailed(Exception):
    """A row was not as the transaction expected; `positions` are the items that refused."""

    def __init__(self, positions: Sequence[int]) -> None:
        super().__init__("a row changed meanwhile")
        self.positions = tuple(positions)


class _Busy(Exception):
    """Other writers were faster; the same transaction may be tried again."""


@dataclass(frozen=True, slots=True)
class Table(TableReads):
    """One table with the key `pk`, `sk`."""

    def put(self, row: Row) -> None:
        """Write one row."""
        with clients.translated("index"):
            clients.dynamodb().put_item(TableName=self.name, Item=row)

    def put_all(self, rows: Sequence[Row]) -> None:
        """Write rows, 25 a request, each by itself."""
        self._write_all([{"PutRequest": {"Item": row}} for row in rows])

    def delete_all(self, keys: Sequence[Key]) -> None:
        """Remove rows, 25 a request, each by itself."""
        self._write_all([{"DeleteRequest": {"Key": key}} for key in keys])

    def _write_all(self, requests: list[dict[str, Any]]) -> None:
        for start in range(0, len(requests), _BATCH_WRITE):
            rest: Any = {self.name: requests[start : start + _BATCH_WRITE]}
            for attempt in range(8):
                with clients.translated("index"):
                    answer = clients.dynamodb().batch_write_item(RequestItems=rest)
                rest = answer.get("UnprocessedItems")
                if not rest:
                    break
                pause(attempt)
            else:
                raise Unavailable("index: writes are throttled")

    def delete(self, key: Key) -> None:
        """Remove one row."""
        with clients.translated("index"):
            clients.dynamodb().delete_item(TableName=self.name, Key=key)

    def update(
        self, key: Key, expression: str, condition: str, values: dict[str, Any]
    ) -> Row | None:
        """Update one row where a condition holds; return what it is then, None where it does not.

        It costs half of what `update_if` does, and nothing else can be written with it.
        """
        try:
            with clients.translated("index"):
                answer = clients.dynamodb().update_item(
                    TableName=self.name,
                    Key=key,
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ReturnValues="ALL_NEW",
                )
        except Unavailable as exc:
            cause = exc.__cause__
            if isinstance(cause, ClientError) and clients.error_code(cause) == _REFUSED:
                return None
            raise
        return answer["Attributes"]

    def update_if(self, key: Key, expression: str, condition: str, values: dict[str, Any]) -> bool:
        """Update one row where a condition holds; tell whether it did."""
        update: dict[str, Any] = {
            "TableName": self.name,
            "Key": key,
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        try:
            self.transact([{"Update": update}])  # type: ignore[typeddict-item]
        except ConditionFailed:
            return False
        return True

    def transact(self, items: Sequence[TransactWriteItemTypeDef]) -> None:
        """Write all items or none; conflicts with other writers are retried with jitter.

        Raises
        ------
        ConditionFailed
            An item's condition does not hold.
        Conflict
            Other writers kept winning.
        """
        for attempt in range(12):
            try:
                self._transact_once(items)
            except _Busy:
                pause(attempt)
            else:
                return
        raise Conflict("index: other writers kept winning")

    def _transact_once(self, items: Sequence[TransactWriteItemTypeDef]) -> None:
        try:
            with clients.translated("index"):
                clients.dynamodb().transact_write_items(TransactItems=items)
        except Unavailable as exc:
            if not isinstance(exc.__cause__, ClientError):
                raise
            _raise_reason(exc.__cause__)
            raise


def _raise_reason(error: ClientError) -> None:
    """Raise ConditionFailed or _Busy where a transaction was cancelled for that; else return."""
    reasons = [str(r.get("Code")) for r in error.response.get("CancellationReasons", [])]
    failed = [n for n, code in enumerate(reasons) if code == "ConditionalCheckFailed"]
    if failed:
        raise ConditionFailed(failed) from error
    if _RETRYABLE & {clients.error_code(error), *reasons}:
        raise _Busy from error


def retry_when_changed(work: Callable[[], T]) -> T:
    """Do a read-decide-write again while rows change in between; Conflict after many times."""
    for attempt in range(20):
        try:
            return work()
        except ConditionFailed:
            pause(attempt)
    raise Conflict("index: rows kept changing")
