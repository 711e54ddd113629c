"""Every type of job looks as Orthanc's, field by field, but for what is listed here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import Any

import httpx
import pytest

from tests.differential.server import PASSWORD, USER, Server, open_client
from tests.unit.conftest import dicom_file

_VARYING = {
    *("ID", "CreationTime", "CompletionTime", "Timestamp", "EffectiveRuntime"),
    *("Content.TransactionUid", "Content.Peer"),  # made up for each, and with a port of its own
}
_UIDS = [f"1.2.826.0.1.3680043.10.{number}" for number in (1, 2)]
_IMPLICIT = "1.2.840.10008.1.2"
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.1
_GONE = "<absent>"


@dataclass(frozen=True)
class Side:
    """One of the servers, to which the other one is `other`, modality and peer alike."""

    client: httpx.Client
    other: httpx.Client
    instances: list[str]
    patient: str
    study: str
    series: str
    study_instance_uid: str
    other_aet: str

    def post(self, path: str, body: object) -> str:
        """Submit a job and return its id."""
        return str(self.client.post(path, json=body).raise_for_status().json()["ID"])

    def job(self, identifier: str) -> dict[str, Any]:
        """Wait for the end of a job and return what is shown of it."""
        end = monotonic() + _PATIENCE_SECONDS
        while monotonic() < end:
            shown: dict[str, Any] = self.client.get(f"/jobs/{identifier}").json()
            if shown["State"] in ("Success", "Failure"):
                return shown
            Event().wait(_POLL_SECONDS)
        pytest.fail(f"it does not end: {shown}")


@pytest.fixture(scope="module")
def sides(orthanc: Server, nephele: Server) -> Iterator[list[Side]]:
    with open_client(orthanc) as theirs, open_client(nephele) as ours:
        yield [_side(theirs, ours, nephele), _side(ours, theirs, orthanc)]


def _side(client: httpx.Client, other: httpx.Client, server: Server) -> Side:
    modality = [server.aet, "127.0.0.1", server.dicom_port]
    client.put("/modalities/other", json=modality).raise_for_status()
    client.put("/modalities/closed", json=["CLOSED", "127.0.0.1", 1]).raise_for_status()
    client.put("/peers/other", json=[server.http, USER, PASSWORD]).raise_for_status()
    client.put("/peers/dead", json=["http://127.0.0.1:1/"]).raise_for_status()
    files = [dicom_file(SOPInstanceUID=uid, StudyInstanceUID=_UIDS[0]) for uid in _UIDS]
    stored = [client.post("/instances", content=one).raise_for_status().json() for one in files]
    ids = [one["ID"] for one in stored]
    parents = [stored[0][f"Parent{level}"] for level in ("Patient", "Study", "Series")]
    return Side(client, other, ids, *parents, _UIDS[0], server.aet)


def _moved(side: Side, target: str) -> str:
    asked = {"Level": "Study", "Query": {"StudyInstanceUID": side.study_instance_uid}}
    query = side.post("/modalities/other/query", asked)
    return side.post(
        f"/queries/{query}/retrieve", {"TargetAet": target, "Synchronous": False, "Full": True}
    )


def _got(side: Side) -> str:
    asked = {
        "Level": "Study",
        "Resources": [{"StudyInstanceUID": side.study_instance_uid}],
        "Asynchronous": True,
    }
    return side.post("/modalities/other/get", asked)


def committed(side: Side) -> str:
    """Let the other server ask for a commitment; return the job that sees to it here."""
    before = {one["ID"] for one in side.client.get("/jobs?expand").json()}
    asked = {"Resources": side.instances}
    side.other.post("/modalities/other/storage-commitment", json=asked).raise_for_status()
    end = monotonic() + _PATIENCE_SECONDS
    while monotonic() < end:
        for one in side.client.get("/jobs?expand").json():
            if one["ID"] not in before and one["Type"] == "StorageCommitmentScp":
                return str(one["ID"])
        Event().wait(_POLL_SECONDS)
    pytest.fail("there is no such job")


def _resources(side: Side, **more: object) -> dict[str, object]:
    return {"Resources": side.instances, "Asynchronous": True, **more}


_Submit = Callable[[Side], str]
JOBS: dict[str, _Submit] = {
    "Archive": lambda side: side.post(
        f"/studies/{side.study}/archive", {"Asynchronous": True, "Priority": 2}
    ),
    "Archive of several": lambda side: side.post("/tools/create-archive", _resources(side)),
    "Archive of a patient": lambda side: side.post(
        f"/patients/{side.patient}/archive", {"Asynchronous": True, "Transcode": _IMPLICIT}
    ),
    "Archive of a series": lambda side: side.post(
        f"/series/{side.series}/archive", {"Asynchronous": True}
    ),
    "Media of a patient": lambda side: side.post(
        f"/patients/{side.patient}/media", {"Asynchronous": True}
    ),
    "Media of a series": lambda side: side.post(
        f"/series/{side.series}/media", {"Asynchronous": True}
    ),
    "Media of several": lambda side: side.post("/tools/create-media", _resources(side)),
    "Media": lambda side: side.post(f"/studies/{side.study}/media", {"Asynchronous": True}),
    "Media, extended": lambda side: side.post("/tools/create-media-extended", _resources(side)),
    "DicomModalityStore": lambda side: side.post(
        "/modalities/other/store", _resources(side, UserData={"a": [1]}, Permissive=True)
    ),
    "DicomModalityStore to nobody": lambda side: side.post(
        "/modalities/closed/store", _resources(side)
    ),
    "OrthancPeerStore": lambda side: side.post("/peers/other/store", _resources(side, Priority=-1)),
    "OrthancPeerStore to nobody": lambda side: side.post("/peers/dead/store", _resources(side)),
    "DicomMoveScu": lambda side: _moved(side, side.other_aet),
    "DicomMoveScu to nobody": lambda side: _moved(side, "NOBODY"),
    "StorageCommitmentScp": committed,
}
_SIZE = {
    "Content.ArchiveSize": "each compresses in its own way",
    "Content.Utf8": "with Orthanc 1.12",
}
_WORDS = {"ErrorDetails": "each says it in its own words"}
_NEWER = {"Content.Resources": "with Orthanc 1.12"}
INTENDED: dict[str, dict[str, str]] = {
    "Archive": _SIZE,
    "Archive of several": _SIZE,
    "Archive of a patient": _SIZE,
    "Archive of a series": _SIZE,
    "Media": _SIZE,
    "Media of a patient": _SIZE,
    "Media of a series": _SIZE,
    "Media of several": _SIZE,
    "Media, extended": _SIZE,
    "DicomModalityStore": {**_NEWER, "UserData": "with Orthanc 1.11"},
    "DicomModalityStore to nobody": {**_NEWER, **_WORDS},
    "OrthancPeerStore": _NEWER,
    "OrthancPeerStore to nobody": {
        **_NEWER,
        **_WORDS,
        "Content.Size": "Orthanc counts what was not sent",
    },
    "DicomMoveScu": {"Content.TargetAet": "with Orthanc 1.12", "Content.Details": "likewise"},
    "DicomMoveScu to nobody": {
        **_WORDS,
        "Content.TargetAet": "with Orthanc 1.12",
        "Content.Details": "likewise",
        "ErrorPayload": "likewise",
    },
    "StorageCommitmentScp": {"Content.RemoteIp": "another task of the edge may have to answer"},
}
"""Fields of a job that differ, and why."""


@pytest.mark.parametrize("name", JOBS)
def test_fields_of_a_job(sides: list[Side], name: str) -> None:
    theirs, ours = ({**_flat(side.job(JOBS[name](side)))} for side in sides)
    differing = {
        path: (theirs.get(path, _GONE), ours.get(path, _GONE))
        for path in theirs.keys() | ours.keys()
        if theirs.get(path, _GONE) != ours.get(path, _GONE)
    }
    assert differing.keys() == INTENDED.get(name, {}).keys(), differing


def test_fields_of_a_retrieval_by_c_get(sides: list[Side]) -> None:
    """Orthanc has C-GET from 1.12.6 on: a job like that of a C-MOVE, without a target."""
    _, ours = sides
    moved, got = (_flat(ours.job(submit(ours))) for submit in (_by_identifier, _got))
    assert (moved.pop("Type"), got.pop("Type")) == ("DicomMoveScu", "DicomGetScu")
    assert moved.pop("Content.TargetAet") == ours.other_aet
    for job in (moved, got):
        (detail,) = job.pop("Content.Details")
        assert detail.keys() == {"DimseErrorStatus", "Query", "ReceivedInstancesIds"}
        assert detail["DimseErrorStatus"] == 0
    assert got == moved


def _by_identifier(side: Side) -> str:
    asked = {
        "Level": "Study",
        "Resources": [{"StudyInstanceUID": side.study_instance_uid}],
        "TargetAet": side.other_aet,
        "Asynchronous": True,
    }
    return side.post("/modalities/other/move", asked)


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Return the members of a job and of its content by their paths."""
    if path not in ("", "Content"):
        return {path: value}
    found: dict[str, Any] = {}
    for name, member in value.items():
        inner = f"{path}.{name}" if path else name
        if inner not in _VARYING:
            found |= _flat(member, inner)
    return found
