"""`nephele import`: what is found, sent, remembered and reported."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from nephele.cli import app, import_command
from nephele.cli.exchange import Failed, Refused, Stopped
from nephele.cli.import_command import Summary, print_summary, send_one
from nephele.cli.journal import Journal
from nephele.cli.sender import LARGEST_POST_BYTES, Sender
from nephele.cli.sources import iter_sources

DICOM = b"\0" * 128 + b"DICM" + b"content"
OPENED = {"Path": "/uploads/u", "UploadId": "i", "PartSize": 5 << 20, "Parts": ["http://b/1"]}
Handle = Callable[[httpx.Request], httpx.Response]


def stored(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"Status": "Success"})


def sender_to(handle: Handle) -> Sender:
    api = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://server")
    bucket = httpx.Client(transport=httpx.MockTransport(handle))
    return Sender(api, bucket, sleep=lambda _: None)


def make_tree(root: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "one.dcm").write_bytes(DICOM)
    (root / "two").write_bytes(DICOM + b"2")
    (root / "notes.txt").write_text("hello")
    (root / "empty").touch()
    (root / "DICOMDIR").write_bytes(DICOM)
    with zipfile.ZipFile(root / "study.zip", "w") as archive:
        archive.writestr("in/three.dcm", DICOM + b"3")
        archive.writestr("in/readme", "hello")
    (root / "broken.zip").write_bytes(b"PK\x03\x04 and no more")


def test_sources(tmp_path: Path) -> None:
    make_tree(tmp_path)
    names = [source.name.removeprefix(f"{tmp_path}/") for source in iter_sources([tmp_path])]
    assert names == [
        "DICOMDIR",
        "broken.zip",
        "empty",
        "notes.txt",
        "study.zip!in/three.dcm",
        "study.zip!in/readme",
        "sub/one.dcm",
        "two",
    ]


def test_what_becomes_of_each_file(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    make_tree(tree)
    summary = Summary()
    with Journal(tmp_path / "journal") as journal:
        for source in iter_sources([tree]):
            send_one(source, sender_to(stored), journal, summary)
    assert summary.counts == {"Success": 3, "skipped": 5}
    assert {reason: len(names) for reason, names in summary.problems.items()} == {
        "DICOMDIR": 1,
        "not a DICOM file": 3,
        "empty file": 1,
    }


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("more_bytes", [0, LARGEST_POST_BYTES])
def test_the_bar_has_each_byte_once(tmp_path: Path, status: int, more_bytes: int) -> None:
    """Be the file sent whole or in parts, stored or refused."""
    (tmp_path / "file").write_bytes(DICOM + bytes(more_bytes))

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/uploads":
            return httpx.Response(200, json=OPENED)
        if request.url.host == "b":
            return httpx.Response(200, headers={"ETag": "e"})
        return httpx.Response(status, json={"Status": "Success", "Details": "Not today"})

    bar: list[int] = []
    summary = Summary()
    with Journal(tmp_path / "journal") as journal:
        for source in iter_sources([tmp_path / "file"]):
            send_one(source, sender_to(handle), journal, summary, bar.append)
    assert sum(bar) == len(DICOM) + more_bytes
    assert summary.counts == {"Success" if status == 200 else "refused": 1}


@pytest.mark.parametrize(
    ("name", "content", "exit_code", "words"),
    [
        ("junk.bin", b"junk", "1", ["1 refused", "not a DICOM file"]),
        ("empty.dcm", b"", "1", ["1 refused", "empty file"]),
        ("DICOMDIR", DICOM, "0", ["1 skipped", "DICOMDIR"]),
    ],
)
def test_what_is_named_itself_is_no_dicom_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    content: bytes,
    exit_code: str,
    words: list[str],
) -> None:
    """In a folder it is skipped; a script that names it has to know."""
    (tree := tmp_path / "tree").mkdir()
    (tree / name).write_bytes(content)
    lines = run(tmp_path, tree / name, stored, monkeypatch)
    assert lines[0] == exit_code
    assert [word for word in words if any(word in line for line in lines)] == words
    lines = run(tmp_path, tree, stored, monkeypatch)
    assert lines[0] == "0"
    assert any("1 skipped" in line for line in lines)


def run(
    tmp_path: Path, tree: Path, handle: Handle, monkeypatch: pytest.MonkeyPatch, jobs: int = 8
) -> list[str]:
    """Run the command against a server that is a function; return its last lines."""
    monkeypatch.setattr(app, "entry_points", lambda **_: [])
    monkeypatch.setattr(import_command, "open_sender", lambda *_: nullcontext(sender_to(handle)))
    result = CliRunner().invoke(
        app.build_app(),
        ["import", str(tree), "--journal", str(tmp_path / "journal"), "--jobs", str(jobs)],
    )
    return [str(result.exit_code), *result.output.splitlines()]


def make_files(tmp_path: Path, count: int) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(count):
        (tree / str(number)).write_bytes(DICOM + bytes([number]))
    return tree


def refuse_connection(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def test_an_import_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_files(tmp_path, 5)

    def stop_before_the_last(request: httpx.Request) -> httpx.Response:
        return (refuse_connection if request.content.endswith(b"\4") else stored)(request)

    first = run(tmp_path, tree, stop_before_the_last, monkeypatch)
    assert first[0] == "1"
    assert (tmp_path / "journal").exists()
    second = run(tmp_path, tree, stored, monkeypatch)
    assert second[0] == "0"
    assert any("1 Success, 4 sent before" in line for line in second)


def test_a_run_that_reached_its_end_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_files(tmp_path, 5)

    def refuse_one(request: httpx.Request) -> httpx.Response:
        if request.content.endswith(b"\3"):
            return httpx.Response(400, json={"Details": "Not today"})
        return stored(request)

    first = run(tmp_path, tree, refuse_one, monkeypatch)
    assert first[0] == "1"
    assert any("4 Success, 1 refused" in line for line in first)
    assert any("Not today" in line for line in first)
    assert not (tmp_path / "journal").exists()
    second = run(tmp_path, tree, stored, monkeypatch)
    assert second[0] == "0"
    assert any("5 Success" in line for line in second)


def test_a_server_that_is_down_stops_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = run(tmp_path, make_files(tmp_path, 100), refuse_connection, monkeypatch)
    assert lines[0] == "1"
    about = [line for line in lines if "ConnectError" in line]
    assert about == ["Cannot reach http://server (ConnectError: refused)"]
    assert not any("nothing to import" in line or "failed" in line for line in lines)


def test_large_files_go_to_the_bucket_in_parts() -> None:
    content = bytes(LARGEST_POST_BYTES + 5)
    parts: list[tuple[str, int, str | None]] = []
    finished: list[object] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/uploads":
            assert json.loads(request.content) == {"Size": len(content)}
            urls = ["http://bucket/1", "http://bucket/2"]
            answer = {"Path": "/uploads/u", "UploadId": "i", "PartSize": 4 << 20, "Parts": urls}
            return httpx.Response(200, json=answer)
        if request.url.host == "bucket":
            login = request.headers.get("authorization")
            parts.append((request.url.path, len(request.content), login))
            return httpx.Response(200, headers={"ETag": f'"{request.url.path}"'})
        assert request.url.path == "/uploads/u/complete"
        finished.append(json.loads(request.content))
        return stored(request)

    arrived: list[tuple[int, int]] = []

    def advance(size_bytes: int) -> None:
        arrived.append((len(parts), size_bytes))

    assert sender_to(handle).send(io.BytesIO(content), len(content), advance) == "Success"
    assert arrived == [(1, 4 << 20), (2, 5)]
    assert parts == [("/1", 4 << 20, None), ("/2", 5, None)]
    assert finished == [{"UploadId": "i", "ETags": ['"/1"', '"/2"']}]


def test_an_answer_that_takes_longer_than_a_call_is_waited_for() -> None:
    """The job is asked for where the server leads, through failures too, with the login."""
    asked: list[tuple[str, str]] = []
    waits = [303, 503, 303, 200]

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.path))
        if request.url.path.startswith("/stage/jobs/"):
            assert request.content == b""
            assert request.headers["authorization"]
            if (status := waits.pop(0)) == 200:
                return httpx.Response(200, json={"Status": "AlreadyStored"})
            return httpx.Response(status, headers={"Location": "/stage/jobs/j/wait"})
        if request.url.path == "/stage/uploads":
            return httpx.Response(200, json=OPENED)
        if request.url.host == "b":
            return httpx.Response(200, headers={"ETag": "e"})
        return httpx.Response(303, headers={"Location": "/stage/jobs/j/wait"})

    sender = sender_to(handle)
    sender.api.base_url = httpx.URL("http://server/stage")
    sender.api.auth = ("me", "secret")
    size_bytes = LARGEST_POST_BYTES + 1
    assert sender.send(io.BytesIO(bytes(size_bytes)), size_bytes) == "AlreadyStored"
    assert waits == []
    assert asked[-5:] == [
        ("POST", "/stage/uploads/u/complete"),
        *[("GET", "/stage/jobs/j/wait")] * 4,
    ]


def test_no_login_is_taken_elsewhere() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/uploads":
            return httpx.Response(200, json=OPENED)
        if request.url.host == "b":
            return httpx.Response(200, headers={"ETag": "e"})
        assert request.url.host == "server"
        return httpx.Response(303, headers={"Location": "http://elsewhere/jobs/j/wait"})

    size_bytes = LARGEST_POST_BYTES + 1
    with pytest.raises(Refused, match="elsewhere"):
        sender_to(handle).send(io.BytesIO(bytes(size_bytes)), size_bytes)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_transient_answers_are_tried_again(status: int) -> None:
    answers = [httpx.Response(status), httpx.Response(status), stored(httpx.Request("POST", "/"))]
    sender = sender_to(lambda _: answers.pop(0))
    assert sender.send(io.BytesIO(DICOM), len(DICOM)) == "Success"


def test_a_server_that_keeps_failing() -> None:
    with pytest.raises(Failed, match="503"):
        sender_to(lambda _: httpx.Response(503)).send(io.BytesIO(DICOM), len(DICOM))


def test_a_server_that_is_down() -> None:
    with pytest.raises(Stopped, match=r"http://server .*ConnectError"):
        sender_to(refuse_connection).send(io.BytesIO(DICOM), len(DICOM))


def test_a_refusal_is_final() -> None:
    answers = [httpx.Response(404, json={"Message": "Inexistent tag"})]
    with pytest.raises(Refused, match="Inexistent tag"):
        sender_to(lambda _: answers.pop(0)).send(io.BytesIO(DICOM), len(DICOM))


def test_summary_names_a_few_and_counts_all(tmp_path: Path) -> None:
    (tree := tmp_path / "tree").mkdir()
    for number in range(30):
        (tree / f"{number:02}").write_text("[no] markup")
    summary = Summary()
    with Journal(tmp_path / "journal") as journal:
        for source in iter_sources([tree]):
            send_one(source, sender_to(stored), journal, summary)
    text = io.StringIO()
    print_summary(summary, Console(file=text, width=200))
    assert "30 skipped" in text.getvalue()
    assert "and 10 more" in text.getvalue()
