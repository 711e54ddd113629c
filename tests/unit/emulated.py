"""The emulated AWS of the local stack in this process: no network, no policies, nothing on disk.

It answers what `nephele up` is answered, for a fourth of what moto takes. botocore makes the
requests and reads the answers as ever; between the two a request is handed over unsigned. What is
asked of DynamoDB's rows, which is most of it, goes past botocore: both sides speak its JSON.
"""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import orjson
import pytest
from botocore.awsrequest import AWSResponse
from botocore.endpoint import convert_to_response_dict
from botocore.exceptions import ClientError

from nephele.aws import clients
from nephele.aws.quick_rows import _decode_rows
from tests.unit.conftest import forget_clients

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.config import Config
    from botocore.model import OperationModel

_REGION = "eu-west-1"
_ENDPOINT = "http://127.0.0.1"
"""Nothing listens there: an address, so that requests name buckets in their paths."""
_SCOPE = f"AWS4-HMAC-SHA256 Credential=testing/20260101/{_REGION}/any/aws4_request"
_OPERATIONS = {
    "batch_get_item": "BatchGetItem",
    "batch_write_item": "BatchWriteItem",
    "delete_item": "DeleteItem",
    "get_item": "GetItem",
    "put_item": "PutItem",
    "query": "Query",
    "transact_write_items": "TransactWriteItems",
    "update_item": "UpdateItem",
}
_ONE_AT_A_TIME = threading.Lock()
_CONTEXT = Context()
"""Where the emulator keeps whose request it answers."""


@contextmanager
def emulated_aws() -> Iterator[None]:
    """Let Nephele's clients talk to an AWS in this process; what was kept in it before is gone."""
    from ministack.app import _reset_all_state  # importing it takes a second
    from ministack.core.responses import set_request_region

    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", _REGION)
        patch.setenv("AWS_ENDPOINT_URL", _ENDPOINT)
        patch.setattr(clients, "_client", _make_client(clients._client))
        _CONTEXT.run(set_request_region, _REGION)
        forget_clients()
        yield
        forget_clients()
        _reset_all_state()


def _make_client(make: Any) -> Any:
    def make_client(service: str, config: Config) -> Any:
        client: BaseClient = make(service, config)

        def answer(model: OperationModel, params: Mapping[str, Any], **_: Any) -> Any:
            response = _answer(params)
            found = convert_to_response_dict(response, model)
            parser = client._response_parser
            parsed = parser.parse(found, model.output_shape)
            if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
                client._endpoint._add_modeled_error_fields(found, parsed, model, parser)
            return response, parsed

        client.meta.events.register("before-call", answer)
        return _Rows(client) if service == "dynamodb" else client

    return make_client


class _Rows:
    """A client of DynamoDB; what is no request about rows is botocore's."""

    def __init__(self, client: BaseClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        operation = _OPERATIONS.get(name)
        return getattr(self._client, name) if operation is None else partial(_ask, operation)


def _ask(operation: str, **request: Any) -> dict[str, Any]:
    from ministack.services import dynamodb

    headers = {"x-amz-target": f"DynamoDB_20120810.{operation}"}
    body = orjson.dumps(request, default=_encode_binary)
    status, _, told = _run(lambda: dynamodb.handle_request("POST", "/", headers, body, {}))
    answer: dict[str, Any] = orjson.loads(told)
    if status != HTTPStatus.OK:
        error = {"Code": answer["__type"].rpartition("#")[2], "Message": answer.get("message", "")}
        raise ClientError({**answer, "Error": error}, operation)  # type: ignore[typeddict-item]
    _decode_rows(answer.get("Items", ()))
    _decode_rows([answer[name] for name in ("Item", "Attributes") if name in answer])
    for rows in answer.get("Responses", {}).values():
        _decode_rows(rows)
    return answer


def _encode_binary(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _run(begin: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run what waits for nothing, one at a time."""
    with _ONE_AT_A_TIME:
        try:
            _CONTEXT.run(lambda: begin().send(None))
        except StopIteration as done:
            return done.value
    raise RuntimeError("an answer that has to be waited for")


class _Body(io.BytesIO):
    """What botocore reads an answer from."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        """Yield all of it."""
        yield self.read()


def _answer(request: Mapping[str, Any]) -> AWSResponse:
    start, *parts = _run(lambda: _call(request))
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    body = b"".join(part.get("body", b"") for part in parts)
    return AWSResponse(request["url"], start["status"], headers, _Body(body))


async def _call(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of an answer."""
    from infra.local.aws.emulator import app

    body, url = _bytes_of(request["body"]), urlsplit(request["url"])
    sent: list[dict[str, Any]] = []
    headers = {
        **request["headers"],
        "host": url.netloc,
        "authorization": _SCOPE,
        "content-length": len(body),
    }
    fields = [(name.lower().encode(), str(value).encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": request["method"],
        "scheme": url.scheme,
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": fields,
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def _bytes_of(body: Any) -> bytes:
    if hasattr(body, "read"):
        return bytes(body.read())
    return body.encode() if isinstance(body, str) else bytes(body)
