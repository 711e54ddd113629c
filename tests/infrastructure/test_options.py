"""Options of a deployment: what is read of them, and each wrong value refused with its name."""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.option_rules import DANGEROUS, DANGEROUS_WHEN_OFF
from infra.options import KNOWN, Options, read_options
from infra.synth import ROOT
from nephele.errors import ConfigurationError
from nephele.settings.options import NOT_YET, PLUGIN_SECTIONS, WITHOUT_MEANING

KEY = "arn:aws:kms:eu-central-1:123456789012:key/12345678-1234-1234-1234-123456789012"
CERTIFICATE = (
    "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
)
POOL = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_AbCdEf123"
VPC = {
    "vpc_id": "vpc-0123456789abcdef0",
    "vpc_cidr": "10.1.0.0/16",
    "availability_zones": "eu-central-1a,eu-central-1b",
    "subnet_ids": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "route_table_ids": "rtb-0123456789abcdef0,rtb-0123456789abcdef1",
}
VPN = {"vpn_gateways": "203.0.113.5", "vpn_bgp_asn": "65010"}
ENDPOINT = "vpce-0123456789abcdef0"


class Context(dict[str, str]):
    """A construct's context without a construct."""

    def try_get_context(self, name: str) -> str | None:
        return self.get(name)

    def get_all_context(self) -> dict[str, Any]:
        return {"aws:cdk:enable-path-metadata": True, "@aws-cdk/core:target-partitions": [], **self}


def read(given: dict[str, str]) -> Options:
    return read_options(Context(given))  # type: ignore[arg-type]


def refusal(given: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(given)
    return str(caught.value)


REFUSED = {
    "an unknown option": ({"stgae": "ward"}, "stgae: there is no such option"),
    "a stage with a blank": ({"stage": "my ward"}, "stage: "),
    "a stage that is too long": ({"stage": "a" * 21}, "stage: "),
    "no region": ({"region": "Frankfurt"}, "region: "),
    "no architecture": ({"architecture": "mips"}, "architecture: 'mips' is none of x86_64, arm64"),
    "no file": ({"config": "nowhere.json"}, "config: nowhere.json: there is no such file"),
    "no range": ({"vpc_cidr": "10.0.0.0/33"}, "vpc_cidr: '10.0.0.0/33' is no range"),
    "host bits in a range": ({"vpc_cidr": "10.0.0.1/16"}, "vpc_cidr: "),
    "a VPC that is too large": ({"vpc_cidr": "10.0.0.0/8"}, "vpc_cidr: "),
    "clients without range": ({"dicom_clients": "10.0.0.0/8,ward"}, "dicom_clients: 'ward'"),
    "clients without a mask": (
        {"dicom_clients": "10.0.0.0"},
        "dicom_clients: '10.0.0.0' is no range of addresses such as 10.0.0.0/16 (a single host",
    ),
    "clients of IPv6": ({"dicom_clients": "fd00::/8"}, "dicom_clients: "),
    "an existing VPC in parts": ({"vpc_id": VPC["vpc_id"]}, "vpc_id: it needs vpc_cidr"),
    "parts without a VPC": ({"subnet_ids": VPC["subnet_ids"]}, "subnet_ids: it describes"),
    "no VPC": (VPC | {"vpc_id": "mine"}, "vpc_id: 'mine' is no VPC"),
    "no subnet": (VPC | {"subnet_ids": "a,b"}, "subnet_ids: 'a' is no subnet"),
    "fewer route tables than subnets": (
        VPC | {"route_table_ids": "rtb-0123456789abcdef0"},
        "vpc_id: it needs",
    ),
    "one zone": (
        VPC | {"availability_zones": "eu-central-1a,eu-central-1a"},
        "availability_zones: ",
    ),
    "a private router": (VPN | {"vpn_gateways": "192.168.1.1"}, "vpn_gateways: 192.168.1.1 is not"),
    "no router": (VPN | {"vpn_gateways": "router"}, "vpn_gateways: 'router' is no address"),
    "a VPN without routes": ({"vpn_gateways": "203.0.113.5"}, "vpn_gateways: routes are either"),
    "a VPN with both routes": (VPN | {"vpn_static_routes": "10.9.0.0/16"}, "vpn_gateways: "),
    "a router of IPv6": (
        VPN | {"vpn_gateways": "2001:db8::1"},
        "vpn_gateways: '2001:db8::1' is no",
    ),
    "a VPC without room for subnets": ({"vpc_cidr": "10.0.0.0/27"}, "vpc_cidr: '10.0.0.0/27': a"),
    "a VPC without a way to AWS": ({"vpc_endpoints": "false"}, "vpc_endpoints: the tasks"),
    "DICOM for everybody": ({"dicom_clients": "0.0.0.0/0"}, "dicom_clients: 0.0.0.0/0 is"),
    "DICOM for everybody in two halves": (
        {"dicom_clients": "0.0.0.0/1,128.0.0.0/1"},
        "dicom_clients: 0.0.0.0/1 is wider than /8",
    ),
    "clients twice": ({"dicom_clients": "10.1.0.0/16,10.1.0.0/16"}, "dicom_clients: 10.1.0.0/16 "),
    "a VPC of the internet's addresses": ({"vpc_cidr": "8.8.0.0/16"}, "vpc_cidr: '8.8.0.0/16': a"),
    "a VPC of this machine's addresses": ({"vpc_cidr": "127.0.0.0/16"}, "vpc_cidr: '127.0.0.0/"),
    "a router of this link": (VPN | {"vpn_gateways": "169.254.1.1"}, "vpn_gateways: 169.254.1.1 "),
    "a router without address": (VPN | {"vpn_gateways": "0.0.0.0"}, "vpn_gateways: 0.0.0.0 is"),  # noqa: S104
    "a group of routers": (VPN | {"vpn_gateways": "224.0.0.1"}, "vpn_gateways: 224.0.0.1 is not"),
    "a provider's address": (VPN | {"vpn_gateways": "100.64.0.1"}, "vpn_gateways: 100.64.0.1 is"),
    "a router twice": (
        VPN | {"vpn_gateways": "203.0.113.5,203.0.113.5"},
        "vpn_gateways: 203.0.113.5 comes twice",
    ),
    "Amazon's own ASN": (VPN | {"vpn_bgp_asn": "64512"}, "vpn_bgp_asn: 64512 is Amazon's"),
    "a route into the VPC itself": (
        {"vpn_gateways": "203.0.113.5", "vpn_static_routes": "10.0.7.0/24"},
        "vpn_static_routes: 10.0.7.0/24 is in the VPC's own range 10.0.0.0/16",
    ),
    "routes without a VPN": ({"vpn_static_routes": "10.9.0.0/16"}, "vpn_static_routes: "),
    "a VPN of an existing VPC": (VPC | VPN, "vpn_gateways: an existing VPC"),
    "an ASN that is too large": (VPN | {"vpn_bgp_asn": "4294967295"}, "vpn_bgp_asn: "),
    "a Transit Gateway without routes": (
        {"transit_gateway_id": "tgw-0123456789abcdef0"},
        "transit_gateway_routes: ",
    ),
    "a VPN beside a Transit Gateway": (
        VPN
        | {
            "transit_gateway_id": "tgw-0123456789abcdef0",
            "transit_gateway_routes": "10.9.0.0/16",
        },
        "vpn_gateways: ",
    ),
    "a VPN without an edge": (VPN | {"edge": "false"}, "vpn_gateways: there is no edge"),
    "neither true nor false": ({"edge": "perhaps"}, "edge: 'perhaps' is neither true nor false"),
    "a processor Fargate has not": ({"edge_cpu": "1000"}, "edge_cpu: '1000' is none of 256"),
    "memory that does not go with it": ({"edge_memory_mb": "9000"}, "edge_memory_mb: 9000: "),
    "one task": ({"edge_tasks": "1"}, "edge_tasks: '1' is no number from 2"),
    "fewer tasks at most": ({"edge_tasks": "4", "edge_most_tasks": "3"}, "edge_most_tasks: "),
    "no kind of API": ({"api": "open"}, "api: 'open' is none of public, private"),
    "a private API without a way in": ({"api": "private"}, "api_vpc_endpoint_ids: "),
    "a way in without a private API": ({"api_vpc_endpoint_ids": ENDPOINT}, "api_vpc_endpoint_ids"),
    "CloudFront before a private API": (
        {"api": "private", "api_vpc_endpoint_ids": ENDPOINT, "cloudfront": "true"},
        "cloudfront: ",
    ),
    "a domain without a certificate": ({"domain": "pacs.example.org"}, "domain: it needs"),
    "no domain": ({"domain": "https://pacs"}, "domain: 'https://pacs' is no name of a host"),
    "a certificate CloudFront does not take": (
        {"domain": "pacs.example.org", "certificate_arn": CERTIFICATE},
        "certificate_arn: CloudFront takes",
    ),
    "a certificate of another region": (
        {
            "domain": "pacs.example.org",
            "certificate_arn": CERTIFICATE,
            "cloudfront": "false",
            "region": "eu-west-1",
        },
        "certificate_arn: it is not of the region eu-west-1",
    ),
    "a key of another region": ({"key_arn": KEY, "region": "eu-west-1"}, "key_arn: "),
    "no key": ({"key_arn": "alias/mine"}, "key_arn: 'alias/mine' is no ARN of a KMS key"),
    "no boundary": ({"permissions_boundary": "admin"}, "permissions_boundary: "),
    "both ways to start": ({"provisioned_concurrency": "5"}, "provisioned_concurrency: "),
    "provisioned without a number": ({"api_start": "provisioned"}, "provisioned_concurrency: "),
    "Cognito without a pool": ({"login": "cognito"}, "user_pool_arn: "),
    "a pool without Cognito": ({"user_pool_arn": POOL}, "user_pool_arn: "),
    "no distribution": (
        {"web_log_distribution": "d111111abcdef8.cloudfront.net", "web_log_bucket": "logs"},
        "web_log_distribution: 'd111111abcdef8.cloudfront.net' is no id of a distribution",
    ),
    "a log without its bucket": (
        {"web_log_distribution": "E2ABCDEFGHIJKL"},
        "web_log_distribution: it goes with web_log_bucket",
    ),
    "a log of no CloudFront": (
        {
            "web_log_distribution": "E2ABCDEFGHIJKL",
            "web_log_bucket": "logs",
            "cloudfront": "false",
        },
        "web_log_distribution: there is no CloudFront",
    ),
    "no version of the token": ({"front_token_version": "2"}, "front_token_version: '2' is no"),
    "no public key": ({"blob_public_keys": str(ROOT / "README.md")}, "blob_public_keys: "),
    "logs for a day": ({"log_retention_days": "1"}, "log_retention_days: '1' is none of 90"),
    "backups for a day": ({"backup_retention_days": "1"}, "backup_retention_days: "),
    "replicas without a key": (
        {"replica_bucket_arn": "arn:aws:s3:::copies"},
        "replica_key_arn: the replicas are encrypted",
    ),
    "a key without replicas": ({"replica_key_arn": KEY}, "replica_key_arn: it needs"),
    "no address": ({"alarm_email": "operator"}, "alarm_email: 'operator' is no address"),
    "no number": ({"monthly_budget_usd": "1e3"}, "monthly_budget_usd: '1e3' is no number"),
}


@pytest.mark.parametrize(("given", "said"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_option_is_refused_with_its_name(given: dict[str, str], said: str) -> None:
    assert refusal(given).startswith(said)


TLS = {"DicomTlsCertificate": "one.crt", "DicomTlsPrivateKey": "other.key"}
PAIR = {"DicomTlsCertificate": "one.crt", "DicomTlsPrivateKey": "one.key"}
OWN = {"SslEnabled": True, "SslCertificate": "own.pem"}
COGNITO = {"login": "cognito", "user_pool_arn": POOL}
INSIDE = {"api": "private", "api_vpc_endpoint_ids": ENDPOINT}
WRONG_CONFIGURATIONS = {
    "an AET of 17 characters": ({"DicomAet": "A" * 17}, "DicomAet: "),
    "a modality's AET of 17": ({"DicomModalities": {"ct": ["A" * 17, "h", 1]}}, "DicomModalities"),
    "a peer without scheme": ({"OrthancPeers": {"p": ["peer:8042/"]}}, "OrthancPeers.p"),
    "an unknown option": ({"DicomAte": "X"}, "DicomAte: there is no such option"),
    "no login on a public API": ({"AuthenticationEnabled": False}, "AuthenticationEnabled: false"),
    "no login though remote": (
        {"AuthenticationEnabled": False, "RemoteAccessAllowed": True},
        "AuthenticationEnabled: false",
    ),
    "a protection that is not there": ({"ReadOnly": True}, "ReadOnly: Nephele does not honour it"),
    "an access control that is not there": ({"Authorization": {"x": 1}}, "Authorization: "),
    "filters that are not there": ({"LuaScripts": ["filters.lua"]}, "LuaScripts: Nephele does not"),
    "addresses to listen on": ({"HttpBindAddresses": ["127.0.0.1"]}, "HttpBindAddresses: Nephele"),
    "a REST API that is not wanted": (
        {"HttpServerEnabled": False},
        "HttpServerEnabled: Nephele does not honour false, and the REST API would be there",
    ),
    "images that are not to be kept": ({"StoreDicom": False}, "StoreDicom: Nephele does not"),
    "the edge's HTTPS for nobody": (OWN, "SslEnabled: the edge's HTTPS is for others"),
    "the edge's HTTPS for nobody with a login": (
        OWN | {"AuthenticationEnabled": True},
        "SslEnabled: the edge's HTTPS is for others",
    ),
    "a certificate of another key": (TLS, "DicomTlsCertificate: "),
    "a key without a certificate": ({"DicomTlsPrivateKey": "one.key"}, "DicomTlsCertificate: "),
    "a certificate that is not there": (
        TLS | {"DicomTlsCertificate": "none.crt"},
        "DicomTlsCertificate: ",
    ),
    "a certificate of another machine": (
        {"SslEnabled": True, "SslCertificate": "/etc/orthanc/certificate.pem"},
        "SslCertificate: /etc/orthanc/certificate.pem: No such file or directory; put the file"
        " beside the configuration, from where `nephele secrets push` brings its contents to"
        " Secrets Manager",
    ),
    "HTTPS without a certificate": ({"SslEnabled": True}, "SslCertificate: "),
    "HTTPS without a key": (
        {"SslEnabled": True, "SslCertificate": "one.crt"},
        "SslCertificate: {folder}/one.crt has to hold a certificate and its key",
    ),
    "DICOM TLS without a certificate": (
        {"DicomTlsEnabled": True},
        "DicomTlsCertificate: DicomTlsEnabled needs",
    ),
    "DICOM TLS without a key": (
        {"DicomTlsEnabled": True, "DicomTlsCertificate": "one.crt"},
        "DicomTlsPrivateKey: DicomTlsEnabled needs",
    ),
    "DICOM TLS that trusts nobody": (
        PAIR | {"DicomTlsEnabled": True},
        "DicomTlsTrustedCertificates: nobody could connect",
    ),
    "trusted certificates that are not there": (
        PAIR | {"DicomTlsEnabled": True, "DicomTlsTrustedCertificates": "none.pem"},
        "DicomTlsTrustedCertificates: {folder}/none.pem: No such file or directory; put",
    ),
    "trusted certificates that are none": (
        {"HttpsCACertificates": "one.key"},
        "HttpsCACertificates: {folder}/one.key has no certificate",
    ),
    "a certificate that is none": (TLS | {"DicomTlsCertificate": "one.key"}, "DicomTlsCertificate"),
    "a peer's certificate of another key": (
        {
            "OrthancPeers": {
                "p": {
                    "Url": "https://p/",
                    "CertificateFile": "one.crt",
                    "CertificateKeyFile": "other.key",
                }
            }
        },
        "OrthancPeers.p.CertificateFile: ",
    ),
}
Configure = Callable[[str], dict[str, str]]


@pytest.fixture(scope="module")
def configure(tmp_path_factory: pytest.TempPathFactory) -> Configure:
    """Return what writes a configuration beside two certificates and their keys."""
    folder = tmp_path_factory.mktemp("configurations")
    for name in ("one", "other"):
        _write_certificate(folder, name)

    def write(text: str) -> dict[str, str]:
        path = folder / "orthanc.json"
        path.write_text(text)
        return {"config": str(path)}

    return write


def _write_certificate(folder: Path, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.datetime(2026, 1, 1))
        .not_valid_after(datetime.datetime(2036, 1, 1))
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{name}.key").write_bytes(pem)
    (folder / "own.pem").write_bytes(certificate.public_bytes(Encoding.PEM) + pem)


@pytest.mark.parametrize(
    ("options", "said"), WRONG_CONFIGURATIONS.values(), ids=WRONG_CONFIGURATIONS
)
def test_a_wrong_configuration_is_refused(
    configure: Configure, options: dict[str, Any], said: str
) -> None:
    given = configure(json.dumps(options))
    assert refusal(given).startswith(said.format(folder=Path(given["config"]).parent))


@pytest.mark.parametrize("more", [COGNITO, INSIDE], ids=["Cognito", "a private API"])
def test_the_edges_https_asks_for_a_login_whoever_guards_the_api(
    configure: Configure, more: dict[str, str]
) -> None:
    options = OWN | {"RemoteAccessAllowed": True, "AuthenticationEnabled": False}
    given = configure(json.dumps(options)) | more
    assert refusal(given).startswith("SslEnabled: AuthenticationEnabled is off")
    assert read(given | {"edge": "false"})


def test_what_is_dangerous_is_not_honoured() -> None:
    """An option that is honoured by now is no danger any more."""
    without_effect = NOT_YET | WITHOUT_MEANING | PLUGIN_SECTIONS
    assert without_effect >= DANGEROUS.keys() | DANGEROUS_WHEN_OFF.keys()


def test_two_modalities_of_one_name_are_refused(configure: Configure) -> None:
    text = '{"DicomModalities": {"ct": ["CT", "a", 104], "ct": ["CT2", "b", 104]}}'
    assert refusal(configure(text)) == "ct: the name stands twice in one object"


@pytest.mark.parametrize(
    ("options", "more"),
    [
        pytest.param({"AuthenticationEnabled": False}, {"local": "true"}, id="on this machine"),
        pytest.param(
            {"AuthenticationEnabled": False},
            INSIDE,
            id="behind endpoints",
        ),
        pytest.param({"ReadOnly": False}, {}, id="a protection that is not wanted"),
        pytest.param(
            {"HttpServerEnabled": True, "StoreDicom": True, "LuaScripts": []},
            {},
            id="what Orthanc's own file has",
        ),
        pytest.param(OWN | {"RemoteAccessAllowed": True}, COGNITO, id="HTTPS with a login"),
        pytest.param(OWN, {"local": "true"}, id="HTTPS on this machine"),
        pytest.param(
            PAIR | {"DicomTlsEnabled": True, "DicomTlsTrustedCertificates": "other.crt"},
            {},
            id="a certificate of its key",
        ),
        pytest.param(
            PAIR | {"DicomTlsEnabled": True, "DicomTlsRemoteCertificateRequired": False},
            {},
            id="DICOM TLS for everybody",
        ),
    ],
)
def test_what_is_harmless_is_taken(
    configure: Configure, options: dict[str, Any], more: dict[str, str]
) -> None:
    assert read(configure(json.dumps(options)) | more)


def test_defaults_need_no_option() -> None:
    options = read({})
    assert options.prefix == "Nephele"
    assert options.front.has_cloudfront
    assert options.edge is not None
    assert options.network.cidr == "10.0.0.0/16"
    assert options.keeping.backup_days == 35


def test_synthesis_ends_with_the_sentence_alone() -> None:
    command = [sys.executable, str(ROOT / "app.py"), "-c", "vpc_cidr=10.0.0.0/33"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("nephele: vpc_cidr: '10.0.0.0/33' is no range of addresses")
    assert len(result.stderr.splitlines()) == 1


def test_what_is_for_this_machine_is_never_deployed() -> None:
    """Logins may be off there, since nobody else reaches it."""
    command = [sys.executable, str(ROOT / "app.py"), "-c", "local=true"]
    environment = {**os.environ, "CDK_CLI_VERSION": "2.1148.1"}
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert result.returncode == 1
    assert (
        result.stderr == "nephele: local: such templates are for `nephele up`, and never deployed\n"
    )


def test_every_option_is_documented() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`(\w+)`", " ".join(rows)))
    assert named >= KNOWN
