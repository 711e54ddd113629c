"""Certificates that `nephele import` trusts, and what it says when one is not trusted."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.local.certificate import ensure_certificate
from nephele.cli import app
from nephele.cli.exchange import Stopped
from nephele.cli.import_command import open_sender
from nephele.cli.trust import BadBundle, is_loopback, trust

DICOM = b"\0" * 128 + b"DICM" + b"content"


class Answer(BaseHTTPRequestHandler):
    """Takes every instance."""

    def do_POST(self) -> None:
        """Answer as the archive does."""
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"Status": "Success"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve https with a local stack's certificate, kept in ./.nephele; yield the URL."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    certificate = ensure_certificate(tmp_path / ".nephele" / "tls")
    with HTTPServer(("127.0.0.1", 0), Answer) as listening:
        context = certificate.server_context()
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def send(url: str, ca_bundle: Path | None = None) -> str:
    with open_sender(url, "", trust(url, ca_bundle)) as sender:
        return sender.send(io.BytesIO(DICOM), len(DICOM))


def test_the_local_stack_of_this_folder_is_trusted(server: str) -> None:
    assert send(server) == "Success"


def test_a_bundle_that_is_given(server: str, tmp_path: Path) -> None:
    bundle = (tmp_path / ".nephele" / "tls" / "trusted.pem").rename(tmp_path / "other.pem")
    assert send(server, bundle) == "Success"


def test_a_certificate_that_is_not_trusted(server: str, tmp_path: Path) -> None:
    (tmp_path / ".nephele" / "tls" / "trusted.pem").unlink()
    with pytest.raises(Stopped) as caught:
        send(server)
    words = str(caught.value)
    assert "\n" not in words
    for part in (server, "--ca-bundle", "DATA/tls/trusted.pem"):
        assert part in words


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("http://127.0.0.1:8042", True, id="IPv4"),
        pytest.param("http://[::1]:8042", True, id="IPv6"),
        pytest.param("http://localhost:8042", True, id="name"),
        pytest.param("https://192.0.2.1", False, id="another machine"),
        pytest.param("https://localhost.example.org", False, id="another machine's name"),
    ],
)
def test_loopback(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


def test_a_missing_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "entry_points", lambda **_: [])
    bundle = tmp_path / "none.pem"
    result = CliRunner().invoke(
        app.build_app(), ["import", str(tmp_path), "--ca-bundle", str(bundle)]
    )
    assert result.exit_code == 2
    assert result.output.splitlines() == [f"--ca-bundle {bundle}: No such file or directory"]


def test_a_bundle_without_certificates(tmp_path: Path) -> None:
    bundle = tmp_path / "notes.pem"
    bundle.write_text("hello")
    with pytest.raises(BadBundle, match=r"notes\.pem: "):
        trust("https://archive.example.org", bundle)


def test_help_says_where_the_journal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "entry_points", lambda **_: [])
    result = CliRunner().invoke(app.build_app(), ["import", "--help"], env={"COLUMNS": "400"})
    assert "~/.local/state/nephele" in result.output
