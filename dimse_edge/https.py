"""The HTTPS process: the REST API without the limits of API Gateway, for the hospital's network.

It serves the very same application as the api function, by uvicorn, to Orthanc peers that push a
whole image in one request and to clients on the VPN. It has a process of its own: whatever it does,
associations do not wait for its interpreter.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn

from dimse_edge import control, pulse
from dimse_edge.http_protocol import PatientProtocol
from dimse_edge.tls import VERSIONS, load_certificate
from dimse_edge.worker import begin_child
from nephele.errors import ConfigurationError
from nephele.logs import logger
from nephele.rest.app import create_app
from nephele.rest.login import Login
from nephele.rest.routes import analyse_all
from nephele.services.archive import Archive, open_archive
from nephele.services.login import Doorkeeper
from nephele.services.peers.secrets import ssl_certificate
from nephele.settings.configuration import Configuration
from nephele.settings.environment import ApiEnvironment, AuthorizeEnvironment, EdgeEnvironment

_BACKLOG = 128
_MOST_CONNECTIONS = 200
"""More are answered 503: each may have a body in the task's temporary folder."""
_IDLE_SECONDS = 60
_HOLD_SECONDS = 30.0


def server_context(archive: Archive) -> ssl.SSLContext:
    """Return the context of the `Ssl*` options.

    Raises
    ------
    ConfigurationError
        They cannot be followed.
    """
    configuration = archive.configuration
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.minimum_version = VERSIONS[configuration.ssl_minimum_protocol_version]
        if configuration.ssl_ciphers_accepted:
            context.set_ciphers(":".join(configuration.ssl_ciphers_accepted))
        load_certificate(context, ssl_certificate(archive), "")
    except (ssl.SSLError, ValueError) as exc:
        raise ConfigurationError(f"SslCertificate: {exc}") from exc
    return context


def doorkeeper_of(configuration: Configuration) -> Doorkeeper:
    """Return who checks the logins of `RegisteredUsers`."""
    is_open = not configuration.is_authentication_enabled
    return Doorkeeper(None if is_open else AuthorizeEnvironment().users_secret)


class Server(uvicorn.Server):
    """uvicorn, whose end is asked for by the parent, and not by signals."""

    def __init__(self, config: uvicorn.Config, when_ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._when_ready = when_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals as they are."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and say so."""
        await super().startup(sockets)
        self._when_ready()


def make_server(
    archive: Archive, doorkeeper: Doorkeeper, drain_seconds: float, when_ready: Callable[[], object]
) -> Server:
    """Make the server of the REST API, with TLS and a login."""
    context = server_context(archive)
    analyse_all()
    config = uvicorn.Config(
        Login(create_app(lambda: archive), doorkeeper),
        ssl_context_factory=lambda *_: context,
        http=PatientProtocol,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=max(1, int(drain_seconds)),
    )
    return Server(config, when_ready)


async def _serve(server: Server, listener: socket.socket, parent: socket.socket) -> None:
    serving = asyncio.create_task(server.serve([listener]))
    asked = asyncio.create_task(asyncio.to_thread(_wait_for_drain, parent))
    with pulse.beating(listener, lambda: parent.send(control.ALIVE)):
        await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving


def _wait_for_drain(parent: socket.socket) -> None:
    with suppress(OSError):
        while control.receive(parent)[0] not in (control.DRAIN, b""):
            pass


def listen(environment: EdgeEnvironment, port: int) -> socket.socket:
    """Bind the port; OSError where it is taken."""
    address = environment.bind_address
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.bind((address, port))
    listener.listen(_BACKLOG)
    return listener


def hold(environment: EdgeEnvironment, port: int, parent: socket.socket) -> None:
    """Serve nobody for a while, or until the parent says something, with the port open.

    All tasks have the same certificate: without a good one, a load balancer that finds the port
    closed would have them replaced one after the other, associations and all.
    """
    end = time.monotonic() + _HOLD_SECONDS
    with listen(environment, port) as listener:
        while (left := end - time.monotonic()) > 0:
            readable, _, _ = select.select([listener, parent], [], [], left)
            if parent in readable:
                return
            if listener in readable:
                with suppress(OSError):
                    listener.accept()[0].close()


def main(descriptor: int, parent: int) -> None:
    """Serve HTTPS until the parent says that it is time to end."""
    begin_child(parent)
    environment = EdgeEnvironment()
    tempfile.tempdir = environment.temporary_directory or None
    archive = open_archive(ApiEnvironment())
    port = archive.configuration.edge_https_port
    with socket.socket(fileno=descriptor) as connection:
        try:
            server = make_server(
                archive,
                doorkeeper_of(archive.configuration),
                environment.drain_seconds,
                lambda: connection.send(control.READY),
            )
            listener = listen(environment, port)
        except (ConfigurationError, OSError) as error:
            logger.error("HTTPS is not possible", extra={"port": port, "reason": str(error)})
            if isinstance(error, ConfigurationError):
                with suppress(OSError):  # the port is taken: it is open all the more
                    hold(environment, port, connection)
            raise SystemExit(1) from error
        logger.info("listening for HTTPS", extra={"port": port})
        with listener:
            asyncio.run(_serve(server, listener, connection))
    sys.stdout.flush()
    os._exit(0)  # without waiting for the thread that listens to the parent


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
