"""The answers with which AWS refuses a call, as its services write them."""

from __future__ import annotations

import orjson
from aiohttp import web

from infra.local.aws.operations import Operation

_JSON = "application/x-amz-json-1.0"
_DYNAMODB = "com.amazonaws.dynamodb.v20120810#"
_CONFLICT = "Transaction is ongoing for the item"
_THROTTLES = {
    "dynamodb": f"{_DYNAMODB}ProvisionedThroughputExceededException",
    "sqs": "com.amazonaws.sqs#RequestThrottled",
}


def conflict(operation: Operation, body: bytes) -> web.Response:
    """Refuse a write because another transaction holds its item."""
    if not operation.is_transaction:
        return _json(f"{_DYNAMODB}TransactionConflictException", {"message": _CONFLICT})
    count = len(orjson.loads(body).get("TransactItems", ()))
    codes = ["TransactionConflict", *["None"] * (count - 1)]
    reasons: list[dict[str, str]] = [{"Code": code} for code in codes]
    reasons[0]["Message"] = _CONFLICT
    text = "Transaction cancelled, please refer cancellation reasons for specific reasons"
    return _json(
        f"{_DYNAMODB}TransactionCanceledException",
        {"Message": f"{text} [{', '.join(codes)}]", "CancellationReasons": reasons},
    )


def throttle(operation: Operation) -> web.Response:
    """Refuse a call because there are too many."""
    if operation.service == "s3":
        body = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message>"
        return web.Response(status=503, text=f"{body}</Error>", content_type="application/xml")
    code = _THROTTLES.get(operation.service, "ThrottlingException")
    return _json(code, {"message": "Rate exceeded"})


def _json(code: str, more: dict[str, object]) -> web.Response:
    return web.Response(
        status=400, body=orjson.dumps({"__type": code, **more}), headers={"Content-Type": _JSON}
    )
