"""`nephele import` and Ctrl-C, in a process of its own: once, and twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = """
import signal, sys
from contextlib import nullcontext

import httpx

from nephele.cli import app, import_command
from nephele.cli.sender import Sender


def handle(request):
    # The file under way is sent when the test says so.
    print("sending", flush=True)
    sys.stdin.readline()
    return httpx.Response(200, json={"Status": "Success"})


signal.signal(signal.SIGINT, signal.default_int_handler)
client = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://server")
import_command.open_sender = lambda *_: nullcontext(Sender(client, client))
app.build_app("import")(sys.argv[1:])
"""
FINISHING = "Finishing what is under way; Ctrl-C again stops at once.\n"
GOES_ON = "The same command (without --again) goes on from here.\n"


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tree := tmp_path / "tree").mkdir()
    for name in "123":
        (tree / name).write_bytes(b"\0" * 128 + b"DICM" + name.encode())
    journal = ["--journal", f"{tmp_path / 'journal'}"]
    return [sys.executable, "-c", COMMAND, "import", f"{tree}", "--jobs", "1", *journal]


def interrupt(process: subprocess.Popen[str]) -> None:
    """Wait until the first file is under way, and press Ctrl-C."""
    assert process.stdout is not None
    assert process.stderr is not None
    assert "sending\n" in iter(process.stdout.readline, "")
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == FINISHING


def start(command: list[str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_what_is_under_way_is_finished_and_the_rest_is_left(command: list[str]) -> None:
    with start(command) as process:
        interrupt(process)
        output, errors = process.communicate("go\n", timeout=60)
    assert process.returncode == 130
    assert "1 Success" in output
    assert errors == f"Interrupted, files left: 2. {GOES_ON}"
    with start(command) as process:
        output, errors = process.communicate("go\n" * 2, timeout=60)
    assert process.returncode == 0
    assert "2 Success, 1 sent before" in output
    assert errors == ""


def test_the_second_stops_at_once(command: list[str]) -> None:
    with start(command) as process:
        interrupt(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130  # the file under way is never answered
        assert process.stderr is not None
        assert process.stderr.read() == f"Stopped at once. {GOES_ON}"
