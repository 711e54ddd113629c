"""A run: its options, its slices, and the servers, started when the first section asks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.corpus import Corpus
from bench.report import Report
from bench.servers import COMMON, Server, orthanc
from nephele.aws import clients
from tests.stack import Stack, running_stack

SLICES = 200
_CONFIGURATION: dict[str, Any] = {
    **COMMON,
    "MaximumPduLength": 131072,
    "PeersAllowedAddresses": ["127.0.0.0/8"],
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Attributes
    ----------
    slices : int
        Instances sent in one go, over all associations together.
    runs : int
        Repetitions a median is taken of.
    requests : int
        Requests one rate of the REST API is taken of.
    small, large : int
        Instances in the index when calls and units are counted.
    queried : int
        Studies that C-FIND answers.
    few_studies, many_studies : int
        Studies in the index when searches are measured.
    """

    slices: int = SLICES
    runs: int = 3
    requests: int = 100
    small: int = 1_000
    large: int = 20_000
    few_studies: int = 1_000
    many_studies: int = 20_000
    queried: int = 1_000


QUICK = Size(60, runs=1, requests=20, large=3_000, many_studies=5_000, queried=200)


@dataclass(slots=True)
class BenchRun:
    """What sections share; at most one local stack runs at a time."""

    folder: Path
    size: Size
    report: Report
    corpus: Corpus
    _servers: ExitStack = field(default_factory=ExitStack)
    _stack: Stack | None = None
    _has_proxy: bool = False
    _orthancs: list[Server] = field(default_factory=list)
    _stacks: int = 0

    def stack(self, *, has_proxy: bool = False) -> Stack:
        """Return the local stack, with or without the proxy that counts and delays AWS calls."""
        if self._stack is None or self._has_proxy != has_proxy:
            self.close()
            self._stacks += 1
            options = ["--proxy"] if has_proxy else []
            data = self.folder / f"stack-{self._stacks}"
            context = running_stack(
                data, self.folder / "assemblies", *options, configuration=_CONFIGURATION
            )
            self._stack, self._has_proxy = self._servers.enter_context(context), has_proxy
        return self._stack

    def nephele(self, *, has_proxy: bool = False) -> Server:
        """Return the local stack as a server."""
        stack = self.stack(has_proxy=has_proxy)
        return Server("Nephele", stack.http, stack.dicom_address)

    def servers(self) -> Sequence[Server]:
        """Return Nephele, Orthanc as shipped and Orthanc tuned, all running side by side."""
        nephele = self.nephele()
        if not self._orthancs:
            self._orthancs = [
                self._servers.enter_context(
                    orthanc(self.folder / f"orthanc-{is_tuned}-{self._stacks}", is_tuned=is_tuned)
                )
                for is_tuned in (False, True)
            ]
        return [nephele, *self._orthancs]

    def close(self) -> None:
        """Stop whatever runs."""
        self._servers.close()
        self._stack, self._orthancs = None, []


@contextmanager
def as_root(stack: Stack) -> Iterator[None]:
    """Let this process use the local AWS, past the proxy, as the account's root."""
    variables = {
        "AWS_ENDPOINT_URL": stack.aws,
        "AWS_CA_BUNDLE": str(stack.trusted),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local-root",
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    clients.dynamodb.cache_clear()
    try:
        yield
    finally:
        clients.dynamodb.cache_clear()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
