"""The request authorizer: asked once for each login, its policy kept for as long as it says."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from infra.local.functions.invocation import Outcome
from infra.local.functions.pool import FunctionPool
from infra.local.gateway.api import Authorizer
from infra.local.gateway.event import Request, authorizer_event

_UNAUTHORIZED = "Unauthorized"
_MOST_KEPT = 1000


class Refusal(Exception):
    """The call is refused; the name is of a gateway response."""

    def __init__(self, response_type: str, message: str) -> None:
        super().__init__(message)
        self.response_type = response_type
        self.message = message


@dataclass(frozen=True, slots=True)
class Grant:
    """An authorizer's answer."""

    policy: Mapping[str, Any]
    context: Mapping[str, Any]
    expires: float

    def allows(self, arn: str) -> bool:
        """Tell whether the policy allows a call; an explicit deny wins."""
        effects = {
            statement.get("Effect")
            for statement in _listed(self.policy.get("Statement"))
            if _covers(statement, arn)
        }
        return "Allow" in effects and "Deny" not in effects


class Authorization:
    """Ask an authorizer, and remember."""

    def __init__(self, authorizer: Authorizer, pool: FunctionPool) -> None:
        self._authorizer = authorizer
        self._pool = pool
        self._kept: OrderedDict[tuple[str, ...], Grant] = OrderedDict()

    async def authorize(
        self, request: Request, event: Mapping[str, Any], arn: str
    ) -> Mapping[str, Any]:
        """Return the context the function gets.

        Raises
        ------
        Refusal
            Without a login, with a wrong one, or when the policy denies the call.
        """
        identity = self._identity(request)
        grant = self._kept.get(identity) if identity else None
        if grant is None or grant.expires < time.monotonic():
            grant = _read_grant(await self._pool.invoke(authorizer_event(event, arn)))
            grant = self._keep(identity, grant)
        if not grant.allows(arn):
            raise Refusal("ACCESS_DENIED", "User is not authorized to access this resource")
        return grant.context

    def _identity(self, request: Request) -> tuple[str, ...]:
        values = [request.header(name) for name in self._authorizer.headers]
        given = tuple(value for value in values if value)
        if len(given) < len(self._authorizer.headers):
            raise Refusal("UNAUTHORIZED", _UNAUTHORIZED)
        return given

    def _keep(self, identity: tuple[str, ...], grant: Grant) -> Grant:
        ttl = self._authorizer.ttl_seconds
        kept = Grant(grant.policy, grant.context, time.monotonic() + ttl)
        if ttl and identity:
            self._kept[identity] = kept
            self._kept.move_to_end(identity)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return kept


def _read_grant(outcome: Outcome) -> Grant:
    if not outcome.is_good:
        if outcome.error_message() == _UNAUTHORIZED:
            raise Refusal("UNAUTHORIZED", _UNAUTHORIZED)
        raise Refusal("AUTHORIZER_FAILURE", "Internal server error")
    try:
        answer = orjson.loads(outcome.payload)
        context = {
            "principalId": str(answer["principalId"]),
            **{name: _flat(value) for name, value in answer.get("context", {}).items()},
        }
        return Grant(answer["policyDocument"], context, 0.0)
    except (ValueError, KeyError, TypeError) as exc:
        raise Refusal("AUTHORIZER_CONFIGURATION_ERROR", "Internal server error") from exc


def _flat(value: object) -> str:
    """Return a context value as functions see it: text; ValueError for lists and objects."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ValueError("context values are text, numbers or booleans")


def _covers(statement: Mapping[str, Any], arn: str) -> bool:
    actions = {str(action).lower() for action in _listed(statement.get("Action"))}
    if not actions & {"*", "execute-api:*", "execute-api:invoke"}:
        return False
    return any(_fits(str(pattern), arn) for pattern in _listed(statement.get("Resource")))


def _fits(pattern: str, arn: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, arn, re.DOTALL) is not None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
