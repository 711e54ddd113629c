"""Grants of the deployed roles, and which of them no call has used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson

from infra.local.aws.areas import area_of
from infra.local.aws.clients import RootClients

NOT_EXERCISED_HERE = {
    "ecs": "there is no agent of ECS here",
    "kms": "AWS calls it on behalf of others, and nothing is encrypted here",
    "logs": "Lambda writes the logs",
    "xray": "Lambda writes the traces",
}
"""Services whose grants no call can use on the local stack."""


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One action that a function, or the edge, may do to one thing."""

    owner: str
    action: str
    area: str

    def __str__(self) -> str:
        return f"{self.owner} {self.action} {self.area}"


def granted(clients: RootClients, owners: Mapping[str, str]) -> set[Grant]:
    """Return what roles may do, of what can be exercised here.

    Parameters
    ----------
    owners : mapping of str to str
        Names of functions, and `edge`, by the ARN of their role.
    """
    return {
        Grant(owner, action, area_of(resource))
        for role_arn, owner in owners.items()
        for statement in _statements(clients, role_arn.rpartition("/")[2])
        for action in _listed(statement["Action"])
        if action.partition(":")[0] not in NOT_EXERCISED_HERE and not _is_batch(action)
        for resource in _listed(statement["Resource"])
    }


def used(noted: Iterable[tuple[str, str, str]], owners: Mapping[str, str]) -> set[Grant]:
    """Return the grants that let calls pass.

    Parameters
    ----------
    noted : iterable of (str, str, str)
        ARN of the caller's session, action and area, as `infra.local.aws.observed` tells them.
    owners : mapping of str to str
        Names by the ARN of a role.
    """
    by_role = {role_arn.rpartition("/")[2]: owner for role_arn, owner in owners.items()}
    found = set()
    for session, action, area in noted:
        owner = by_role.get(session.split("/")[1] if "/" in session else "")
        if owner is not None:
            found.add(
                Grant(owner, action.removesuffix("Batch") if _is_batch(action) else action, area)
            )
    return found


def _statements(clients: RootClients, role: str) -> Iterator[Mapping[str, Any]]:
    for name in clients.identities.list_role_policies(RoleName=role)["PolicyNames"]:
        document: Any = clients.identities.get_role_policy(RoleName=role, PolicyName=name)
        found = document["PolicyDocument"]
        yield from (orjson.loads(unquote(found)) if isinstance(found, str) else found)["Statement"]


def _is_batch(action: str) -> bool:
    """Tell whether ministack alone knows an action: AWS grants a batch by the single message."""
    return action.startswith("sqs:") and action.endswith("Batch")


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]
