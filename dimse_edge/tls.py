"""TLS of DICOM connections, as the configuration's `DicomTls*` options say. See PS3.15 B.9."""

from __future__ import annotations

import socket
import ssl
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from nephele.errors import ConfigurationError
from nephele.services.archive import Archive
from nephele.services.peers.secrets import dicom_tls_files

if TYPE_CHECKING:
    from typing_extensions import Buffer

_BCP_195 = 0
_BCP_195_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM"
VERSIONS = {
    _BCP_195: ssl.TLSVersion.TLSv1_2,
    1: ssl.TLSVersion.SSLv3,
    2: ssl.TLSVersion.TLSv1,
    3: ssl.TLSVersion.TLSv1_1,
    4: ssl.TLSVersion.TLSv1_2,
    5: ssl.TLSVersion.TLSv1_3,
}
"""Orthanc's `DicomTlsMinimumProtocolVersion`; OpenSSL has no SSL 3 any more."""
_SUITES_OF_TLS_1_3 = "TLS_"
"""OpenSSL chooses among those by itself."""


class TlsConnection(ssl.SSLSocket):
    """A TLS connection that is read as a plain one: the kernel's timeouts, and whole reads."""

    def recv_into(self, buffer: Buffer, nbytes: int | None = None, flags: int = 0) -> int:
        """Read as `socket.recv_into`; BlockingIOError when the kernel's timeout is over."""
        view = memoryview(buffer)
        wanted = nbytes or len(view)
        count = 0
        try:
            while count < wanted:
                got = super().recv_into(view[count:wanted], wanted - count)
                count += got
                if not got or not flags & socket.MSG_WAITALL:
                    break
        except ssl.SSLWantReadError as exc:
            if not count:
                raise BlockingIOError from exc
        return count


def server_side(archive: Archive, connection: socket.socket) -> socket.socket:
    """Return a connection that was accepted as the configuration wants it.

    The handshake is done by the first read.
    """
    if not archive.configuration.dicom_tls_enabled:
        return connection
    return _context(archive, ssl.PROTOCOL_TLS_SERVER).wrap_socket(
        connection, server_side=True, do_handshake_on_connect=False
    )


def check(archive: Archive) -> None:
    """Raise ConfigurationError where the `DicomTls*` options cannot be followed."""
    if archive.configuration.dicom_tls_enabled:
        _context(archive, ssl.PROTOCOL_TLS_SERVER)


def client_context(archive: Archive) -> ssl.SSLContext:
    """Return the context for connections to modalities with `UseDicomTls`.

    Raises
    ------
    ConfigurationError
        What the options name cannot be used.
    """
    return _context(archive, ssl.PROTOCOL_TLS_CLIENT)


def _context(archive: Archive, protocol: ssl._SSLMethod) -> ssl.SSLContext:
    configuration = archive.configuration
    files = dicom_tls_files(archive)
    return _make(
        protocol,
        files.get("DicomTlsCertificate", ""),
        files.get("DicomTlsPrivateKey", ""),
        files.get("DicomTlsTrustedCertificates", ""),
        configuration.dicom_tls_remote_certificate_required,
        configuration.dicom_tls_minimum_protocol_version,
        configuration.dicom_tls_ciphers_accepted,
    )


@lru_cache(maxsize=4)
def _make(
    protocol: ssl._SSLMethod,
    certificate: str,
    private_key: str,
    trusted: str,
    is_verified: bool,
    version: int,
    ciphers: tuple[str, ...],
) -> ssl.SSLContext:
    """Make a context; modalities are known by their certificates, not by the names in these."""
    context = ssl.SSLContext(protocol)
    context.sslsocket_class = TlsConnection
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if is_verified else ssl.CERT_NONE
    try:
        context.minimum_version = VERSIONS[version]
        if names := _cipher_names(version, ciphers):
            context.set_ciphers(names)
        if certificate:
            load_certificate(context, certificate, private_key)
        if trusted:
            context.load_verify_locations(cadata=trusted)
    except (ssl.SSLError, ValueError) as exc:
        raise ConfigurationError(f"DicomTls: {exc}") from exc
    return context


def _cipher_names(version: int, ciphers: tuple[str, ...]) -> str:
    if version == _BCP_195:
        return _BCP_195_CIPHERS
    return ":".join(name for name in ciphers if not name.startswith(_SUITES_OF_TLS_1_3))


def load_certificate(context: ssl.SSLContext, certificate: str, private_key: str) -> None:
    """Load a certificate and its key, which OpenSSL wants as files: for a moment, for us alone."""
    with tempfile.TemporaryDirectory() as folder:
        chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text(certificate, encoding="ascii")
        key.write_text(private_key, encoding="ascii")
        context.load_cert_chain(chain, key if private_key else None)
