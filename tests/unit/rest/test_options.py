"""Options that are changed over REST, and what works under them."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from pydicom import dcmread

from nephele.aws.index.overrides import put_override
from nephele.domain.transfer_syntax import TRANSFER_SYNTAXES
from nephele.errors import Unavailable
from nephele.logs import Category, Verbosity, logger, set_verbosity, write_as
from nephele.services import overrides
from nephele.services.archive import Archive
from tests.unit.rest.conftest import Client, Connect, open_test_archive, read_sample

ALL = [syntax.uid for syntax in TRANSFER_SYNTAXES]


def put(client: Client, path: str, body: bytes | str) -> tuple[int, str]:
    response = client.request("PUT", path, content=body)
    return response.status_code, response.text


def text(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain"
    return response.text


def test_default_encoding(client: Client) -> None:
    path = "/tools/default-encoding"
    assert text(client, path) == "Latin1"
    assert put(client, path, "latin2") == (200, "Latin2")
    assert text(client, path) == "Latin2"
    for wrong in ("Nope", "", " Latin1 "):
        response = client.request("PUT", path, content=wrong)
        assert (response.status_code, response.json()["OrthancStatus"]) == (400, 3)
    assert text(client, path) == "Latin2"


def _without_character_set(name: bytes) -> bytes:
    dataset = dcmread(io.BytesIO(read_sample()))
    del dataset.SpecificCharacterSet
    dataset.PatientName = "X" * len(name)
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue().replace(b"X" * len(name), name)


def test_default_encoding_decides_at_once(client: Client, connect: Connect) -> None:
    encoded = _without_character_set("Dvořák".encode("iso8859-2"))
    identifier = client.post("/instances", content=encoded).json()["ID"]
    path = f"/instances/{identifier}/simplified-tags"
    other = connect(Name="another process")
    assert other.get(path).json()["PatientName"] == "Dvoøák"
    put(client, "/tools/default-encoding", "Latin2")
    assert other.get(path).json()["PatientName"] == "Dvořák"
    patient = other.get(f"/instances/{identifier}/patient").json()
    assert patient["MainDicomTags"]["PatientName"] == "Dvoøák", "main tags stay as they were"


def test_tags_with_a_character_set_ask_for_no_option(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = client.post("/instances", content=read_sample()).json()["ID"]

    def refuse(_: Archive) -> None:
        raise AssertionError("options were read")

    monkeypatch.setattr("nephele.services.retrieve.in_force", refuse)
    assert client.get(f"/instances/{identifier}/tags").status_code == 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param('["1.2.840.10008.1.2.1"]', ["1.2.840.10008.1.2.1"], id="array"),
        pytest.param('"1.2.840.10008.1.2.5"', ["1.2.840.10008.1.2.5"], id="JSON string"),
        pytest.param("1.2.840.10008.1.2.5", ["1.2.840.10008.1.2.5"], id="plain text"),
        pytest.param("1.2", [], id="a number to JSON"),
        pytest.param(
            '["1.2.840.10008.1.2", "*.1.2.4.9[01]", "1.2.840.10008.1.2.4.8?"]',
            ["1.2.840.10008.1.2", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"],
            id="wildcards",
        ),
        pytest.param('["nothing"]', [], id="nothing"),
        pytest.param("[]", [], id="empty array"),
        pytest.param("*", ALL, id="everything"),
    ],
)
def test_accepted_transfer_syntaxes(connect: Connect, body: str, expected: list[str]) -> None:
    client = connect(RleTransferSyntaxAccepted=False)
    path = "/tools/accepted-transfer-syntaxes"
    assert "1.2.840.10008.1.2.5" not in client.get(path).json()
    response = client.request("PUT", path, content=body)
    assert response.json() == expected
    assert client.get(path).json() == expected


@pytest.mark.parametrize("body", ["", "{}", "[1]", "null", "true", '["a", null]'])
def test_transfer_syntaxes_that_are_none(client: Client, body: str) -> None:
    response = client.request("PUT", "/tools/accepted-transfer-syntaxes", content=body)
    assert (response.status_code, response.json()["OrthancStatus"]) == (400, 15)
    assert client.get("/tools/accepted-transfer-syntaxes").json() == ALL


@pytest.mark.parametrize(
    ("path", "initially"),
    [("/tools/unknown-sop-class-accepted", "0"), ("/tools/metrics", "1")],
)
def test_flags(client: Client, path: str, initially: str) -> None:
    assert text(client, path) == initially
    for body, shown in (("1", "1"), (" false\n", "0"), ("true", "1"), ("0", "0")):
        assert put(client, path, body) == (200, "")
        assert text(client, path) == shown
    for wrong in ("", "True", "yes", "2"):
        response = client.request("PUT", path, content=wrong)
        assert (response.status_code, response.json()["OrthancStatus"]) == (400, 15)
    assert client.post(path).headers["allow"] == "GET,PUT"


def test_configured_flags(connect: Connect) -> None:
    client = connect(UnknownSopClassAccepted=True, MetricsEnabled=False)
    assert text(client, "/tools/unknown-sop-class-accepted") == "1"
    assert text(client, "/tools/metrics") == "0"
    response = client.get("/tools/metrics-prometheus")
    assert (response.status_code, response.text) == (200, "")


@pytest.fixture
def own_level() -> Iterator[int]:
    """Give the logger its level back."""
    level = logger.log_level
    yield level
    write_as(Category.GENERIC)
    set_verbosity(dict.fromkeys(Category, Verbosity.DEFAULT))
    assert logger.log_level == level


def test_log_levels(client: Client, own_level: int) -> None:
    write_as(Category.GENERIC)
    assert text(client, "/tools/log-level") == "default"
    assert put(client, "/tools/log-level-http", "trace") == (200, "")
    assert text(client, "/tools/log-level") == "trace", "the most verbose category counts"
    assert text(client, "/tools/log-level-dicom") == "default"
    assert logger.log_level == own_level
    assert put(client, "/tools/log-level", "verbose") == (200, "")
    assert {text(client, f"/tools/log-level-{one}") for one in Category} == {"verbose"}
    for wrong in ("Default", "", "debug"):
        response = client.request("PUT", "/tools/log-level", content=wrong)
        assert (response.status_code, response.json()["OrthancStatus"]) == (400, 3)


def test_log_level_of_this_process(client: Client, own_level: int) -> None:
    write_as(Category.HTTP)
    put(client, "/tools/log-level-dicom", "trace")
    assert logger.log_level == own_level
    put(client, "/tools/log-level-http", "trace")
    assert logger.log_level == logging.DEBUG
    put(client, "/tools/log-level", "default")
    assert logger.log_level == own_level


def test_other_processes_follow(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("nephele.services.overrides.time.monotonic", lambda: now)
    assert overrides.followed(archive).default_encoding == "Latin1"
    overrides.set_default_encoding(open_test_archive(), "utf8")
    assert overrides.followed(archive).default_encoding == "Latin1"
    now += overrides.FOLLOWED_SECONDS
    assert overrides.followed(archive).default_encoding == "Utf8"


def test_what_is_known_counts_while_the_table_is_away(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides.set_default_encoding(archive, "Greek")
    reads = 0

    def fail(_: object) -> None:
        nonlocal reads
        reads += 1
        raise Unavailable("index: away")

    monkeypatch.setattr(overrides, "read_overrides", fail)
    archive.followed.asked_at = -1e9
    for _ in range(3):
        assert overrides.followed(archive).default_encoding == "Greek"
    assert reads == 1, "a table that is away is left alone for a while"
    assert overrides.followed(open_test_archive()).default_encoding == "Latin1"


def test_options_nobody_knows_have_no_effect(archive: Archive) -> None:
    put_override(archive.index.table, "OptionOfALaterVersion", 1)
    assert overrides.in_force(archive) == archive.configuration


def test_accepted_sop_classes(connect: Connect) -> None:
    client = connect(AcceptedSopClasses=["1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.2"])
    assert client.get("/tools/accepted-sop-classes").json() == [
        "1.2.840.10008.5.1.4.1.1.2",
        "1.2.840.10008.5.1.4.1.1.4",
    ]
