"""ministack as it runs here: it also remembers which grants let a call pass.

Every call is checked against the policies of its role; what was allowed is noted where that is
decided. `GET /_nephele/grants` tells it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from ministack.core import iam_evaluator

from infra.local.aws import emulator
from infra.local.aws.areas import GRANTS_PATH, area_of

_evaluate = iam_evaluator.evaluate
_used: set[tuple[str, str, str]] = set()
_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Scope]]
_Send = Callable[[_Scope], Awaitable[None]]


def _noting_evaluate(context: Any, *policies: Any) -> Any:
    result = _evaluate(context, *policies)
    if result.decision == "Allow":
        _used.add((context.principal_arn, context.action, area_of(context.resource_arn)))
    return result


iam_evaluator.evaluate = _noting_evaluate


async def app(scope: _Scope, receive: _Receive, send: _Send) -> None:
    """Answer as ministack does, and tell the grants that were used."""
    if scope["type"] != "http" or scope["path"] != GRANTS_PATH:
        await emulator.app(scope, receive, send)
        return
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps(sorted(_used))})
