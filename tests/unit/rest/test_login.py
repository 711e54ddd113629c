"""The login in front of the edge's own HTTPS."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode

import httpx
import pytest
from starlette.concurrency import run_in_threadpool

from nephele.aws import clients
from nephele.rest.app import create_app
from nephele.rest.login import Login
from nephele.services.archive import Archive
from nephele.services.login import CACHE_SECONDS, Doorkeeper
from nephele.services.users import encode_users
from tests.unit.rest.conftest import Client, read_sample

RIGHT = ("alice", "pä:ss")


class Clock:
    """A clock that stands still until it is told otherwise."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class CountingDoorkeeper(Doorkeeper):
    """Counts how often a password is checked."""

    checks = 0

    def username_of(self, headers: object) -> str | None:
        self.checks += 1
        return super().username_of(headers)  # type: ignore[arg-type]


@pytest.fixture
def secret(request: pytest.FixtureRequest) -> str:
    created = clients.secrets_manager().create_secret(
        Name=request.node.name, SecretString=encode_users(dict([RIGHT]))
    )
    return created["ARN"]


def get(app: Login, login: tuple[str, str] | None, path: str = "/system") -> httpx.Response:
    return Client(app).get(path, auth=login and httpx.BasicAuth(*login))


def test_who_is_registered_comes_in_under_ones_name(archive: Archive, secret: str) -> None:
    app = Login(create_app(lambda: archive), Doorkeeper(secret))
    stored = (
        Client(app).post("/instances", content=read_sample(), auth=httpx.BasicAuth(*RIGHT)).json()
    )
    name = get(app, RIGHT, f"/instances/{stored['ID']}/metadata/HttpUsername")
    assert name.text == "alice"


@pytest.mark.parametrize(
    "login", [None, ("alice", "no"), ("bob", "pä:ss"), ("", "")], ids=["none", "wrong", "bob", ""]
)
def test_nobody_else_does(archive: Archive, secret: str, login: tuple[str, str] | None) -> None:
    answer = get(Login(create_app(lambda: archive), Doorkeeper(secret)), login)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Orthanc Secure Area"'


def test_a_body_is_not_read_before_the_login(archive: Archive, secret: str) -> None:
    sent = []
    headers = [(b"authorization", b"Basic " + b64encode(b"alice:no"))]
    scope = {"type": "http", "method": "POST", "path": "/instances", "headers": headers}

    async def receive() -> dict[str, object]:
        raise AssertionError("it was read")

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    app = Login(create_app(lambda: archive), Doorkeeper(secret))
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 401


def test_a_right_login_is_remembered_for_a_minute(archive: Archive, secret: str) -> None:
    clock, doorkeeper = Clock(), CountingDoorkeeper(secret)
    app = Login(create_app(lambda: archive), doorkeeper, clock)
    for _ in range(3):
        assert get(app, RIGHT).status_code == 200
    assert doorkeeper.checks == 1
    for _ in range(2):
        assert get(app, ("alice", "no")).status_code == 401
    assert doorkeeper.checks == 3, "a wrong one is checked each time"
    clock.now += CACHE_SECONDS
    assert get(app, RIGHT).status_code == 200
    assert doorkeeper.checks == 4


def test_everybody_comes_in_where_no_login_is_asked_for(archive: Archive) -> None:
    assert get(Login(create_app(lambda: archive), Doorkeeper(None)), None).status_code == 200


class SlowDoorkeeper(Doorkeeper):
    """Checks passwords until it is told to go on; knows how many at once at most."""

    def __init__(self) -> None:
        super().__init__("users")
        self.go_on = threading.Event()
        self.changed = threading.Condition()
        self.at_once = self.most = self.checked = 0

    def username_of(self, headers: object) -> str | None:
        with self.changed:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        assert self.go_on.wait(30)
        with self.changed:
            self.at_once -= 1
            self.checked += 1
        return None


def test_requests_do_not_wait_for_wrong_logins() -> None:
    doorkeeper = SlowDoorkeeper()
    statuses = []

    async def send(message: dict[str, object]) -> None:
        if "status" in message:
            statuses.append(message["status"])

    async def guess(app: Login, number: int) -> None:
        login = b"Basic " + b64encode(b"alice:%d" % number)
        scope = {"type": "http", "method": "GET", "headers": [(b"authorization", login)]}
        await app(scope, None, send)  # type: ignore[arg-type]

    async def attack() -> None:
        app = Login(None, doorkeeper)  # type: ignore[arg-type]
        guesses = [asyncio.create_task(guess(app, number)) for number in range(50)]
        await asyncio.sleep(0)  # all of them begin
        try:
            async with asyncio.timeout(10):
                await run_in_threadpool(lambda: None)  # as a REST call's
        finally:
            doorkeeper.go_on.set()
        await asyncio.gather(*guesses)

    asyncio.run(attack())
    assert statuses == [401] * 50, "each was checked"
    assert (doorkeeper.checked, doorkeeper.most) == (50, 2)


def test_who_names_nobody_is_refused_while_others_are_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The pulse of the process does so: it would be ended amid what others do."""
    go_on = threading.Event()

    def read_secret(_: str) -> str:
        assert go_on.wait(30)
        return encode_users({})

    monkeypatch.setattr("nephele.services.login.read_secret", read_secret)
    statuses = []

    async def send(message: dict[str, object]) -> None:
        if "status" in message:
            statuses.append(message["status"])

    async def ask(app: Login, headers: list[tuple[bytes, bytes]]) -> None:
        scope = {"type": "http", "method": "HEAD", "headers": headers}
        await app(scope, None, send)  # type: ignore[arg-type]

    async def ask_amid_others() -> None:
        app = Login(None, Doorkeeper("users"))  # type: ignore[arg-type]
        login = (b"authorization", b"Basic " + b64encode(b"alice:no"))
        others = [asyncio.create_task(ask(app, [login])) for _ in range(3)]
        await asyncio.sleep(0)  # all of them begin
        try:
            async with asyncio.timeout(10):
                await ask(app, [])
            assert statuses == [401], "no other has an answer"
        finally:
            go_on.set()
        await asyncio.gather(*others)

    asyncio.run(ask_amid_others())
    assert statuses == [401] * 4
