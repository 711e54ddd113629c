"""DICOM over TLS, both ways, with and without certificates of the clients."""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from dimse_edge import tls
from dimse_edge.scu.association import Association
from dimse_edge.scu.calls import proposal_of
from dimse_edge.scu.dialing import destination
from nephele.aws.bucket import Bucket
from nephele.aws.index import Index
from nephele.aws.index.table import Table
from nephele.domain.sop_classes import VERIFICATION
from nephele.errors import ConfigurationError, NetworkProtocol
from nephele.services.archive import Archive
from nephele.settings.configuration import parse_configuration
from nephele.settings.modality import Modality, read_modality
from tests.edge.conftest import Edge, StartEdge, tool
from tests.edge.data_sets import as_file, ct

_YEAR = datetime.timedelta(days=365)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `own` and `stranger`: each a key, and a certificate for itself."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("own", "stranger"):
        key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _YEAR)
            .not_valid_after(now + _YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        (folder / f"{name}.key").write_bytes(pem)
        (folder / f"{name}.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    return folder


def options(certificates: Path, name: str = "own", **more: Any) -> dict[str, Any]:
    return {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(certificates / f"{name}.crt"),
        "DicomTlsPrivateKey": str(certificates / f"{name}.key"),
        "DicomTlsTrustedCertificates": str(certificates / "own.crt"),
        **more,
    }


def archive_of(configuration: dict[str, Any]) -> Archive:
    parsed = parse_configuration(json.dumps(configuration))
    return Archive(parsed, Bucket("archive"), Index(Table("index")))


def modality_at(edge: Edge, **more: Any) -> Modality:
    described = {"AET": "EDGE", "Host": "127.0.0.1", "Port": edge.port, "Timeout": 5}
    return read_modality({**described, "UseDicomTls": True, **more})


def associate(archive: Archive, modality: Modality) -> None:
    with Association(destination(archive, modality), proposal_of(VERIFICATION)) as association:
        assert association.context(VERIFICATION) is not None


def dcmtk(name: str, edge: Edge, *arguments: str) -> int:
    command = [tool(name), *arguments, "127.0.0.1", str(edge.port)]
    done = subprocess.run(command, check=False, timeout=30, capture_output=True)
    return done.returncode


@pytest.fixture(scope="module")
def own(certificates: Path) -> list[str]:
    """Return the options of a client of DCMTK that has a certificate."""
    key, chain = certificates / "own.key", certificates / "own.crt"
    return ["+tls", str(key), str(chain), "+cf", str(chain)]


def test_a_certificate_is_required(
    start_edge: StartEdge, certificates: Path, own: list[str]
) -> None:
    edge = start_edge(options(certificates))
    assert dcmtk("echoscu", edge, *own) == 0
    assert dcmtk("echoscu", edge, "+tla", "-ic", "-to", "3") != 0
    assert dcmtk("echoscu", edge, "-to", "3", "-ta", "3") != 0
    associate(archive_of(options(certificates)), modality_at(edge))
    with pytest.raises(NetworkProtocol):
        associate(archive_of(options(certificates, "stranger")), modality_at(edge))
    with pytest.raises(NetworkProtocol):
        associate(archive_of({}), modality_at(edge, UseDicomTls=False))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["+tla", "-ic"], "DicomTlsRemoteCertificateRequired", id="no certificate"),
        pytest.param(["stranger"], "DicomTlsTrustedCertificates", id="a stranger's certificate"),
        pytest.param([], "does not speak TLS, and DicomTlsEnabled is true", id="no TLS"),
    ],
)
def test_a_failed_handshake_is_explained(
    start_edge: StartEdge, certificates: Path, arguments: list[str], words: str
) -> None:
    edge = start_edge(options(certificates))
    if arguments == ["stranger"]:
        key, chain = certificates / "stranger.key", certificates / "stranger.crt"
        arguments = ["+tls", str(key), str(chain), "-ic"]
    assert dcmtk("echoscu", edge, *arguments, "-to", "3", "-ta", "3") != 0
    assert words in edge.wait_for("no TLS connection")["reason"]


def test_tls_where_it_is_not_spoken_is_explained(start_edge: StartEdge) -> None:
    edge = start_edge({})
    assert dcmtk("echoscu", edge, "+tla", "-ic", "-to", "3", "-ta", "3") != 0
    assert "DicomTlsEnabled is false" in edge.wait_for("no TLS connection")["reason"]


def test_no_certificate_is_required(start_edge: StartEdge, certificates: Path) -> None:
    configuration = options(certificates, DicomTlsRemoteCertificateRequired=False)
    edge = start_edge(configuration)
    assert dcmtk("echoscu", edge, "+tla", "-ic") == 0
    anonymous = {"DicomTlsRemoteCertificateRequired": False}
    associate(archive_of(anonymous), modality_at(edge))


def test_instances_come_over_tls(
    start_edge: StartEdge, certificates: Path, own: list[str], tmp_path: Path
) -> None:
    edge = start_edge(options(certificates))
    file = tmp_path / "large.dcm"
    file.write_bytes(as_file(ct(pixels=3 << 20)))
    command = [tool("storescu"), *own, "127.0.0.1", str(edge.port), str(file)]
    assert subprocess.run(command, check=False, timeout=60).returncode == 0
    assert edge.wait_for("association ended")["stored"] == 1


def test_what_cannot_be_followed_names_tls(certificates: Path) -> None:
    broken = options(certificates) | {"DicomTlsPrivateKey": str(certificates / "stranger.key")}
    with pytest.raises(ConfigurationError, match="DicomTls"):
        tls.check(archive_of(broken))
    missing = options(certificates) | {"DicomTlsCertificate": str(certificates / "none.crt")}
    with pytest.raises(ConfigurationError, match="DicomTlsCertificate"):
        tls.check(archive_of(missing))


def handshake(archive: Archive, version: ssl.TLSVersion) -> str:
    """Connect as a client that speaks one version; return what is agreed upon, "" for nothing."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.minimum_version = client.maximum_version = version
    here, there = socket.socketpair()
    with here, there, ThreadPoolExecutor(1) as pool:
        here.settimeout(30)
        served = pool.submit(_serve, archive, there)
        try:
            with client.wrap_socket(here) as secured:
                return str(secured.version()) if secured.recv(1) else ""
        except (ssl.SSLError, ConnectionError):
            return ""
        finally:
            here.close()
            served.result()


def _serve(archive: Archive, connection: socket.socket) -> None:
    """Do the handshake as the edge does it, and send a byte where it succeeds."""
    with suppress(ssl.SSLError, ConnectionError), tls.server_side(archive, connection) as secured:
        secured.sendall(b"x")


_TLS_1_2, _TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
_CIPHERS = ["ECDHE-RSA-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384"]


@pytest.mark.parametrize(
    ("minimum", "version", "agreed"),
    [
        (0, _TLS_1_2, "TLSv1.2"),
        (0, _TLS_1_3, "TLSv1.3"),
        (4, _TLS_1_2, "TLSv1.2"),
        (5, _TLS_1_2, ""),
        (5, _TLS_1_3, "TLSv1.3"),
    ],
)
def test_minimum_protocol_version(
    certificates: Path, minimum: int, version: ssl.TLSVersion, agreed: str
) -> None:
    ciphers = {"DicomTlsCiphersAccepted": _CIPHERS} if minimum else {}
    configuration = options(
        certificates,
        DicomTlsRemoteCertificateRequired=False,
        DicomTlsMinimumProtocolVersion=minimum,
        **ciphers,
    )
    assert handshake(archive_of(configuration), version) == agreed
