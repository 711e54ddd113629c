"""Secrets Manager."""

from __future__ import annotations

from nephele.aws import clients


def read_secret(secret_id: str) -> str:
    """Return a secret's text."""
    with clients.translated("secret"):
        return clients.secrets_manager().get_secret_value(SecretId=secret_id)["SecretString"]


def write_secret(secret_id: str, text: str) -> None:
    """Give a secret a new text."""
    with clients.translated("secret"):
        clients.secrets_manager().put_secret_value(SecretId=secret_id, SecretString=text)
