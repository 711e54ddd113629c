"""A certificate of our own for 127.0.0.1, kept under the data folder."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID = datetime.timedelta(days=825)
_RENEW = datetime.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of a certificate: its chain, its key, and what a client has to trust."""

    chain: Path
    key: Path
    bundle: Path

    def server_context(self) -> ssl.SSLContext:
        """Return the context of a server with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return the context of a client that trusts this certificate."""
        return ssl.create_default_context(cafile=str(self.bundle))


def ensure_certificate(folder: Path) -> Certificate:
    """Return the folder's certificate; make one when there is none or it expires soon."""
    certificate = Certificate(folder / "server.crt", folder / "server.key", folder / "trusted.pem")
    if not _is_good(certificate):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make(certificate)
    return certificate


def _is_good(certificate: Certificate) -> bool:
    files = (certificate.chain, certificate.key, certificate.bundle)
    if not all(file.is_file() for file in files):
        return False
    leaf = x509.load_pem_x509_certificate(certificate.chain.read_bytes())
    return leaf.not_valid_after_utc - _RENEW > datetime.datetime.now(datetime.UTC)


def _make(certificate: Certificate) -> None:
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("Nephele local stack")
    key_identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_identifier, critical=False)
        .add_extension(_key_usage(is_authority=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    leaf = (
        _builder(_name("127.0.0.1"), authority_name, key.public_key())
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_identifier),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    certificate.key.touch(mode=0o600)
    certificate.key.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    certificate.chain.write_bytes(leaf.public_bytes(Encoding.PEM))
    certificate.bundle.write_bytes(authority.public_bytes(Encoding.PEM) + _system_roots())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _VALID)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _system_roots() -> bytes:
    """Return what this machine trusts; the variables of TLS libraries replace it, not add to it."""
    system = ssl.get_default_verify_paths().cafile
    return Path(system).read_bytes() if system else b""
