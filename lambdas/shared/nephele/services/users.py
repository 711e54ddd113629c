"""Users of the REST API: passwords are kept as scrypt hashes, never as they are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Mapping

_SCHEME = "scrypt"
_COST, _BLOCK_SIZE, _PARALLELISM = 1 << 14, 8, 1
_MEMORY_BYTES = 64 << 20


def hash_password(password: str) -> str:
    """Return `scrypt$<n>$<r>$<p>$<salt>$<hash>`, salt and hash in base64."""
    salt = os.urandom(16)
    digest = _derive(password, salt, _COST, _BLOCK_SIZE, _PARALLELISM)
    numbers = f"{_COST}${_BLOCK_SIZE}${_PARALLELISM}"
    return f"{_SCHEME}${numbers}${_encode(salt)}${_encode(digest)}"


def is_password(password: str, hashed: str) -> bool:
    """Tell whether a password has this hash; a hash that cannot be read has no password."""
    scheme, _, rest = hashed.partition("$")
    fields = rest.split("$")
    if scheme != _SCHEME or len(fields) != 5:
        return False
    try:
        cost, block_size, parallelism = (int(field) for field in fields[:3])
        salt, digest = (base64.b64decode(field, validate=True) for field in fields[3:])
        derived = _derive(password, salt, cost, block_size, parallelism)
    except ValueError:
        return False
    return hmac.compare_digest(derived, digest)


def is_user(users: Mapping[str, str], name: str, password: str) -> bool:
    """Tell whether a login is right; a name that is unknown takes as long as one that is known."""
    return is_password(password, users.get(name, _NOBODY)) and name in users


def encode_users(passwords: Mapping[str, str]) -> str:
    """Return the users' secret: JSON from name to hash."""
    hashed = {name: hash_password(password) for name, password in passwords.items()}
    return json.dumps(hashed, sort_keys=True)


def decode_users(secret: str) -> dict[str, str]:
    """Read the users' secret; one that was never pushed has no users."""
    try:
        users = json.loads(secret)
    except json.JSONDecodeError:
        return {}
    if not isinstance(users, dict):
        return {}
    return {name: hashed for name, hashed in users.items() if isinstance(hashed, str)}


def parse_basic(authorization: str) -> tuple[str, str] | None:
    """Return name and password of a Basic `Authorization` header, None for anything else."""
    scheme, _, encoded = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:
        return None
    name, separator, password = decoded.partition(":")
    return (name, password) if separator else None


def _derive(password: str, salt: bytes, cost: int, block_size: int, parallelism: int) -> bytes:
    return hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=cost,
        r=block_size,
        p=parallelism,
        maxmem=_MEMORY_BYTES,
        dklen=32,
    )


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


_NOBODY = f"{_SCHEME}${_COST}${_BLOCK_SIZE}${_PARALLELISM}${'A' * 22}==${'A' * 43}="
"""The hash an unknown name is checked against; no password is known to have it."""
