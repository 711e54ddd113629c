"""Temporary credentials of the template's roles, as Lambda and ECS hand them out."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from botocore.credentials import Credentials

from infra.local.aws.clients import RootClients

_LIFETIME = datetime.timedelta(hours=1)
_MARGIN = datetime.timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class RoleCredentials:
    """Credentials of a role's session."""

    access_key: str
    secret_key: str
    token: str
    expires: datetime.datetime

    @property
    def is_fresh(self) -> bool:
        """Tell whether they are good for longer than any function may run."""
        return self.expires - _MARGIN > datetime.datetime.now(datetime.UTC)

    def botocore(self) -> Credentials:
        """Return them as botocore signs with."""
        return Credentials(self.access_key, self.secret_key, self.token)

    def environment(self) -> dict[str, str]:
        """Return the variables Lambda puts them in."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": self.token,
        }

    def container_document(self, role_arn: str) -> dict[str, str]:
        """Return the document ECS's credential endpoint answers with."""
        return {
            "RoleArn": role_arn,
            "AccessKeyId": self.access_key,
            "SecretAccessKey": self.secret_key,
            "Token": self.token,
            "Expiration": self.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


class Roles:
    """Assume roles, once for each hour."""

    def __init__(self, clients: RootClients) -> None:
        self._clients = clients
        self._cached: dict[str, RoleCredentials] = {}
        self._issued: dict[str, RoleCredentials] = {}
        self._owners: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._lock = asyncio.Lock()

    async def credentials(self, role_arn: str) -> RoleCredentials:
        """Return fresh credentials of a role."""
        async with self._lock:
            cached = self._cached.get(role_arn)
            if cached is None or not cached.is_fresh:
                cached = await asyncio.to_thread(self._assume, role_arn)
                self._cached[role_arn] = cached
                self._issued[cached.access_key] = cached
                self._owners[cached.access_key] = role_arn
            return cached

    def call(self, role_arn: str, name: str) -> None:
        """Give a role the name its calls are counted under."""
        self._names[role_arn] = name

    @property
    def names(self) -> Mapping[str, str]:
        """Names by the ARN of a role."""
        return self._names

    def name_of(self, access_key: str) -> str:
        """Return the name of the role that was given an access key, "other" for any other key."""
        role_arn = self._owners.get(access_key, "")
        return self._names.get(role_arn, role_arn) or "other"

    def issued(self, access_key: str) -> RoleCredentials | None:
        """Return credentials that were handed out, by their access key."""
        return self._issued.get(access_key)

    def _assume(self, role_arn: str) -> RoleCredentials:
        answer = self._clients.tokens.assume_role(
            RoleArn=role_arn,
            RoleSessionName="local",
            DurationSeconds=int(_LIFETIME.total_seconds()),
        )["Credentials"]
        return RoleCredentials(
            answer["AccessKeyId"],
            answer["SecretAccessKey"],
            answer["SessionToken"],
            answer["Expiration"],
        )
