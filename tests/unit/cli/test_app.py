"""The command line: its own commands and those of other packages."""

from __future__ import annotations

import json
import subprocess
import sys
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


@pytest.mark.parametrize("wanted", ["import", "transcode", "secrets", "doctor", "worklists"])
def test_a_command_alone_is_what_it_is_among_the_others(
    wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "entry_points", lambda **_: [])
    alone, whole = (
        CliRunner().invoke(app.build_app(only), [wanted, "--help"]) for only in (wanted, None)
    )
    assert alone.exit_code == 0
    assert alone.output == whole.output


@pytest.mark.parametrize("wanted", ["", "--help", "transcod"])
def test_what_is_no_command_stands_for_all(wanted: str) -> None:
    shown = CliRunner().invoke(app.build_app(wanted), ["--help"])
    assert all(name in shown.output for name in ("import", "transcode", "secrets", "up", "cost"))


def test_transcode_starts_without_what_others_need() -> None:
    modules = ("httpx", "boto3", "pydantic", "pydicom", "numpy", "infra")
    script = (
        "import sys; from nephele.cli.app import build_app; build_app('transcode');"
        f"print([name for name in {modules} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


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
