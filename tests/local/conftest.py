"""Tiny functions, and a ministack of its own for the event sources."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from infra.local.aws.roles import RoleCredentials
from infra.local.faults import Faults, Switches
from infra.local.folders import DataFolder
from infra.local.functions.code import TaskRoot, prepare_runtime
from infra.local.functions.pool import FunctionPool
from infra.local.functions.worker import Site
from infra.local.inventory import DeployedFunction

MakeFunction = Callable[..., AbstractAsyncContextManager[FunctionPool]]
_numbers = itertools.count(1)


class FixedRoles:
    """Hand out the same credentials to everybody."""

    async def credentials(self, _role_arn: str) -> RoleCredentials:
        expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
        return RoleCredentials("key", "secret", "token", expires)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """Return a data folder with Lambda's runtime in it."""
    folder = DataFolder(tmp_path_factory.mktemp("local"))
    folder.temporary.mkdir()
    prepare_runtime(folder)
    return folder


@pytest.fixture
def switches() -> Switches:
    return Switches(Faults(), has_proxy=True)


def describe(name: str, code: Path, **changes: object) -> DeployedFunction:
    """Describe a function as Lambda would."""
    fields: dict[str, object] = {
        "name": name,
        "physical_name": f"Stack-{name}",
        "arn": f"arn:aws:lambda:us-east-1:000000000000:function:Stack-{name}",
        "handler": "handler.handler",
        "role": "arn:aws:iam::000000000000:role/pollers",
        "timeout_seconds": 5,
        "memory_mb": 256,
        "reserved_concurrency": None,
        "environment": {"GIVEN": "value"},
        "log_group": f"/aws/lambda/Stack-{name}",
        "code": code,
    }
    return DeployedFunction(**(fields | changes))  # type: ignore[arg-type]


@pytest.fixture
def make_function(folder: DataFolder, switches: Switches) -> MakeFunction:
    """Return a context manager that deploys a function from its source."""

    @asynccontextmanager
    async def make(
        source: str, name: str = "tiny", **changes: object
    ) -> AsyncIterator[FunctionPool]:
        code = folder.root / "code" / f"{name}-{next(_numbers)}"
        code.mkdir(parents=True)
        (code / "handler.py").write_text(textwrap.dedent(source), encoding="utf-8")
        site = Site(
            function=describe(name, code, **changes),
            code=TaskRoot(code, (code, folder.runtime)),
            variables={},
            temporary=folder.temporary,
            log=folder.logs / f"{code.name}.log",
        )
        pool = FunctionPool(site, FixedRoles(), switches)  # type: ignore[arg-type]
        try:
            yield pool
        finally:
            await pool.stop()

    return make


async def eventually(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Return when a condition holds; TimeoutError after a while."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
