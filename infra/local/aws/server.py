"""ministack as a child process: TLS, policies enforced, state kept under the data folder."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from socket import socket

import aiohttp

from infra.local import children
from infra.local.certificate import Certificate
from infra.local.errors import ChildDied
from infra.local.folders import DataFolder
from infra.local.ports import LOOPBACK, port_of

REGION = "us-east-1"
ACCOUNT = "000000000000"
EMULATOR = "infra.local.aws.observed:app"
"""What uvicorn runs."""
_ROOT = Path(__file__).resolve().parents[3]
_START_SECONDS = 60.0
_SAVE_SECONDS = 120.0
_KEEP_ALIVE_SECONDS = "75"


@dataclass(frozen=True, slots=True)
class RootCredentials:
    """Credentials of the account's root: they deploy, nothing else uses them."""

    access_key: str = "local"
    secret_key: str = "local-root"  # noqa: S105  an emulator's, reachable from this machine only


class AwsServer:
    """The ministack process.

    Attributes
    ----------
    endpoint : str
        Where it answers.
    """

    def __init__(self, listener: socket, folder: DataFolder, certificate: Certificate) -> None:
        self._listener = listener
        self._folder = folder
        self._certificate = certificate
        self.process: asyncio.subprocess.Process | None = None
        self.endpoint = f"https://{LOOPBACK}:{port_of(listener)}"

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises
        ------
        ChildDied
            It ended or did not answer in time; the log says why.
        """
        descriptor = self._listener.fileno()
        self.process = await children.spawn(
            self._command(descriptor),
            environment=self._environment(),
            log=self._log,
            folder=self._folder.root,
            keep=[descriptor],
        )
        await self._answer(self.process)

    async def save(self) -> None:
        """Have it write its state, which it does only when it ends: stop it and start it again."""
        await self._end()
        await self.start()

    async def stop(self) -> None:
        """Stop it; its state is written before it ends."""
        await self._end()
        self._listener.close()

    async def _end(self) -> None:
        if self.process is not None:
            await children.stop(self.process, _SAVE_SECONDS)

    @property
    def has_state(self) -> bool:
        """Tell whether an earlier process has written its state."""
        return any((self._folder.aws / "state").glob("*"))

    @property
    def _log(self) -> Path:
        return self._folder.logs / "ministack.log"

    def _command(self, descriptor: int) -> list[str]:
        return [
            *(sys.executable, "-m", "uvicorn", EMULATOR, "--app-dir", str(_ROOT)),
            *("--loop", "uvloop", "--http", "httptools"),
            *("--fd", str(descriptor)),
            *("--ssl-certfile", str(self._certificate.chain)),
            *("--ssl-keyfile", str(self._certificate.key)),
            *("--timeout-keep-alive", _KEEP_ALIVE_SECONDS),
            *("--timeout-graceful-shutdown", "3"),
            *("--log-level", "warning", "--no-access-log", "--no-server-header"),
        ]

    def _environment(self) -> Mapping[str, str]:
        root = RootCredentials()
        kept = self._folder.aws
        kept.mkdir(parents=True, exist_ok=True)
        return {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(kept),
            "TMPDIR": str(self._folder.temporary),
            "AUTH": "true",
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(self._certificate.chain),
            "MINISTACK_SSL_KEY": str(self._certificate.key),
            "MINISTACK_HOST": LOOPBACK,
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "BIND_HOST": LOOPBACK,
            "GATEWAY_PORT": self.endpoint.rpartition(":")[2],
            "PERSIST_STATE": "1",
            "STATE_DIR": str(kept / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(kept / "objects"),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "AWS_ACCESS_KEY_ID": root.access_key,
            "AWS_SECRET_ACCESS_KEY": root.secret_key,
        }

    async def _answer(self, process: asyncio.subprocess.Process) -> None:
        ended = asyncio.create_task(process.wait())
        answered = asyncio.create_task(
            _wait_for(f"{self.endpoint}/_ministack/health", self._certificate.client_context())
        )
        done, _ = await asyncio.wait(
            {ended, answered}, timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        for task in (ended, answered):
            task.cancel()
        if answered not in done:
            raise ChildDied(f"ministack did not start; see {self._log}")


async def _wait_for(url: str, context: ssl.SSLContext) -> None:
    """Ask until somebody answers; the listening socket is there from the start, so it may hang."""
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session:
        while True:
            try:
                async with session.get(url) as response:
                    await response.read()
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
