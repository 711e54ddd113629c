"""Workers behave as Lambda's: what they see, what limits them, what a call ends with."""

from __future__ import annotations

import asyncio
import json
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from infra.local.faults import Switches
from infra.local.folders import DataFolder
from infra.local.functions import code
from infra.local.functions.invocation import (
    EXITED,
    OUT_OF_MEMORY,
    PAYLOAD_BYTES,
    RESPONSE_TOO_LARGE,
    TIMED_OUT,
    Outcome,
    PayloadTooLarge,
)
from infra.local.functions.pool import FunctionPool
from infra.local.functions.worker import Site
from tests.local.conftest import FixedRoles, MakeFunction, describe, eventually

ECHO = """
    def handler(event, context):
        return event
"""
SURROUNDINGS = """
    import os, sys
    def handler(event, context):
        return {
            "environment": dict(os.environ),
            "path": sys.path,
            "remaining": context.get_remaining_time_in_millis(),
            "request": context.aws_request_id,
        }
"""
COUNTER = """
    import os
    calls = 0
    def handler(event, context):
        global calls
        calls += 1
        return {"pid": os.getpid(), "calls": calls}
"""
SLEEPY = """
    import os, time
    def handler(event, context):
        time.sleep(event["seconds"])
        return os.getpid()
"""
GREEDY = """
    import time
    kept = []
    def handler(event, context):
        kept.append(b"x" * (event["mb"] << 20))
        time.sleep(event.get("seconds", 0))
        return len(kept)
"""


def _call(pool: Any, event: object) -> Any:
    return pool.invoke(json.dumps(event).encode())


def _value(outcome: Outcome) -> Any:
    assert outcome.is_good, outcome
    return json.loads(outcome.payload)


def test_returns_what_the_handler_returns(make_function: MakeFunction) -> None:
    async def scenario() -> None:
        async with make_function(ECHO) as pool:
            assert _value(await _call(pool, {"a": ["ü", 1]})) == {"a": ["ü", 1]}

    asyncio.run(scenario())


def test_sees_lambdas_environment_and_nothing_of_ours(
    make_function: MakeFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_DEVELOPER", "1")

    async def scenario() -> None:
        async with make_function(SURROUNDINGS, memory_mb=300) as pool:
            seen = _value(await _call(pool, {}))
        environment = seen["environment"]
        assert environment["GIVEN"] == "value"
        assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "300"
        assert environment["AWS_ACCESS_KEY_ID"] == "key"
        assert "SECRET_OF_THE_DEVELOPER" not in environment
        assert "HOME" not in environment
        assert not [path for path in seen["path"] if path.endswith("site-packages")]
        assert 4000 < seen["remaining"] <= 5000

    asyncio.run(scenario())


def test_a_warm_worker_is_used_again(make_function: MakeFunction) -> None:
    async def scenario() -> None:
        async with make_function(COUNTER) as pool:
            first = _value(await _call(pool, {}))
            second = _value(await _call(pool, {}))
            assert first["pid"] == second["pid"]
            assert second["calls"] == 2
            assert pool.summary()["cold_starts"] == 1

    asyncio.run(scenario())


def test_an_exception_is_the_outcome_and_the_worker_lives(make_function: MakeFunction) -> None:
    source = "def handler(event, context):\n    raise ValueError('no such thing')\n"

    async def scenario() -> None:
        async with make_function(source) as pool:
            for _ in range(2):
                outcome = await _call(pool, {})
                assert not outcome.is_good
                assert outcome.error_message() == "no such thing"
            assert pool.summary()["cold_starts"] == 1
            assert pool.summary()["errors"] == 2

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import missing_module\n", id="an import fails"),
        pytest.param("raise ValueError('broken')\n", id="the module raises"),
        pytest.param("import os\nos._exit(3)\n", id="the process ends"),
        pytest.param("value = 1\n", id="there is no handler"),
    ],
)
def test_a_failed_start_is_the_outcome(make_function: MakeFunction, source: str) -> None:
    async def scenario() -> None:
        async with make_function(source) as pool:
            assert not (await _call(pool, {})).is_good
            assert not pool.is_busy

    asyncio.run(scenario())


def test_is_killed_at_its_timeout(make_function: MakeFunction) -> None:
    async def scenario() -> None:
        async with make_function(SLEEPY, timeout_seconds=1) as pool:
            pid = _value(await _call(pool, {"seconds": 0}))
            started = time.monotonic()
            outcome = await _call(pool, {"seconds": 30})
            assert outcome.error == TIMED_OUT
            assert time.monotonic() - started < 3
            assert _value(await _call(pool, {"seconds": 0})) != pid

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "seconds",
    [pytest.param(0, id="noticed afterwards"), pytest.param(4, id="noticed while it runs")],
)
def test_is_killed_at_its_memory_size(make_function: MakeFunction, seconds: int) -> None:
    async def scenario() -> None:
        async with make_function(GREEDY, memory_mb=128) as pool:
            assert _value(await _call(pool, {"mb": 1})) == 1
            started = time.monotonic()
            outcome = await _call(pool, {"mb": 200, "seconds": seconds})
            assert outcome.error == OUT_OF_MEMORY
            assert time.monotonic() - started < 3
            assert _value(await _call(pool, {"mb": 1})) == 1

    asyncio.run(scenario())


def test_exiting_in_the_middle_is_the_outcome(make_function: MakeFunction) -> None:
    source = "import os\ndef handler(event, context):\n    os._exit(1)\n"

    async def scenario() -> None:
        async with make_function(source) as pool:
            assert (await _call(pool, {})).error == EXITED

    asyncio.run(scenario())


def test_six_megabytes_are_the_limit_both_ways(make_function: MakeFunction) -> None:
    source = "def handler(event, context):\n    return 'x' * (event - 2)\n"

    async def scenario() -> None:
        async with make_function(source) as pool:
            assert len((await _call(pool, PAYLOAD_BYTES)).payload) == PAYLOAD_BYTES
            assert (await _call(pool, PAYLOAD_BYTES + 1)).error == RESPONSE_TOO_LARGE
            with pytest.raises(PayloadTooLarge):
                await pool.invoke(b" " * (PAYLOAD_BYTES + 1))

    asyncio.run(scenario())


def test_reserved_concurrency_is_a_cap(make_function: MakeFunction) -> None:
    async def scenario() -> None:
        async with make_function(SLEEPY, reserved_concurrency=2) as pool:
            calls = [_call(pool, {"seconds": 0.1}) for _ in range(6)]
            pids = [_value(outcome) for outcome in await asyncio.gather(*calls)]
            assert len(set(pids)) == 2

    asyncio.run(scenario())


def test_the_kill_switch_kills(make_function: MakeFunction, switches: Switches) -> None:
    async def scenario() -> None:
        async with make_function(SLEEPY) as pool:
            switches.change({"kill": 1.0})
            assert (await _call(pool, {"seconds": 3})).error == EXITED
            switches.change({"kill": 0.0})
            _value(await _call(pool, {"seconds": 0}))

    asyncio.run(scenario())


def test_its_temporary_files_go_with_the_worker(make_function: MakeFunction) -> None:
    source = """
        import os, tempfile
        def handler(event, context):
            with open(os.path.join(tempfile.gettempdir(), "left"), "w") as file:
                file.write("x")
            return file.name
    """

    async def scenario() -> None:
        async with make_function(source) as pool:
            left = _value(await _call(pool, {}))
            with open(left, encoding="ascii") as file:
                assert file.read() == "x"
        with pytest.raises(FileNotFoundError):
            open(left, encoding="ascii").close()

    asyncio.run(scenario())


def test_killing_workers_fails_what_they_do(make_function: MakeFunction) -> None:
    async def scenario() -> None:
        async with make_function(SLEEPY) as pool:
            _value(await _call(pool, {"seconds": 0}))
            call = asyncio.create_task(_call(pool, {"seconds": 20}))
            await eventually(lambda: pool.is_busy)
            pool.kill()
            assert (await call).error == EXITED

    asyncio.run(scenario())


def test_without_lambdas_python_the_source_tree_runs(
    folder: DataFolder, switches: Switches, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = """
        import nephele, json, os
        def handler(event, context):
            with open("configuration.json") as file:
                return [nephele.__file__, json.load(file), os.environ["LAMBDA_TASK_ROOT"]]
    """
    (tmp_path / "handler.py").write_text(textwrap.dedent(source), encoding="utf-8")
    (tmp_path / "configuration.json").write_text('{"Name": "x"}', encoding="utf-8")
    monkeypatch.setattr(code, "runs_bundles", lambda: False)
    function = describe("sources", tmp_path)
    root = code.task_root(function, folder)
    site = Site(function, root, {}, folder.temporary, folder.logs / "sources.log")

    async def scenario() -> None:
        pool = FunctionPool(site, FixedRoles(), switches)  # type: ignore[arg-type]
        file, configuration, task_root = _value(await _call(pool, {}))
        await pool.stop()
        assert file == str(code._SHARED / "nephele" / "__init__.py")
        assert configuration == {"Name": "x"}
        assert task_root == str(root.folder)

    asyncio.run(scenario())
