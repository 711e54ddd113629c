"""A proxy between our processes and AWS: counts calls and units, adds latency and refusals."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Mapping
from socket import socket

import aiohttp
import orjson
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from yarl import URL

from infra.local.aws import refusals
from infra.local.aws.counts import CallCounts
from infra.local.aws.operations import Operation, identify
from infra.local.aws.roles import Roles
from infra.local.aws.server import REGION
from infra.local.certificate import Certificate
from infra.local.faults import Switches
from infra.local.http_server import HttpServer, read_body
from infra.local.ports import LOOPBACK, port_of

_LARGEST_BODY = 5 * 1024 * 1024 * 1024
_CHUNK_BYTES = 256 * 1024
_ACCESS_KEY = re.compile(r"Credential=([^/]+)/")
_UNTOLD = frozenset({"connection", "transfer-encoding", "keep-alive"})
_CLOSING_SECONDS = 0.1
"""TLS connections say goodbye in the background, and nothing tells when they have."""
_UNSENT = frozenset({"expect", "transfer-encoding"})
_JSON = "application/x-amz-json-1.0"
_PATIENCE_SECONDS = 1.0


class AwsProxy:
    """Forward AWS calls, under the switches in force.

    Attributes
    ----------
    endpoint : str
        Where our processes find AWS.
    counts : CallCounts
        Who called what.
    """

    def __init__(
        self,
        listener: socket,
        target: str,
        certificate: Certificate,
        roles: Roles,
        switches: Switches,
    ) -> None:
        self.endpoint = f"https://{LOOPBACK}:{port_of(listener)}"
        self.counts = CallCounts()
        self._listener = listener
        self._target = target
        self._certificate = certificate
        self._roles = roles
        self._switches = switches
        self._server = HttpServer(self._handle, _PATIENCE_SECONDS)
        connector = aiohttp.TCPConnector(ssl=certificate.client_context(), limit=0)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)

    async def start(self) -> None:
        """Start serving."""
        context = self._certificate.server_context()
        await self._server.start(self._listener, ssl_context=context)

    async def stop(self) -> None:
        """Stop serving."""
        await self._server.stop()
        await self._session.close()
        await asyncio.sleep(_CLOSING_SECONDS)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await read_body(request, _LARGEST_BODY)
        operation = identify(request.method, request.raw_path, request.headers, body)
        caller, access_key = self._caller(request)
        await self._wait(operation)
        refusal = self._refusal(operation, body)
        if refusal is not None:
            self.counts.add_call(caller, operation, refusal.status)
            return refusal
        headers = dict(request.headers)
        if operation.is_table_call:
            headers, body = self._ask_for_units(access_key, headers, body)
        return await self._forward(request, operation, caller, headers, body)

    def _caller(self, request: web.BaseRequest) -> tuple[str, str]:
        text = request.headers.get("Authorization", "") or str(request.rel_url)
        match = _ACCESS_KEY.search(text)
        access_key = match[1] if match else ""
        return self._roles.name_of(access_key), access_key

    async def _wait(self, operation: Operation) -> None:
        faults = self._switches.faults
        milliseconds = 0.0
        if operation.is_s3_write:
            milliseconds = faults.s3_put_ms
        elif operation.is_s3_read:
            milliseconds = faults.s3_get_ms
        elif operation.is_transaction:
            milliseconds = faults.transaction_ms
        if milliseconds:
            await asyncio.sleep(milliseconds / 1000)

    def _refusal(self, operation: Operation, body: bytes) -> web.Response | None:
        faults = self._switches.faults
        if self._switches.strikes(faults.throttle):
            return refusals.throttle(operation)
        if operation.can_conflict and self._switches.strikes(faults.conflict):
            return refusals.conflict(operation, body)
        return None

    def _ask_for_units(
        self, access_key: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[dict[str, str], bytes]:
        """Have DynamoDB tell what a call costs; the changed body needs a signature of its own."""
        credentials = self._roles.issued(access_key)
        if credentials is None:
            return dict(headers), body
        asking = orjson.dumps({**orjson.loads(body), "ReturnConsumedCapacity": "TOTAL"})
        request = AWSRequest("POST", f"{self._target}/", data=asking)
        request.headers["Content-Type"] = headers.get("Content-Type", _JSON)
        request.headers["X-Amz-Target"] = headers["X-Amz-Target"]
        SigV4Auth(credentials.botocore(), "dynamodb", REGION).add_auth(request)
        return dict(request.headers.items()), asking

    async def _forward(
        self,
        request: web.BaseRequest,
        operation: Operation,
        caller: str,
        headers: dict[str, str],
        body: bytes,
    ) -> web.StreamResponse:
        url = URL(f"{self._target}{request.raw_path}", encoded=True)
        sent = {name: value for name, value in headers.items() if name.lower() not in _UNSENT}
        async with self._session.request(
            request.method, url, headers=sent, data=io.BytesIO(body)
        ) as found:
            self.counts.add_call(caller, operation, found.status)
            answer = web.StreamResponse(status=found.status, reason=found.reason)
            for name, value in found.headers.items():
                if name.lower() not in _UNTOLD:
                    answer.headers.add(name, value)
            await answer.prepare(request)
            if operation.is_table_call:
                told = await found.read()
                self._count_units(caller, operation, found.status, told)
                await answer.write(told)
            elif request.method != "HEAD":
                async for part in found.content.iter_chunked(_CHUNK_BYTES):
                    await answer.write(part)
            await answer.write_eof()
            return answer

    def _count_units(self, caller: str, operation: Operation, status: int, content: bytes) -> None:
        if status == 200 and content:
            self.counts.add_units(caller, operation, orjson.loads(content).get("ConsumedCapacity"))
