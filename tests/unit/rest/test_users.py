"""Passwords, the Basic login, and the authorizer."""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from nephele.aws import clients
from nephele.services.login import CACHE_SECONDS, Doorkeeper
from nephele.services.users import (
    decode_users,
    encode_users,
    hash_password,
    is_password,
    is_user,
    parse_basic,
)

HANDLER = Path(__file__).parents[3] / "lambdas" / "authorize" / "handler.py"
ARN = "arn:aws:execute-api:us-east-1:123456789012:abc/orthanc/GET/instances"


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def push_users(users: dict[str, str]) -> str:
    answer = clients.secrets_manager().create_secret(
        Name=str(uuid4()), SecretString=encode_users(users)
    )
    return answer["ARN"]


def test_hash_is_salted_and_checked() -> None:
    hashed = hash_password("pässword:1")
    assert hashed.startswith("scrypt$")
    assert hashed != hash_password("pässword:1")
    assert is_password("pässword:1", hashed)
    assert not is_password("password:1", hashed)


@pytest.mark.parametrize(
    "hashed",
    ["", "plain", "scrypt$", "scrypt$1$2$3$x$y", "scrypt$a$8$1$AAAA$AAAA", "md5$1$1$1$AA$AA"],
)
def test_unreadable_hash_has_no_password(hashed: str) -> None:
    assert not is_password("", hashed)


def test_unknown_user_is_refused() -> None:
    assert not is_user({}, "bob", "")


@pytest.mark.parametrize(
    ("header", "login"),
    [
        (basic("bob", "a:b"), ("bob", "a:b")),
        ("basic " + basic("bob", "")[6:], ("bob", "")),
        ("Bearer abc", None),
        ("Basic ***", None),
        ("Basic " + base64.b64encode(b"nocolon").decode(), None),
        ("", None),
    ],
)
def test_parse_basic(header: str, login: tuple[str, str] | None) -> None:
    assert parse_basic(header) == login


@pytest.mark.parametrize(
    "secret",
    ["", "[]", "not json", '{"placeholder": 1}'],
    ids=["empty", "an array", "a generated placeholder", "not text"],
)
def test_a_secret_that_was_never_pushed_has_no_users(secret: str) -> None:
    assert decode_users(secret) == {}


def test_users_are_read_again_after_a_minute() -> None:
    now = 0.0
    arn = push_users({"alice": "1"})
    doorkeeper = Doorkeeper(arn, lambda: now)
    assert doorkeeper.username_of({"authorization": basic("alice", "1")}) == "alice"
    clients.secrets_manager().put_secret_value(
        SecretId=arn, SecretString=encode_users({"alice": "2"})
    )
    assert doorkeeper.username_of({"Authorization": basic("alice", "1")}) == "alice"
    now = CACHE_SECONDS
    assert doorkeeper.username_of({"Authorization": basic("alice", "1")}) is None
    assert doorkeeper.username_of({"AUTHORIZATION": basic("alice", "2")}) == "alice"


def load_authorizer(monkeypatch: pytest.MonkeyPatch, configuration: dict[str, Any]) -> Any:
    monkeypatch.setenv("NEPHELE_CONFIGURATION", json.dumps(configuration))
    monkeypatch.setenv("NEPHELE_USERS_SECRET", push_users({"alice": "secret"}))
    spec = importlib.util.spec_from_file_location("authorize_handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler


def test_authorizer_lets_a_user_into_the_whole_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = load_authorizer(monkeypatch, {"RemoteAccessAllowed": True})
    event = {"methodArn": ARN, "headers": {"Authorization": basic("alice", "secret")}}
    answer = handler(event, None)
    assert answer["context"] == {"username": "alice"}
    statement = answer["policyDocument"]["Statement"][0]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:123456789012:abc/orthanc/*"


@pytest.mark.parametrize(
    "headers",
    [None, {}, {"Authorization": basic("alice", "wrong")}, {"Authorization": basic("eve", "")}],
    ids=["no headers", "no login", "wrong password", "unknown user"],
)
def test_authorizer_refuses(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str] | None
) -> None:
    handler = load_authorizer(monkeypatch, {"AuthenticationEnabled": True})
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        handler({"methodArn": ARN, "headers": headers}, None)


def test_authorizer_lets_everybody_in_without_authentication(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handler = load_authorizer(monkeypatch, {"AuthenticationEnabled": False})
    assert handler({"methodArn": ARN, "headers": None}, None)["context"] == {"username": ""}
