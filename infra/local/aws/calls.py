"""Calls of SQS and DynamoDB Streams from the event loop, signed by a role."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from infra.local.aws.roles import RoleCredentials
from infra.local.aws.server import REGION

_LONGEST_POLL_SECONDS = 30


class AwsRefusal(Exception):
    """AWS answered with an error, or not at all."""


@dataclass(frozen=True, slots=True)
class Service:
    """How a service's JSON protocol is spoken."""

    signing_name: str
    target_prefix: str


SQS = Service("sqs", "AmazonSQS")
STREAMS = Service("dynamodb", "DynamoDBStreams_20120810")


class Caller:
    """An HTTP session with the local AWS."""

    def __init__(self, endpoint: str, context: ssl.SSLContext) -> None:
        connector = aiohttp.TCPConnector(ssl=context, limit=0, keepalive_timeout=60)
        timeout = aiohttp.ClientTimeout(total=_LONGEST_POLL_SECONDS)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        self._endpoint = f"{endpoint}/"

    async def call(
        self,
        service: Service,
        action: str,
        parameters: Mapping[str, Any],
        credentials: RoleCredentials,
    ) -> dict[str, Any]:
        """Call one action and return its answer.

        Raises
        ------
        AwsRefusal
            With the error's code.
        """
        body = orjson.dumps(parameters)
        request = AWSRequest("POST", self._endpoint, data=body)
        request.headers["Content-Type"] = "application/x-amz-json-1.0"
        request.headers["X-Amz-Target"] = f"{service.target_prefix}.{action}"
        SigV4Auth(credentials.botocore(), service.signing_name, REGION).add_auth(request)
        try:
            async with self._session.post(
                self._endpoint, data=body, headers=dict(request.headers.items())
            ) as response:
                answer = await response.read()
                if response.status >= 400:
                    raise AwsRefusal(f"{action}: {_code(answer)}")
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise AwsRefusal(f"{action}: {type(exc).__name__}") from exc
        return dict(orjson.loads(answer)) if answer else {}

    async def read(self, path: str) -> Any:
        """Return what the local AWS tells of itself, without a signature."""
        async with self._session.get(self._endpoint.rstrip("/") + path) as response:
            return orjson.loads(await response.read())

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()


def _code(answer: bytes) -> str:
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return answer[:200].decode("utf-8", "replace")
    return f"{document.get('__type', 'unknown')}: {document.get('message', '')}"
