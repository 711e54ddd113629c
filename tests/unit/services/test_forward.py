"""Rules of `AutoForward`: what goes on, where to, and how often."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from typing import Any

import pytest

from nephele.aws import clients
from nephele.aws.index import HEADER_LIMIT_BYTES, keys
from nephele.aws.queues import Queue
from nephele.domain.jobs import Job
from nephele.domain.provenance import Origin, Provenance
from nephele.services.archive import Archive
from nephele.services.forward import forward
from nephele.services.jobs.control import get_job, list_jobs
from nephele.services.retrieve import file_of
from nephele.services.store import store
from nephele.settings.configuration import parse_configuration
from tests.unit.conftest import dicom_file

_PACS = {"ToModality": "pacs"}
_PEER = {"ToPeer": "other"}
_RECEIVED = "20260101T000000.000000"


def open_with(archive: Archive, *rules: dict[str, Any]) -> Archive:
    """Return the archive with rules, a modality and a peer."""
    options = {
        "AutoForward": rules,
        "DicomModalities": {
            "pacs": ["PACS", "10.0.0.1", 104],
            "second": ["SECOND", "10.0.0.2", 104],
        },
        "OrthancPeers": {"other": ["https://192.0.2.7/"]},
    }
    for name in ("jobs", "edge_jobs"):
        url = clients.sqs().create_queue(QueueName=name)["QueueUrl"]
        archive.queues.setdefault(name, Queue(url))
    return replace(archive, configuration=parse_configuration(json.dumps(options)))


def receive(
    archive: Archive, aet: str = "CT_3", address: str = "10.0.0.9", **values: str | bytes
) -> None:
    file = dicom_file(**{"SOPInstanceUID": "1.2.3.4", "BodyPartExamined": "HEAD", **values})
    provenance = Provenance(
        Origin.DICOM_PROTOCOL, _RECEIVED, remote_aet=aet, called_aet="NEPHELE", remote_ip=address
    )
    store(archive, io.BytesIO(file), provenance)


def jobs_of(archive: Archive) -> list[Job]:
    """Follow all commits up, twice as a stream may bring them; return the jobs there are then."""
    for _ in range(2):
        forward(
            archive,
            [
                row
                for shard in range(keys.PENDING_SHARDS)
                for row in archive.index.table.iter_query(f"{keys.PENDING}{shard}")
            ],
        )
    return [get_job(archive, one) for one in list_jobs(archive)]


@pytest.mark.parametrize(
    ("condition", "goes_on"),
    [
        pytest.param({}, True, id="no condition"),
        pytest.param({"RemoteAET": "ct_*"}, True, id="who has sent it"),
        pytest.param({"RemoteAET": ["MR_*", "CT_?"]}, True, id="one of several"),
        pytest.param({"RemoteAET": "MR_*"}, False, id="somebody else has sent it"),
        pytest.param({"Modality": "CT"}, True, id="modality"),
        pytest.param({"Modality": "MR"}, False, id="another modality"),
        pytest.param({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, True, id="class"),
        pytest.param({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2.*"}, False, id="another class"),
        pytest.param({"Tags": {"BodyPartExamined": "he?d"}}, True, id="tag"),
        pytest.param({"Tags": {"0018,0015": "HEAD", "PatientID": "*"}}, True, id="tags"),
        pytest.param({"Tags": {"BodyPartExamined": "CHEST"}}, False, id="another value"),
        pytest.param({"Tags": {"BodyPartExamined": "*", "Modality": "MR"}}, False, id="one fails"),
        pytest.param({"Tags": {"StationName": "*nowhere*"}}, False, id="a value that is not there"),
        pytest.param({"Modality": "CT", "RemoteAET": "MR"}, False, id="all have to be met"),
    ],
)
def test_conditions(archive: Archive, condition: dict[str, Any], *, goes_on: bool) -> None:
    archive = open_with(archive, condition | _PACS)
    receive(archive)
    jobs = jobs_of(archive)
    assert len(jobs) == goes_on
    for job in jobs:
        assert (job.job_type, job.request["To"]) == ("AutoForward", "pacs")
        assert len(job.request["Instances"]) == 1


def test_what_is_gone_stops_nothing(archive: Archive) -> None:
    """The tag of a rule is looked for in the object, which was purged; others go on."""
    archive = open_with(archive, {"Tags": {"KVP": "*"}} | _PACS)
    for uid, header in (("1.2.3.4", os.urandom(2 * HEADER_LIMIT_BYTES)), ("1.2.3.5", b"short")):
        receive(archive, SOPInstanceUID=uid, SelectorOBValue=header)
    (gone, stays) = (
        one for uid in ("1.2.3.4", "1.2.3.5") for one in archive.index.lookup("0008,0018", uid)
    )
    instance = archive.index.resource(gone)
    assert instance is not None
    archive.bucket.delete(file_of(instance).key)
    assert [job.request["Instances"] for job in jobs_of(archive)] == [[stays]]


def test_each_destination_gets_it_once(archive: Archive) -> None:
    rules = ({"Modality": "CT"} | _PACS, _PACS, {"ToModality": "second"}, _PEER, _PEER)
    archive = open_with(archive, *rules)
    receive(archive)
    assert sorted((job.job_type, job.request["To"]) for job in jobs_of(archive)) == [
        ("AutoForward", "pacs"),
        ("AutoForward", "second"),
        ("AutoForwardToPeer", "other"),
    ]


@pytest.mark.parametrize(
    ("aet", "address", "destinations"),
    [
        pytest.param("pacs ", "10.0.0.9", ["other"], id="from the modality, in any case"),
        pytest.param("CT_3", "192.0.2.7", ["pacs"], id="from the peer's address"),
        pytest.param("PACS", "192.0.2.7", [], id="from both"),
    ],
)
def test_nothing_goes_back(
    archive: Archive, aet: str, address: str, destinations: list[str]
) -> None:
    archive = open_with(archive, _PACS, _PEER)
    receive(archive, aet, address)
    assert sorted(job.request["To"] for job in jobs_of(archive)) == sorted(destinations)


def test_what_is_stored_already_does_not_go_on_again(archive: Archive) -> None:
    archive = open_with(archive, _PACS)
    for _ in range(2):
        receive(archive)
    assert len(jobs_of(archive)) == 1


def test_it_is_transcoded_where_a_rule_says_so(archive: Archive) -> None:
    syntax = "1.2.840.10008.1.2.1"
    archive = open_with(archive, _PACS | {"Transcode": syntax})
    receive(archive)
    (job,) = jobs_of(archive)
    assert job.request["Transcode"] == syntax
