"""Forms of peers, in the configuration and over REST, and what is shown of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nephele.aws import clients
from nephele.errors import ConfigurationError
from nephele.rest.app import create_app
from nephele.services.archive import Archive
from nephele.services.peers.known import require_peer
from nephele.services.peers.secrets import encode_peer_secrets
from nephele.settings.configuration import parse_configuration
from tests.unit.rest.conftest import Client

LONG = {
    "Url": "https://pacs.example/orthanc",
    "Username": "alice",
    "Password": "secret",
    "HttpHeaders": {"X-Token": "hush"},
    "Timeout": 5,
    "Room": "B7",
    "Floor": 3,
    "Old": False,
}
CONFIGURED = {"short": ["http://a"], "login": ["http://b/", "bob", "pass"], "long": LONG}


@pytest.fixture
def client(archive: Archive) -> Client:
    configuration = parse_configuration(json.dumps({"OrthancPeers": CONFIGURED}))
    return Client(create_app(lambda: replace(archive, configuration=configuration)))


PLAIN = {"HttpHeaders": [], "Pkcs11": False, "Timeout": 0}


def test_configurations(client: Client) -> None:
    assert client.get("/peers").json() == ["login", "long", "short"]
    assert client.get("/peers?expand").json() == {
        "short": {"Url": "http://a/", **PLAIN},
        "login": {"Url": "http://b/", "Username": "bob", "Password": None, **PLAIN},
        "long": {
            "Url": "https://pacs.example/orthanc/",
            "Username": "alice",
            "Password": None,
            "HttpHeaders": ["X-Token"],
            "Pkcs11": False,
            "Timeout": 5,
            "Room": "B7",
            "Floor": "3",
            "Old": "false",
        },
    }
    operations = ["configuration", "store", "store-straight", "system"]
    assert client.get("/peers/short").json() == operations
    assert client.get("/peers/short/configuration").json() == {"Url": "http://a/", **PLAIN}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/peers/none", 404, None),
        ("/peers/none/configuration", 404, 17),
        ("/peers/none/system", 404, 17),
    ],
)
def test_unknown_peers(client: Client, path: str, status: int, code: int | None) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert (answer.json()["OrthancStatus"] if answer.content else None) == code


def test_changes_over_rest_win(client: Client) -> None:
    put = client.request("PUT", "/peers/short", json={"URL": "http://new", "Timeout": 7})
    assert (put.status_code, put.content) == (200, b"")
    shown = client.get("/peers/short/configuration").json()
    assert shown == {**PLAIN, "Url": "http://new/", "Timeout": 7}
    assert client.delete("/peers/short").status_code == 200
    assert client.get("/peers").json() == ["login", "long"]
    gone = client.delete("/peers/short")
    assert (gone.status_code, gone.json()["OrthancStatus"]) == (404, 7)


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("new", b'["http://x/","user"]', 400),
        ("new", b'["ftp://x/"]', 400),
        ("new", b'[""]', 400),
        ("new", b"[]", 400),
        ("new", b"{}", 400),
        ("new", b'"http://x/"', 400),
        ("new", b'{"Url":"http://x","Timeout":"3"}', 400),
        ("new", b'{"Url":"http://x","List":[1]}', 400),
        ("new", b'{"Url":"http:///path"}', 400),
        ("new", b'["http://user:secret@x/"]', 400),
        ("new", b'{"URL":"http://user@x/"}', 400),
        ("b@d", b'["http://x/"]', 400),
        ("new", b"junk", 404),
    ],
)
def test_what_is_no_peer(client: Client, name: str, body: bytes, status: int) -> None:
    answer = client.request("PUT", f"/peers/{name}", content=body)
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["OrthancStatus"] == 15
    else:
        assert answer.content == b""


@pytest.mark.parametrize(
    "value",
    [["http://x", "user"], {"Username": "u"}, ["gopher://x"], {"Url": "http://x", "P": [1]}],
)
def test_the_configuration_is_checked(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="OrthancPeers"):
        parse_configuration(json.dumps({"OrthancPeers": {"p": value}}))


@pytest.mark.parametrize("url", ["http://user:secret@x/", "https://user@x/", "http://:secret@x"])
def test_a_url_has_no_secrets(url: str) -> None:
    with pytest.raises(ConfigurationError, match="Username and Password") as refused:
        parse_configuration(json.dumps({"OrthancPeers": {"p": [url]}}))
    assert "secret" not in str(refused.value)


def test_ranges_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="PeersAllowedAddresses"):
        parse_configuration('{"PeersAllowedAddresses": ["home"]}')


def test_no_secret_travels_in_a_template() -> None:
    options = {"OrthancPeers": CONFIGURED, "HttpProxy": "http://me:hidden@proxy:3128"}
    public = parse_configuration(json.dumps(options)).public_json()
    for secret in ("secret", "hush", "pass", "hidden"):
        assert secret not in public
    again = parse_configuration(public)
    assert again.orthanc_peers["long"].properties == {"Room": "B7", "Floor": "3", "Old": "false"}
    assert again.http_proxy == "proxy:3128"


def test_secrets_come_from_their_own_place(archive: Archive, tmp_path: Path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / f"{name}.pem").write_text(f"-----BEGIN {name}")
    files = {"CertificateFile": "cert.pem", "CertificateKeyFile": "key.pem"}
    options = {
        "OrthancPeers": {**CONFIGURED, "tls": {"Url": "https://x", **files}},
        "HttpsCACertificates": "ca.pem",
    }
    whole = parse_configuration(json.dumps(options))
    text = encode_peer_secrets(whole, tmp_path)
    arn = clients.secrets_manager().create_secret(Name="peers", SecretString=text)["ARN"]
    deployed = replace(
        archive, configuration=parse_configuration(whole.public_json()), peers_secret=arn
    )
    assert require_peer(deployed, "long") == whole.orthanc_peers["long"]
    assert require_peer(deployed, "login").password == "pass"  # noqa: S105
    tls = require_peer(deployed, "tls")
    assert (tls.certificate_file, tls.certificate_key_file) == (
        "-----BEGIN cert",
        "-----BEGIN key",
    )
    with pytest.raises(ConfigurationError, match=r"CertificateFile.*cert\.pem"):
        encode_peer_secrets(whole, tmp_path / "elsewhere")
