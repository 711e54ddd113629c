"""One id from reception to index, in the headers of the PUTs."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest

from nephele.aws import clients, clock
from nephele.aws.keys import FINAL, RAW
from nephele.aws.tracing import HEADER, is_traced, trace_headers, trace_of
from nephele.services.archive import Archive

TRACED = "0f8fad5b-d9cb-469f-a165-708677289502"
OTHER = TRACED[:-2] + "03"
ID = "ab" + "0" * 42


def test_one_reception_in_a_hundred_is_traced() -> None:
    traced = [number for number in range(256) if is_traced(f"{TRACED[:-2]}{number:02x}")]
    assert traced == [0, 1, 2]


@pytest.mark.parametrize(
    ("key", "is_sent"),
    [
        pytest.param(f"{FINAL}/ab/{ID}/{TRACED}", True, id="traced"),
        pytest.param(f"{FINAL}/ab/{ID}/{OTHER}", False, id="not traced"),
        pytest.param(f"derived/ab/{ID}/{TRACED}", False, id="no reception"),
    ],
)
def test_the_header_of_a_put(key: str, *, is_sent: bool) -> None:
    header = trace_headers(key, {}).get(HEADER, "")
    pattern = rf"Root=1-[0-9a-f]{{8}}-{trace_of(TRACED)};Sampled=1"
    assert bool(re.fullmatch(pattern, header)) == is_sent
    assert bool(header) == is_sent


def test_what_is_received_and_what_is_made_of_it_have_one_trace() -> None:
    metadata = {"received": "20261121T161500.250000"}
    headers = [
        trace_headers(f"{area}/{orthanc_id[:2]}/{orthanc_id}/{TRACED}", metadata)
        for area, orthanc_id in ((RAW, ID), (FINAL, "cd" + ID[2:]))
    ]
    assert headers[0] == headers[1] == {HEADER: f"Root=1-6b01c384-{trace_of(TRACED)};Sampled=1"}


@pytest.mark.parametrize(
    "received",
    [
        pytest.param("20261121T161500", id="without fraction"),
        pytest.param("20261321T161500.250000", id="no month"),
        pytest.param("a%20while%20ago", id="no time"),
        pytest.param("", id="empty"),
    ],
)
def test_a_reception_at_no_time_is_traced_from_now(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, received: str
) -> None:
    monkeypatch.setattr(clock, "epoch_seconds", lambda: 0x6B01C384)
    key, metadata, body = f"{FINAL}/ab/{ID}/{TRACED}", {"received": received}, b"bytes"
    header = trace_headers(key, metadata)
    assert header == {HEADER: f"Root=1-6b01c384-{trace_of(TRACED)};Sampled=1"}
    archive.bucket.put(key, body, metadata, hashlib.md5(body, usedforsecurity=False).digest())
    assert archive.bucket.read(key) == body


def test_the_header_is_sent_with_the_object(archive: Archive) -> None:
    sent: list[dict[str, Any]] = []

    def remember(request: Any, **_named: Any) -> None:
        sent.append(dict(request.headers))

    clients.s3().meta.events.register_first("before-send.s3", remember)
    body = b"bytes"
    for uuid in (TRACED, TRACED, OTHER):  # the first teaches where the bucket is
        key = f"{FINAL}/ab/{ID}/{uuid}"
        archive.bucket.put(key, body, {}, hashlib.md5(body, usedforsecurity=False).digest())
    found = [str(headers.get(HEADER, "")) for headers in sent]
    assert trace_of(TRACED) in found[-2]
    assert not found[-1]
