"""Cheaper ways of what ministack does most often; docs/adr/0013 says what each saves."""

from __future__ import annotations

import copy
import hashlib
import mmap
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any

import orjson

_LONGEST_REMEMBERED = 16 * 1024 * 1024
_LEAST_MAPPED = 1 << 20
_KEEPS_FILES_OPEN = sys.version_info < (3, 13)
"""Memory that is mapped from a file keeps it open in older Pythons."""
_UNTRACKED: dict[str, Any] = {} if _KEEPS_FILES_OPEN else {"trackfd": False}
_PRINCIPAL_SECONDS = 1.0
_MOST_PRINCIPALS = 256
_MOST_EXPRESSIONS = 1024
_ATOMS = frozenset({str, bytes, bool, int, float, type(None)})
_KEY_SLOT = "KeyConditionExpression"
_KEY_CONDITION = re.compile(
    r"pk = (?P<pk>:\w+)"
    r"(?: AND (?:begins_with\(sk, (?P<prefix>:\w+)\)|sk > (?P<after>:\w+)|sk <= (?P<up_to>:\w+)"
    r"|sk BETWEEN (?P<first>:\w+) AND (?P<last>:\w+)))?"
)
"""The conditions on a text key that Nephele's queries have; others go ministack's way."""

_Evaluate = Callable[..., Any]
_Values = Mapping[str, Mapping[str, Any]]


class RememberedMd5:
    """Stands for `hashlib` in the S3 module: it asks twice for the MD5 of each body it stores."""

    def __init__(self) -> None:
        self._data = b""
        self._hash = hashlib.md5(usedforsecurity=False)

    def md5(self, data: bytes = b"") -> Any:
        """Return a hash object, a copy of the last one if the very same bytes come again."""
        if data is not self._data:
            computed = hashlib.md5(data, usedforsecurity=False)
            if not isinstance(data, bytes) or len(data) > _LONGEST_REMEMBERED:
                return computed
            self._data, self._hash = data, computed
        return self._hash.copy()

    def hexdigest(self, data: bytes) -> str:
        """Return the MD5 in hexadecimal digits."""
        return str(self.md5(data).hexdigest())

    def __getattr__(self, name: str) -> Any:
        return getattr(hashlib, name)


def copy_of(value: Any) -> Any:
    """Copy JSON as `copy.deepcopy` does, without the search for cycles that JSON cannot have."""
    kind = type(value)
    if kind is dict:
        return {name: copy_of(item) for name, item in value.items()}
    if kind is list:
        return [copy_of(item) for item in value]
    return value if kind in _ATOMS else copy.deepcopy(value)


class RememberedPrincipals:
    """Resolve a key to its role and parsed policies once a second, not twice for each request.

    Signature, token and expiry of a request are checked each time, elsewhere. A policy that changes
    is seen within the second; AWS takes longer.

    Parameters
    ----------
    resolve : callable
        ministack's way, of access key, account and perhaps the credential.
    refusal : type
        What it returns instead of a principal; never remembered.
    """

    def __init__(self, resolve: Callable[[str, str, Any], Any], refusal: type) -> None:
        self._resolve = resolve
        self._refusal = refusal
        self._found: dict[tuple[str, str], tuple[float, Any]] = {}

    def __call__(self, access_key_id: str, account_id: str, credential: Any = None) -> Any:
        """Return the principal, or why there is none."""
        now, wanted = time.monotonic(), (access_key_id, account_id)
        until, principal = self._found.get(wanted, (0.0, None))
        if now < until:
            return principal
        principal = self._resolve(access_key_id, account_id, credential)
        if not isinstance(principal, self._refusal):
            if len(self._found) >= _MOST_PRINCIPALS:
                self._found.clear()
            self._found[wanted] = now + _PRINCIPAL_SECONDS, principal
        return principal


def without_data(record: Callable[..., str | None]) -> Callable[..., str | None]:
    """Let a version be noted without its bytes, which are in the object's file, as after a restart.

    Every version of every object would stay in memory otherwise.
    """

    @wraps(record)
    def recorded(bucket: str, key: str, prior: Any, obj: Any, _data: bytes) -> str | None:
        return record(bucket, key, prior, obj, None)

    return recorded


def in_file(data: bytes, folder: str) -> bytes | mmap.mmap:
    """Return bytes of a large part that the kernel may put aside; small ones as they are."""
    if len(data) < _LEAST_MAPPED or _KEEPS_FILES_OPEN:
        return data
    Path(folder).mkdir(parents=True, exist_ok=True)  # a part may be the first that is ever written
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(data)
        file.flush()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ, **_UNTRACKED)


def in_place(
    read: Callable[..., Any], path_of: Callable[[str, str], str | None]
) -> Callable[..., Any]:
    """Let a large object be mapped from its file, so that a range costs what the range takes.

    The whole object would be read for every range of it otherwise.

    Parameters
    ----------
    path_of : callable
        Returns where the object of a bucket and a key is kept.
    """

    @wraps(read)
    def body(bucket: str, key: str, obj: Mapping[str, Any]) -> Any:
        if obj.get("body") is not None or obj.get("size", 0) < _LEAST_MAPPED or _KEEPS_FILES_OPEN:
            return read(bucket, key, obj)
        path = path_of(bucket, key)  # looks at each folder on the way
        if path is None:
            return read(bucket, key, obj)
        with Path(path).open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ, **_UNTRACKED)

    return body


def remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Remember what a function of texts returns: an expression is the same for all rows."""
    return lru_cache(_MOST_EXPRESSIONS)(function)


def remembered_tokens(tokenize: Callable[[str], list[Any]]) -> Callable[[str], list[Any]]:
    """Remember the tokens of an expression; each caller has a list of its own."""
    known = remembered(tokenize)
    return lambda expression: list(known(expression))


def comparing_keys(evaluate: _Evaluate) -> _Evaluate:
    """Compare the texts of a query's keys, rather than parse its condition for each row anew.

    Python compares texts as DynamoDB does: code points are in the order of their UTF-8.
    """

    def evaluate_quickly(
        expression: str,
        item: Mapping[str, Any],
        values: _Values,
        names: Mapping[str, str],
        slot: str = "ConditionExpression",
    ) -> Any:
        match = _key_condition(expression) if slot == _KEY_SLOT else None
        found = None if match is None else _compare(match, item, values)
        return evaluate(expression, item, values, names, slot) if found is None else found

    return evaluate_quickly


@lru_cache(_MOST_EXPRESSIONS)
def _key_condition(expression: str) -> Mapping[str, str] | None:
    match = _KEY_CONDITION.fullmatch(expression)
    found = None if match is None else match.groupdict()
    return found and {name: value for name, value in found.items() if value}


def _compare(condition: Mapping[str, str], item: Mapping[str, Any], values: _Values) -> bool | None:
    """Tell whether a row meets a condition; None where something in it is no text."""
    try:
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        asked = {name: values[reference]["S"] for name, reference in condition.items()}
    except KeyError:
        return None
    return (
        pk == asked["pk"]
        and sk.startswith(asked.get("prefix", ""))
        and ("after" not in asked or sk > asked["after"])
        and ("up_to" not in asked or sk <= asked["up_to"])
        and ("first" not in asked or asked["first"] <= sk <= asked["last"])
    )


def json_answer(
    data: Mapping[str, Any], status: int = 200, *, content_type: str = "application/x-amz-json-1.0"
) -> tuple[int, dict[str, str], bytes]:
    """Encode an answer as ministack does, by a quicker encoder."""
    return status, {"Content-Type": content_type}, orjson.dumps(data)
