"""Who may use the REST API: users of the secret, read again once in a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from nephele.aws.secrets import read_secret
from nephele.services.users import decode_users, is_user, parse_basic

CACHE_SECONDS = 60


class Doorkeeper:
    """Checks logins against the users' secret; without a secret everybody comes in.

    Parameters
    ----------
    secret_id : str or None
        ARN or name of the users' secret; None where no login is asked for.
    clock : callable
        A monotonic clock in seconds.
    """

    def __init__(self, secret_id: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._secret_id = secret_id
        self._clock = clock
        self._users: dict[str, str] = {}
        self._good_until = float("-inf")

    def username_of(self, headers: Mapping[str, str]) -> str | None:
        """Return who sends a request: "" for anybody where no login is asked for, None if refused.

        Parameters
        ----------
        headers : mapping
            Names in any case.
        """
        if self._secret_id is None:
            return ""
        lowered = {name.lower(): value for name, value in headers.items()}
        login = parse_basic(lowered.get("authorization", ""))
        if login is None or not is_user(self._read_users(self._secret_id), *login):
            return None
        return login[0]

    def _read_users(self, secret_id: str) -> dict[str, str]:
        now = self._clock()
        if now >= self._good_until:
            self._users = decode_users(read_secret(secret_id))
            self._good_until = now + CACHE_SECONDS
        return self._users
