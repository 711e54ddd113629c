"""Reading the DynamoDB table: consistently, now or begun now and taken later."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from nephele.aws import clients
from nephele.aws.direct_reads import Reply, direct_reads
from nephele.aws.index.keys import Key
from nephele.aws.index.meter import Meter
from nephele.errors import Unavailable

Item = TypeVar("Item")
Row = dict[str, Any]
"""An item in DynamoDB's own JSON."""

_RANDOM = random.SystemRandom()
"""Processes restored from one SnapStart image share the state of Python's own generator."""
_PAGE_GROWTH = 4
_BATCH_GET = 100


@dataclass(frozen=True, slots=True)
class Begun:
    """Rows that are being read: take them with `rows` once, or `discard` them.

    Attributes
    ----------
    rows : callable
        Waits for them; raises as the table's other reads.
    """

    reply: Reply | None
    rows: Callable[[], Iterable[Row]]

    def has_arrived(self) -> bool:
        """Tell, without waiting, whether rows have begun to come."""
        return self.reply is not None and self.reply.has_arrived()

    def discard(self) -> None:
        """Forget what was not taken."""
        if self.reply is not None:
            self.reply.discard()


def iter_ahead(
    begin: Callable[[Item], Begun], items: Iterable[Item], ahead: int
) -> Iterator[Iterable[Row]]:
    """Yield the rows that are read for each item, in order, while the next ones are being read.

    Parameters
    ----------
    ahead : int
        How many reads are under way besides.
    """
    begun: deque[Begun] = deque()
    try:
        for item in items:
            begun.append(begin(item))
            if len(begun) > ahead:
                yield begun.popleft().rows()
        while begun:
            yield begun.popleft().rows()
    finally:
        for one in begun:
            one.discard()


@dataclass(frozen=True, slots=True)
class TableReads:
    """The reads of one table with the key `pk`, `sk`; a meter counts what is read of it."""

    name: str
    meter: Meter | None = None

    def get(self, key: Key) -> Row | None:
        """Read one row."""
        with clients.translated("index"):
            answer = clients.dynamodb().get_item(TableName=self.name, Key=key, ConsistentRead=True)
        row = answer.get("Item")
        if self.meter is not None:
            self.meter.add_rows([] if row is None else [row], 1)
        return row

    def get_all(self, keys: Iterable[Key]) -> list[Row]:
        """Read rows by their keys; those that do not exist are absent from the answer."""
        wanted = list({(k["pk"]["S"], k["sk"]["S"]): k for k in keys}.values())
        rows: list[Row] = []
        for start in range(0, len(wanted), _BATCH_GET):
            rows += self._get_batch(wanted[start : start + _BATCH_GET])
        return rows

    def begin_get_all(self, keys: Iterable[Key]) -> Begun:
        """Begin to read 100 rows at most by their keys, which are distinct."""
        wanted = list(keys)
        reply = self._begin("BatchGetItem", self._batch(wanted)) if wanted else None

        def rows() -> list[Row]:
            if reply is None:
                return []
            with clients.translated("index"):
                answer = reply.read()
            found, rest = self._taken(answer, wanted)
            return found + self._get_batch(rest) if rest else found

        return Begun(reply, rows)

    def _begin(self, operation: str, request: dict[str, Any]) -> Reply:
        with clients.translated("index"):
            return direct_reads(clients.dynamodb()).begin(operation, request)

    def _batch(self, keys: list[Key]) -> dict[str, Any]:
        return {"RequestItems": {self.name: {"Keys": keys, "ConsistentRead": True}}}

    def _get_batch(self, keys: list[Key]) -> list[Row]:
        rows: list[Row] = []
        for attempt in range(8):
            with clients.translated("index"):
                answer = clients.dynamodb().batch_get_item(**self._batch(keys))
            found, keys = self._taken(answer, keys)
            rows += found
            if not keys:
                return rows
            pause(attempt)
        raise Unavailable("index: reads are throttled")

    def _taken(self, answer: Mapping[str, Any], keys: list[Key]) -> tuple[list[Row], list[Key]]:
        """Return the rows of an answer, counted, and the keys that are left."""
        found = answer["Responses"].get(self.name, [])
        rest = answer.get("UnprocessedKeys", {}).get(self.name)
        left = rest["Keys"] if rest else []
        if self.meter is not None:
            self.meter.add_rows(found, len(keys) - len(left))
        return found, left

    def begin_query(self, pk: str, prefix: str = "") -> Begun:
        """Begin to read all of a partition that has a prefix, in pages as large as they can be.

        The next page is being read while the rows of one are looked at.
        """
        request = self._query(pk, prefix)
        first = self._begin("Query", request)
        return Begun(first, lambda: self._iter_pages_ahead(request, first))

    def _iter_pages_ahead(self, request: dict[str, Any], reply: Reply) -> Iterator[Row]:
        following: Reply | None = reply
        try:
            while following is not None:
                with clients.translated("index"):
                    page = following.read()
                if self.meter is not None:
                    self.meter.add_page(page["Items"])
                last = page.get("LastEvaluatedKey")
                request = {**request, "ExclusiveStartKey": last}
                following = self._begin("Query", request) if last else None
                yield from page["Items"]
        finally:
            if following is not None:
                following.discard()

    def iter_query(
        self,
        pk: str,
        *,
        prefix: str = "",
        after: str = "",
        up_to: str = "",
        between: tuple[str, str] | None = None,
        descending: bool = False,
        limit: int = 0,
        is_growing: bool = False,
        attributes: str = "",
    ) -> Iterator[Row]:
        """Yield the rows of a partition in order of `sk`.

        `prefix`, `after` (exclusive), `up_to` (inclusive) and `between` (inclusive) exclude each
        other; `limit` is the size of one page, for callers that stop early: of the first one
        where pages shall grow.
        """
        request = {**self._query(pk, prefix), "ScanIndexForward": not descending}
        for operator, bound in (("sk > :sk", after), ("sk <= :sk", up_to)):
            if bound:
                request["KeyConditionExpression"] = f"pk = :pk AND {operator}"
                request["ExpressionAttributeValues"][":sk"] = {"S": bound}
        if between is not None:
            request["KeyConditionExpression"] = "pk = :pk AND sk BETWEEN :first AND :last"
            values = request["ExpressionAttributeValues"]
            values[":first"], values[":last"] = ({"S": bound} for bound in between)
        if limit:
            request["Limit"] = limit
        if attributes:
            request["ProjectionExpression"] = attributes
        yield from self._iter_pages(request, _PAGE_GROWTH if is_growing else 1)

    def _query(self, pk: str, prefix: str) -> dict[str, Any]:
        begins = {":sk": {"S": prefix}} if prefix else {}
        return {
            "TableName": self.name,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk" + (" AND begins_with(sk, :sk)" if prefix else ""),
            "ExpressionAttributeValues": {":pk": {"S": pk}, **begins},
        }

    def _iter_pages(self, request: dict[str, Any], growth: int) -> Iterator[Row]:
        while True:
            with clients.translated("index"):
                page = clients.dynamodb().query(**request)
            if self.meter is not None:
                self.meter.add_page(page["Items"])
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
            if "Limit" in request:
                request["Limit"] *= growth


def pause(attempt: int) -> None:
    """Wait for a random while that grows with the attempts, at most two seconds."""
    time.sleep(_RANDOM.uniform(0, min(2.0, 0.02 * 2**attempt)))
