"""The command line: its own commands and those of other packages."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from nephele.aws import clients
from nephele.cli import app
from nephele.services.users import decode_users, is_user


def test_commands_of_other_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("listdir", "os:getcwd", app.COMMANDS)
    monkeypatch.setattr(app, "entry_points", lambda **_: [entry])
    result = CliRunner().invoke(app.build_app(), ["--help"])
    assert result.exit_code == 0
    assert "listdir" in result.output
    assert "import" in result.output


def push(config: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> tuple[int, str]:
    monkeypatch.setattr(app, "entry_points", lambda **_: [])
    arguments = ["secrets", "push", "--config", str(config), "--secret-id", "users", *more]
    result = CliRunner().invoke(app.build_app(), arguments)
    return result.exit_code, result.output


def test_push_hashes_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "orthanc.json"
    config.write_text('{"RegisteredUsers": {"alice": "secret"} /* comment */}')
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        clients.secrets_manager.cache_clear()
        secrets = boto3.client("secretsmanager")
        secrets.create_secret(Name="users", SecretString="{}")
        code, output = push(config, monkeypatch)
        text = secrets.get_secret_value(SecretId="users")["SecretString"]
    clients.secrets_manager.cache_clear()
    assert code == 0
    assert "alice" in output
    assert "secret" not in text
    assert is_user(decode_users(text), "alice", "secret")


def test_push_of_a_bad_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "orthanc.json"
    config.write_text('{"NoSuchOption": 1}')
    code, output = push(config, monkeypatch)
    assert code == 1
    assert "NoSuchOption: there is no such option" in output


def test_push_keeps_the_peers_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "orthanc.json"
    config.write_text('{"OrthancPeers": {"other": ["http://other/", "alice", "secret"]}}')
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        clients.secrets_manager.cache_clear()
        secrets = boto3.client("secretsmanager")
        for name in ("users", "peers"):
            secrets.create_secret(Name=name, SecretString="{}")
        code, output = push(config, monkeypatch, "--peers-secret-id", "peers")
        text = secrets.get_secret_value(SecretId="peers")["SecretString"]
    clients.secrets_manager.cache_clear()
    assert (code, "secret" in output) == (0, False)
    assert json.loads(text)["Peers"] == {"other": {"Password": "secret"}}
