"""The front behaves as API Gateway: events, logins, limits."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

from infra.local.functions.pool import FunctionPool
from infra.local.gateway.api import Authorizer, GatewayResponse, RestApi, Route
from infra.local.gateway.blobs import Blobs
from infra.local.gateway.front import BODY_BYTES, Front
from infra.local.ports import listen, port_of
from nephele.settings.limits import LAMBDA_PAYLOAD_BYTES
from tests.local.conftest import MakeFunction

MIRROR = """
    import json
    def handler(event, context):
        return {"statusCode": 200, "body": json.dumps(event), "headers": {"X-A": "1"},
                "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}}
"""
LOGIN = """
    calls = 0
    def handler(event, context):
        global calls
        calls += 1
        word = (event["headers"].get("Authorization") or "none").split()[-1]
        if word == "wrong":
            raise Exception("Unauthorized")
        if word == "broken":
            raise RuntimeError("no database")
        effect = "Deny" if word == "denied" else "Allow"
        resource = "/".join(event["methodArn"].split("/")[:2]) + "/*"
        return {"principalId": word, "context": {"username": word, "calls": calls},
                "policyDocument": {"Statement": [
                    {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}]}}
"""
CHALLENGE = 'Basic realm="Orthanc Secure Area"'
RESPONSES = {
    "UNAUTHORIZED": GatewayResponse(
        401, {"WWW-Authenticate": CHALLENGE}, '{"message":$context.error.messageString}'
    ),
    "ACCESS_DENIED": GatewayResponse(403, {}, '{"message":$context.error.messageString}'),
    "AUTHORIZER_FAILURE": GatewayResponse(500, {}, '{"message":$context.error.messageString}'),
    "REQUEST_TOO_LARGE": GatewayResponse(413, {}, '{"message":$context.error.messageString}'),
    "INTEGRATION_TIMEOUT": GatewayResponse(504, {}, '{"message":$context.error.messageString}'),
}
Ask = Callable[..., Awaitable[tuple[int, Any, bytes]]]


@asynccontextmanager
async def _serving(
    pool: FunctionPool, login: FunctionPool | None = None, **route: Any
) -> AsyncIterator[Ask]:
    authorizer = Authorizer(login.function, ("authorization",), 300) if login else None
    timeout = route.get("timeout_seconds", 29.0)
    paths = ("/", "/{proxy+}")
    routes = [Route(path, "ANY", pool.function, authorizer, timeout) for path in paths]
    pools = {item.function.name: item for item in (pool, login) if item}
    listener = listen(0, "")
    base = f"http://127.0.0.1:{port_of(listener)}"
    async with aiohttp.ClientSession() as session:
        blobs = Blobs("https://127.0.0.1:9", "bucket", _context())
        front = Front(RestApi("api1", "stage1", routes, RESPONSES), pools, blobs)
        await front.start(listener)

        async def ask(method: str, path: str, **options: Any) -> tuple[int, Any, bytes]:
            url = URL(base + path, encoded=True)
            async with session.request(method, url, **options) as answer:
                return answer.status, answer.headers, await answer.read()

        yield ask
        await session.close()
        await front.stop()
        await blobs.close()


def _context() -> Any:
    import ssl

    return ssl.create_default_context()


def _event(body: bytes) -> dict[str, Any]:
    return dict(json.loads(body))


def _run(scenario: Awaitable[None]) -> None:
    async def run() -> None:
        await scenario

    asyncio.run(run())


def _login(word: str) -> Mapping[str, str]:
    return {"Authorization": f"Basic {word}"}


def test_makes_a_proxy_event(make_function: MakeFunction) -> None:
    async def scenario() -> None:
        async with make_function(MIRROR) as pool, _serving(pool) as ask:
            status, headers, body = await ask(
                "POST",
                "//instances//a%2Fb%20c?expand&limit=3&tag=a&tag=%C3%BC",
                data=b"\x00\xff",
                headers={"X-One": "1", "Content-Type": "text/plain"},
            )
        event = _event(body)
        assert status == 200
        assert headers.getall("Set-Cookie") == ["a=1", "b=2"]
        assert headers["X-A"] == "1"
        assert event["path"] == "//instances//a%2Fb%20c"
        assert event["pathParameters"] == {"proxy": "/instances//a/b c"}
        assert event["resource"] == "/{proxy+}"
        assert event["queryStringParameters"] == {"expand": "", "limit": "3", "tag": "ü"}
        assert event["multiValueQueryStringParameters"]["tag"] == ["a", "ü"]
        assert base64.b64decode(event["body"]) == b"\x00\xff"
        assert event["isBase64Encoded"] is True
        assert event["headers"]["X-One"] == "1"
        assert event["multiValueHeaders"]["X-One"] == ["1"]
        context = event["requestContext"]
        assert context["identity"]["sourceIp"] == "127.0.0.1"
        assert (context["stage"], context["httpMethod"]) == ("stage1", "POST")
        assert context["path"] == "/stage1//instances//a%2Fb%20c"

    _run(scenario())


def test_an_empty_body_is_none(make_function: MakeFunction) -> None:
    async def scenario() -> None:
        async with make_function(MIRROR) as pool, _serving(pool) as ask:
            event = _event((await ask("GET", "/"))[2])
        assert event["body"] is None
        assert event["resource"] == "/"
        assert event["queryStringParameters"] is None

    _run(scenario())


def test_binary_answers_are_decoded(make_function: MakeFunction) -> None:
    source = """
        def handler(event, context):
            return {"statusCode": 206, "body": "AAH/", "isBase64Encoded": True,
                    "headers": {"Content-Type": "application/dicom"}}
    """

    async def scenario() -> None:
        async with make_function(source) as pool, _serving(pool) as ask:
            status, headers, body = await ask("GET", "/file")
            assert (status, body) == (206, b"\x00\x01\xff")
            assert headers["Content-Type"] == "application/dicom"
            status, headers, body = await ask("HEAD", "/file")
            assert (status, body, headers["Content-Length"]) == (206, b"", "3")

    _run(scenario())


def test_a_compressed_body_is_passed_as_it_is(make_function: MakeFunction) -> None:
    async def scenario() -> None:
        async with make_function(MIRROR) as pool, _serving(pool) as ask:
            given = {"Content-Encoding": "gzip"}
            event = _event((await ask("POST", "/x", data=b"\x1f\x8bxx", headers=given))[2])
        assert base64.b64decode(event["body"]) == b"\x1f\x8bxx"

    _run(scenario())


def test_no_login_is_challenged_unasked(make_function: MakeFunction) -> None:
    async def scenario() -> None:
        async with (
            make_function(MIRROR) as pool,
            make_function(LOGIN, name="login") as login,
            _serving(pool, login) as ask,
        ):
            status, headers, _ = await ask("GET", "/system")
            assert (status, headers["WWW-Authenticate"]) == (401, CHALLENGE)
            assert login.summary()["invocations"] == 0
            assert pool.summary()["invocations"] == 0

    _run(scenario())


def test_a_wrong_login_is_challenged_and_asked_again(make_function: MakeFunction) -> None:
    async def scenario() -> None:
        async with (
            make_function(MIRROR) as pool,
            make_function(LOGIN, name="login") as login,
            _serving(pool, login) as ask,
        ):
            for _ in range(2):
                status, headers, _ = await ask("GET", "/system", headers=_login("wrong"))
                assert (status, headers["WWW-Authenticate"]) == (401, CHALLENGE)
            assert login.summary()["invocations"] == 2

    _run(scenario())


def test_a_good_login_is_kept(make_function: MakeFunction) -> None:
    async def scenario() -> None:
        async with (
            make_function(MIRROR) as pool,
            make_function(LOGIN, name="login") as login,
            _serving(pool, login) as ask,
        ):
            for path in ("/a", "/b/c"):
                status, _, body = await ask("GET", path, headers=_login("alice"))
                authorizer = _event(body)["requestContext"]["authorizer"]
                assert status == 200
                assert authorizer == {"principalId": "alice", "username": "alice", "calls": "1"}
            await ask("GET", "/a", headers=_login("bob"))
            assert login.summary()["invocations"] == 2

    _run(scenario())


def test_a_policy_that_denies_is_403_and_a_broken_authorizer_500(
    make_function: MakeFunction,
) -> None:
    async def scenario() -> None:
        async with (
            make_function(MIRROR) as pool,
            make_function(LOGIN, name="login") as login,
            _serving(pool, login) as ask,
        ):
            assert (await ask("GET", "/a", headers=_login("denied")))[0] == 403
            assert (await ask("GET", "/a", headers=_login("broken")))[0] == 500
            assert pool.summary()["invocations"] == 0

    _run(scenario())


def test_ten_megabytes_are_the_limit_of_the_gateway(make_function: MakeFunction) -> None:
    async def scenario() -> None:
        async with make_function(MIRROR) as pool, _serving(pool) as ask:
            too_large = b"x" * (BODY_BYTES + 1)
            assert (await ask("POST", "/instances", data=io.BytesIO(too_large)))[0] == 413
            assert pool.summary()["invocations"] == 0

    _run(scenario())


def test_six_megabytes_are_the_limit_of_the_function(make_function: MakeFunction) -> None:
    source = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'x' * %d}\n"

    async def scenario() -> None:
        async with (
            make_function(source % LAMBDA_PAYLOAD_BYTES) as pool,
            _serving(pool) as ask,
        ):
            assert (await ask("POST", "/a", data=io.BytesIO(b"x" * 4_800_000)))[0] == 413
            assert pool.summary()["invocations"] == 0
            assert (await ask("GET", "/a"))[0] == 502

    _run(scenario())


def test_the_gateway_does_not_wait_for_ever(make_function: MakeFunction) -> None:
    source = """
        import time
        def handler(event, context):
            time.sleep(1)
            return {"statusCode": 200}
    """

    async def scenario() -> None:
        async with (
            make_function(source) as pool,
            _serving(pool, timeout_seconds=0.2) as ask,
        ):
            status, _, body = await ask("GET", "/a")
            assert (status, json.loads(body)) == (504, {"message": "Endpoint request timed out"})

    _run(scenario())


def test_an_exception_and_a_senseless_answer_are_502(make_function: MakeFunction) -> None:
    source = """
        def handler(event, context):
            if event["path"] == "/raise":
                raise ValueError("a patient's name")
            return {"body": "no status"}
    """

    async def scenario() -> None:
        async with make_function(source) as pool, _serving(pool) as ask:
            for path in ("/raise", "/senseless"):
                status, _, body = await ask("GET", path)
                assert (status, json.loads(body)) == (502, {"message": "Internal server error"})

    _run(scenario())
