"""`/blobs/<key>?<signature>`: what CloudFront serves from the bucket, served from the local one."""

from __future__ import annotations

import ssl

import aiohttp
from aiohttp import web
from yarl import URL

PREFIX = "/blobs/"
_METHODS = frozenset({"GET", "HEAD"})
_ASKED = ("Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Range")
_UNTOLD = frozenset({"connection", "transfer-encoding", "date", "server", "keep-alive"})
_CHUNK_BYTES = 256 * 1024


class Blobs:
    """Forward signed reads to the bucket; the signature is S3's own, so S3 checks it."""

    def __init__(self, endpoint: str, bucket: str, context: ssl.SSLContext) -> None:
        self._base = f"{endpoint}/{bucket}/"
        connector = aiohttp.TCPConnector(ssl=context, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)

    async def close(self) -> None:
        """Close the connections to the bucket."""
        await self._session.close()

    def is_one(self, method: str, path: str) -> bool:
        """Tell whether a request is for a blob."""
        return method in _METHODS and path.startswith(PREFIX) and len(path) > len(PREFIX)

    async def serve(self, request: web.BaseRequest, path: str, query: str) -> web.StreamResponse:
        """Answer with what S3 answers, streamed."""
        url = URL(f"{self._base}{path.removeprefix(PREFIX)}?{query}", encoded=True)
        headers = {name: request.headers[name] for name in _ASKED if name in request.headers}
        headers["Accept-Encoding"] = "identity"
        async with self._session.request(request.method, url, headers=headers) as found:
            answer = web.StreamResponse(status=found.status)
            for name, value in found.headers.items():
                if name.lower() not in _UNTOLD:
                    answer.headers.add(name, value)
            await answer.prepare(request)
            if request.method != "HEAD":
                async for part in found.content.iter_chunked(_CHUNK_BYTES):
                    await answer.write(part)
            await answer.write_eof()
            return answer
