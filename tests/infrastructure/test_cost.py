"""Costs: counted calls times prices, and what stands idle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.cost.estimate import PRICES, Prices, idle_lines, iter_lines, stored_instances
from nephele.cli.app import build_app

from .assembly import Assembly


def _calls(units: float = 0.0, **calls: int) -> dict[str, Any]:
    named = {name.replace("_", "."): count for name, count in calls.items()}
    return {"calls": named, "failed": {}, "read_units": 0.0, "write_units": units}


FIGURES = {
    "aws": {
        "edge": _calls(s3_PutObject=1_000_000),
        "index": _calls(12_000_000, s3_GetObject=1_000_000, dynamodb_TransactWriteItems=50_000),
        "purge": _calls(s3_DeleteObject=1_000_000, sqs_SendMessage=1_000_000),
    },
    "functions": {"index": {"invocations": 10_000, "duration_ms": {"sum": 1_000_000.0}}},
}


@pytest.mark.parametrize(
    ("name", "dollars"),
    [
        ("s3.write calls", 5.0),
        ("s3.read calls", 0.4),
        ("s3.free calls", 0.0),
        ("sqs calls", 0.4),
        ("dynamodb.write units", 7.5),
        ("lambda calls", 0.002),
        ("lambda GB-seconds (this machine's)", 1000 * 0.0000166667),
    ],
)
def test_what_is_counted_is_priced(name: str, dollars: float) -> None:
    lines = {line.name: line.dollars for line in iter_lines(FIGURES, Prices.load())}
    assert lines[name] == pytest.approx(dollars)
    assert not [line for line in lines if "Transact" in line], "its units are what is paid for"


def test_only_what_was_received_counts_as_stored() -> None:
    assert stored_instances(FIGURES) == 1_000_000


def test_prices_are_dated() -> None:
    table = json.loads(PRICES.read_text())
    assert len(table["date"].split("-")) == 2
    assert table["region"]


def test_endpoints_are_most_of_what_stands_idle(default: Assembly, private: Assembly) -> None:
    lines = {line.name.split(" (")[0]: line for line in idle_lines(default.folder, Prices.load())}
    assert lines["edge: interface endpoints by zone"].dollars == pytest.approx(73.0)
    assert lines["edge: tasks"].count == 2
    assert not [line for line in idle_lines(private.folder, Prices.load()) if "edge" in line.name]


def test_what_is_asked_for_is_paid_for_idle(complete: Assembly) -> None:
    lines = {line.name.split(" (")[0]: line for line in idle_lines(complete.folder, Prices.load())}
    attached = lines["Transit Gateway attachments"]
    assert (attached.count, attached.dollars) == (1, pytest.approx(36.5))
    warm = lines["api: environments that are always warm"]
    assert (warm.count, warm.dollars) == (2, pytest.approx(2 * 18.92, abs=0.01))


@pytest.mark.parametrize("table", ["hour", "month"])
def test_every_price_is_asked_for(table: str) -> None:
    source = (
        PRICES.with_name("estimate.py").read_text() + PRICES.with_name("command.py").read_text()
    )
    for name in json.loads(PRICES.read_text())[table]:
        assert f'"{name}"' in source or name in NOT_ESTIMATED, name


NOT_ESTIMATED = {"backup_gb", "dynamodb_gb"}
"""What is stored beside the objects depends on them."""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """Return the data folder of what looks like a running stack."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(FIGURES).encode())

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    control = f"http://127.0.0.1:{server.server_port}"
    (tmp_path / "stack.json").write_text(json.dumps({"control": control}))
    yield tmp_path
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "thousands of them: 15, met", id="storing"),
        pytest.param(["--instance-mb", "1"], "a million of 1.0 MB stored: 23.00", id="size"),
        pytest.param(["--reads", "1000"], "as well (1000 reads)", id="reading"),
    ],
)
def test_the_command_prints_dollars(running: Path, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(build_app(), ["cost", "--data", str(running), *arguments])
    assert result.exit_code == 0, result.output
    assert said in result.output


def test_without_a_run_there_is_nothing_to_count(tmp_path: Path) -> None:
    result = CliRunner().invoke(build_app(), ["cost", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "no local stack is running there" in result.output
