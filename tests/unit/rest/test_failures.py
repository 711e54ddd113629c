"""What happens when something fails, and messages that could not be processed."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from uuid import uuid4

import pytest

from nephele.aws import clients
from nephele.aws.queues import Queue
from nephele.rest.app import create_app
from nephele.services.archive import Archive
from nephele.services.dead_letters import keep
from tests.unit.rest.conftest import BUCKET, Client, read_sample


def test_an_unexpected_exception_is_a_500() -> None:
    def fail() -> Archive:
        raise RuntimeError("not for clients")

    response = Client(create_app(fail)).get("/system")
    assert response.status_code == 500
    assert response.json()["OrthancStatus"] == -1
    assert "not for clients" not in response.text


def test_bucket_failing_stores_nothing(archive: Archive) -> None:
    broken = replace(archive, bucket=replace(archive.bucket, name="no-such-bucket"))
    response = Client(create_app(lambda: broken)).post("/instances", content=read_sample())
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["OrthancStatus"] == 36
    assert Client(create_app(lambda: archive)).get("/instances").json() == []


def test_refusals_are_logged_without_patient_data(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("nephele").setLevel(logging.INFO)
    client.get("/patients?since=SECRET&limit=1")
    client.post("/tools/lookup", content=b"SECRET")
    client.get("/studies/SECRET/series")
    assert "SECRET" not in capsys.readouterr().out


@pytest.fixture
def index_queue() -> str:
    """Return the URL of a new queue."""
    return clients.sqs().create_queue(QueueName=str(uuid4()))["QueueUrl"]


@pytest.fixture
def letters(archive: Archive, index_queue: str) -> Client:
    """Return a client of an archive with one dead letter, about an object that is there."""
    key = "dicom/f6/f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af/0"
    clients.s3().put_object(Bucket=BUCKET, Key=key, Body=b"damaged")
    opened = replace(archive, queues={"index": Queue(index_queue)})
    record = {"s3": {"bucket": {"name": BUCKET}, "object": {"key": key}}}
    keep(opened, "letter-1", json.dumps({"Records": [record]}))
    return Client(create_app(lambda: opened))


def test_dead_letters_are_listed(letters: Client) -> None:
    (letter,) = letters.get("/dead-letters").json()
    assert (letter["ID"], letter["Queue"], letter["HasFile"]) == ("index-0", "index", True)
    assert letter["Reason"]
    one = letters.get(letter["Path"]).json()
    assert one == letter | {"Body": one["Body"]}
    assert "Records" in json.loads(one["Body"])
    assert letters.get(f"{letter['Path']}/file").content == b"damaged"


def test_a_dead_letter_is_tried_again(letters: Client, index_queue: str) -> None:
    assert letters.post("/dead-letters/index-0/retry").json() == {}
    assert letters.get("/dead-letters").json() == []
    (message,) = clients.sqs().receive_message(QueueUrl=index_queue)["Messages"]
    assert "Records" in json.loads(message["Body"])


@pytest.mark.parametrize("path", ["", "/file", "/retry"])
def test_a_dead_letter_that_is_not_there(letters: Client, path: str) -> None:
    verb = "POST" if path == "/retry" else "GET"
    response = letters.request(verb, f"/dead-letters/nonsense{path}")
    assert response.json()["OrthancStatus"] == 17
