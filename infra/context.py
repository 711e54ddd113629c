"""Values of the app's context (`-c name=value`), each with a sentence for what it cannot be."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from constructs import Node

from nephele.errors import ConfigurationError

_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_SHARED = IPv4Network("100.64.0.0/10")
"""Behind a provider's own translation of addresses; AWS makes VPCs of it, too."""
ACCOUNT = "[0-9]{12}"
REGION = "[a-z]{2}(-[a-z]+)+-[0-9]"
BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
"""Patterns that several options have in common."""
_YES_AND_NO = {"true": True, "false": False}


class Context:
    """The options of a deployment by name; ConfigurationError names the one that is wrong."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def text(self, name: str, default: str = "") -> str:
        """Return an option as text without the blanks around it."""
        value = self._node.try_get_context(name)
        return default if value is None else str(value).strip()

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list, separated by commas."""
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        """Return one of some words."""
        value = self.text(name, default)
        if value not in choices:
            raise ConfigurationError(f"{name}: {value!r} is none of {', '.join(choices)}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.text(name, str(default)).lower()
        if value not in _YES_AND_NO:
            raise ConfigurationError(f"{name}: {value!r} is neither true nor false")
        return _YES_AND_NO[value]

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number between two others, which it may be."""
        value = self.text(name, str(default))
        if not re.fullmatch("[0-9]{1,12}", value) or not least <= int(value) <= most:
            raise ConfigurationError(f"{name}: {value!r} is no number from {least} to {most}")
        return int(value)

    def pattern(self, name: str, pattern: str, meaning: str) -> str:
        """Return text that follows a pattern, or nothing."""
        value = self.text(name)
        if value:
            _check(name, value, pattern, meaning)
        return value

    def patterns(self, name: str, pattern: str, meaning: str) -> tuple[str, ...]:
        """Return a list whose members follow a pattern."""
        values = self.texts(name)
        for value in values:
            _check(name, value, pattern, meaning)
        return values

    def ranges(self, name: str) -> tuple[str, ...]:
        """Return ranges of IPv4 addresses, none of which comes twice."""
        return _distinct(name, tuple(self._range(name, value) for value in self.texts(name)))

    def vpc_range(self, name: str, default: str = "") -> str:
        """Return the range of a VPC: one that no host of the internet has, or nothing."""
        value = self.text(name, default)
        if not value:
            return ""
        network = IPv4Network(self._range(name, value))
        if not 16 <= network.prefixlen <= 28:
            raise ConfigurationError(f"{name}: {value!r}: a VPC has a range of /16 to /28")
        if not any(network.subnet_of(private) for private in (*_PRIVATE, _SHARED)):
            raise ConfigurationError(
                f"{name}: {value!r}: a VPC's range is of {', '.join(map(str, _PRIVATE))}"
                f" or {_SHARED}"
            )
        return value

    def public_addresses(self, name: str) -> tuple[str, ...]:
        """Return IPv4 addresses that can be reached from the internet."""
        values = self.texts(name)
        for value in values:
            try:
                address = IPv4Address(value)
            except ValueError as exc:
                raise ConfigurationError(f"{name}: {value!r} is no address of IPv4") from exc
            if _is_unreachable(address):
                raise ConfigurationError(f"{name}: {value} is not reachable from the internet")
        return _distinct(name, values)

    def file(self, name: str) -> Path | None:
        """Return the path of a file that is there, or None."""
        value = self.text(name)
        if value and not Path(value).is_file():
            raise ConfigurationError(f"{name}: {value}: there is no such file")
        return Path(value) if value else None

    def check_names(self, known: Collection[str]) -> None:
        """Refuse options that nothing reads; names with a colon or a slash are CDK's own."""
        given = self._node.get_all_context()
        unknown = sorted(
            name for name in given if name not in known and not {":", "/"}.intersection(name)
        )
        if unknown:
            raise ConfigurationError(f"{unknown[0]}: there is no such option of a deployment")

    @staticmethod
    def _range(name: str, value: str) -> str:
        try:
            if "/" not in value:
                raise ValueError("a single host ends in /32")
            return str(IPv4Network(value))
        except ValueError as exc:
            raise ConfigurationError(
                f"{name}: {value!r} is no range of addresses such as 10.0.0.0/16 ({exc})"
            ) from exc


def _is_unreachable(address: IPv4Address) -> bool:
    """Tell whether no packet of the internet leads to an address; examples of RFC 5737 may."""
    return (
        any(address in network for network in (*_PRIVATE, _SHARED))
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )


def _distinct(name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    for place, value in enumerate(values):
        if value in values[:place]:
            raise ConfigurationError(f"{name}: {value} comes twice")
    return values


def _check(name: str, value: str, pattern: str, meaning: str) -> None:
    if not re.fullmatch(pattern, value):
        raise ConfigurationError(f"{name}: {value!r} is no {meaning}")
