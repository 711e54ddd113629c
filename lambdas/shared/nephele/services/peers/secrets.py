"""What must not be read in a template: passwords, headers and certificates of the file's peers.

They are in a secret of Secrets Manager, which `nephele secrets push` fills: for each peer its
secret members and the contents of its files; `CACertificates`, the contents of
`HttpsCACertificates`; `Proxy`, which may name a user; `DicomTls`, the contents of the files that
the `DicomTls*` options name; and `Ssl`, the certificate and key of the edge's own HTTPS.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nephele.aws.secrets import read_secret
from nephele.errors import ConfigurationError
from nephele.services.archive import Archive
from nephele.settings.configuration import Configuration
from nephele.settings.peer import SECRETS, Peer

CACHE_SECONDS = 60.0

_PEERS = "Peers"
_CA = "CACertificates"
_PROXY = "Proxy"
_DICOM_TLS = "DicomTls"
_SSL = "Ssl"
_DICOM_TLS_FILES = {
    "dicom_tls_certificate": "DicomTlsCertificate",
    "dicom_tls_private_key": "DicomTlsPrivateKey",
    "dicom_tls_trusted_certificates": "DicomTlsTrustedCertificates",
}
_FILES = {"certificate_file": "CertificateFile", "certificate_key_file": "CertificateKeyFile"}
_cached: dict[str, tuple[float, dict[str, Any]]] = {}


def encode_peer_secrets(configuration: Configuration, folder: Path) -> str:
    """Return the text of the secret.

    Parameters
    ----------
    folder : Path
        Where paths of the configuration begin that are not absolute.

    Raises
    ------
    ConfigurationError
        A file that is named cannot be read.
    """
    named = {name: _secrets_of(peer, folder) for name, peer in configuration.orthanc_peers.items()}
    authorities = configuration.https_ca_certificates
    return json.dumps(
        {
            _PEERS: {name: members for name, members in named.items() if members},
            _CA: _pem(authorities, folder, "HttpsCACertificates") if authorities else "",
            _PROXY: configuration.http_proxy,
            _DICOM_TLS: _dicom_tls_files(configuration, folder),
            _SSL: _ssl_certificate(configuration, folder) if configuration.ssl_enabled else "",
        },
        sort_keys=True,
    )


def _dicom_tls_files(configuration: Configuration, folder: Path) -> dict[str, str]:
    named = {option: getattr(configuration, field) for field, option in _DICOM_TLS_FILES.items()}
    return {option: _pem(path, folder, option) for option, path in named.items() if path}


def dicom_tls_files(archive: Archive) -> dict[str, str]:
    """Return the contents of the files that the `DicomTls*` options name, by option.

    Where the secret does not have them the files themselves are read.

    Raises
    ------
    ConfigurationError
        A file cannot be read.
    """
    known: dict[str, str] = _read(archive).get(_DICOM_TLS, {})
    with _saying_who_brings_it(archive):
        return known or _dicom_tls_files(archive.configuration, Path())


def _ssl_certificate(configuration: Configuration, folder: Path) -> str:
    return _pem(configuration.ssl_certificate, folder, "SslCertificate")


def ssl_certificate(archive: Archive) -> str:
    """Return the contents of `SslCertificate`, as `dicom_tls_files` does. Raises as that."""
    known = str(_read(archive).get(_SSL, ""))
    with _saying_who_brings_it(archive):
        return known or _ssl_certificate(archive.configuration, Path())


@contextmanager
def _saying_who_brings_it(archive: Archive) -> Iterator[None]:
    """Let an error say how a deployment, which has no such files, gets their contents."""
    try:
        yield
    except ConfigurationError as exc:
        if not archive.peers_secret:
            raise
        hint = "`nephele secrets push` brings its contents to the secret of the peers"
        raise ConfigurationError(f"{exc}; {hint}") from exc


def _secrets_of(peer: Peer, folder: Path) -> dict[str, Any]:
    described = peer.model_dump(by_alias=True)
    members = {name: described[name] for name in SECRETS if described[name]}
    for field, option in _FILES.items():
        if path := getattr(peer, field):
            members[option] = _pem(path, folder, option)
    return members


def _pem(path: str, folder: Path, option: str) -> str:
    whole = (folder / path).absolute()
    try:
        return whole.read_text(encoding="ascii")
    except OSError as exc:
        raise ConfigurationError(f"{option}: {whole} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigurationError(f"{option}: {whole} cannot be read: it is no PEM") from exc


def with_secrets(archive: Archive, name: str, peer: Peer) -> Peer:
    """Return a peer of the configuration as the file has it; files are their contents then."""
    members: dict[str, Any] = _read(archive).get(_PEERS, {}).get(name, {})
    return Peer.model_validate(peer.model_dump(by_alias=True) | members)


def authorities(archive: Archive) -> str:
    """Return the certificates of the authorities that are trusted, "" for the system's."""
    path = archive.configuration.https_ca_certificates
    return str(_read(archive).get(_CA, "")) if path else ""


def proxy(archive: Archive) -> str:
    """Return `HttpProxy` as a URL, "" for none."""
    configured = archive.configuration.http_proxy
    known = str(_read(archive).get(_PROXY, "")) if configured else ""
    url = known or configured
    return f"http://{url}" if url and "://" not in url else url


def _read(archive: Archive) -> dict[str, Any]:
    """Read the secret, once a minute; one that was never pushed has nothing."""
    if not archive.peers_secret:
        return {}
    good_until, known = _cached.get(archive.peers_secret, (0.0, {}))
    if time.monotonic() >= good_until:
        try:
            known = json.loads(read_secret(archive.peers_secret))
        except json.JSONDecodeError:
            known = {}
        _cached[archive.peers_secret] = (time.monotonic() + CACHE_SECONDS, known)
    return known
