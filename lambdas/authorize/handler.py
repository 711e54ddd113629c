"""The authorize function: lets the configuration's registered users in."""

from __future__ import annotations

from functools import cache
from typing import Any

from nephele.services.login import Doorkeeper
from nephele.settings.environment import AuthorizeEnvironment


@cache
def _doorkeeper() -> Doorkeeper:
    environment = AuthorizeEnvironment()
    is_open = not environment.load_configuration().is_authentication_enabled
    return Doorkeeper(None if is_open else environment.users_secret)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Return a policy for the whole stage, or raise API Gateway's word for a refusal."""
    username = _doorkeeper().username_of(event.get("headers") or {})
    if username is None:
        raise Exception("Unauthorized")  # API Gateway makes this very text a 401
    stage = "/".join(event["methodArn"].split("/")[:2])
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{stage}/*"}
    return {
        "principalId": username or "anonymous",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"username": username},
    }
