"""What both servers are asked about other archives, and to ask of one: the same for both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.differential.part10 import secondary_capture, text

ROOT = "1.2.826.0.1.3680043.2.1143.9"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|2\.25\.\d+")
_SINCE_1_12 = ("Details", "RetrieveMethod", "TargetAet")
_KEPT_OF_ERRORS = ("HttpStatus", "OrthancStatus", "Method")


@dataclass(frozen=True, slots=True)
class Step:
    """One request; `{q}` in its path is the last query that was answered."""

    reason: str
    method: str
    path: str
    body: Any = None

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


def files() -> list[bytes]:
    """Return what the other archive holds: two patients, three series."""
    made = []
    for study, series, patient, name, modality in (
        (1, 1, "CALL-1", "Doe^Jane", "CT"),
        (1, 2, "CALL-1", "Doe^Jane", "MR"),
        (2, 1, "CALL-2", "M\u00fcller^J\u00f6rg", "CT"),
    ):
        extra = {
            0x00080005: text("CS", "ISO_IR 100"),
            0x00080020: text("DA", f"2020010{study}"),
            0x00080050: text("SH", f"ACC{study}"),
            0x00080060: text("CS", modality),
            0x00081030: text("LO", f"Study {study}"),
            0x00100010: text("PN", name, "latin-1"),
        }
        uid = f"{ROOT}.{study}"
        series_uid = f"{uid}.{series}"
        made.append(secondary_capture(patient, uid, series_uid, f"{series_uid}.1", extra, []))
    return made


def steps(peer: list[object], sink_aet: str) -> Iterator[Step]:
    """Yield all requests, in order."""
    yield from _registering(peer)
    yield from _echoing(peer)
    yield from _calling()
    yield from _querying()
    yield from _retrieving(sink_aet)
    yield from _committing()


def _registering(peer: list[object]) -> Iterator[Step]:
    aet, host, port = peer
    yield Step("no modalities", "GET", "/modalities")
    yield Step("unknown modality", "GET", "/modalities/nope")
    yield Step("configuration of an unknown modality", "GET", "/modalities/nope/configuration")
    yield Step("deleting an unknown modality", "DELETE", "/modalities/nope")
    yield Step("short form", "PUT", "/modalities/a", ["CT1", "10.0.0.1", 104])
    yield Step("short form with a manufacturer", "PUT", "/modalities/b", ["B", "h", 1, "GE"])
    yield Step("port as text", "PUT", "/modalities/c", ["C", "h", "104"])
    long_form = {"AET": "D", "Host": "h", "Port": 11112, "AllowEcho": False, "Timeout": 7}
    yield Step("long form", "PUT", "/modalities/d", long_form)
    both = {"AET": "E", "Host": "h", "Port": 104, "AllowStorageCommitment": False}
    yield Step("both N-services at once", "PUT", "/modalities/e", both)
    old = ["F", "h", 104, "SyngoVia"]
    yield Step("obsolete manufacturer", "PUT", "/modalities/f", old)
    yield Step(
        "transcoding and an own title",
        "PUT",
        "/modalities/g",
        {
            "AET": "G",
            "Host": "h",
            "Port": 104,
            "AllowTranscoding": False,
            "LocalAet": "ME",
        },
    )
    for name in "abcdefg":
        yield Step(f"configuration of {name}", "GET", f"/modalities/{name}/configuration")
    yield Step("operations on a modality", "GET", "/modalities/a")
    yield Step("modalities by name", "GET", "/modalities")
    yield Step("not JSON", "PUT", "/modalities/h", b"nope")
    yield Step("too short", "PUT", "/modalities/h", ["H", "h"])
    yield Step("a port that is none", "PUT", "/modalities/h", ["H", "h", 0])
    yield Step("an unknown manufacturer", "PUT", "/modalities/h", ["H", "h", 104, "Nobody"])
    yield Step("a name that is none", "PUT", "/modalities/h.i", ["H", "h", 104])
    yield Step("replacing", "PUT", "/modalities/a", ["CT9", "10.0.0.9", 105])
    yield Step("what was replaced", "GET", "/modalities/a/configuration")
    for name in "abcdefg":
        yield Step(f"deleting {name}", "DELETE", f"/modalities/{name}")
    yield Step("modalities again", "GET", "/modalities")
    yield Step("the other archive", "PUT", "/modalities/peer", [aet, host, port])
    yield Step("a closed port", "PUT", "/modalities/closed", ["CLOSED", "127.0.0.1", 1])


def _echoing(peer: list[object]) -> Iterator[Step]:
    path = "/tools/dicom-echo"
    named = dict(zip(("AET", "Host", "Port"), peer, strict=True))
    options = {"Manufacturer": "Generic", "Timeout": 5, "UseDicomTls": False, "CheckFind": False}
    yield Step("echo of an archive that is not registered", "POST", path, named)
    yield Step("that and its options", "POST", path, {**named, **options})
    yield Step("echo and a query", "POST", path, {**named, "CheckFind": True})
    yield Step("echo of another closed port", "POST", path, {**named, "Port": 1})
    yield Step("echo without a port", "POST", path, {"AET": "X", "Host": "h"})
    yield Step("echo of nobody at all", "POST", path, {})
    yield Step("echo that is no object", "POST", path, b"nope")


def _calling() -> Iterator[Step]:
    for verb in ("echo", "query", "store", "move", "find-worklist", "find-patient"):
        body = {"Level": "Study", "Resources": [], "Query": {}}
        yield Step(f"{verb} of nobody", "POST", f"/modalities/nope/{verb}", body)
    yield Step("echo", "POST", "/modalities/peer/echo", {})
    yield Step("echo with a timeout", "POST", "/modalities/peer/echo", {"Timeout": 5})
    yield Step("echo of a closed port", "POST", "/modalities/closed/echo", {})
    yield Step("storing nothing", "POST", "/modalities/peer/store", [])
    yield Step("storing what is no id", "POST", "/modalities/peer/store", b"nope")
    unknown = "11111111-11111111-11111111-11111111-11111111"
    yield Step("storing what is unknown", "POST", "/modalities/peer/store", unknown)
    yield Step("storing without Resources", "POST", "/modalities/peer/store", {"Host": "x"})
    yield Step("straight what is no DICOM", "POST", "/modalities/peer/store-straight", b"nope")


def _querying() -> Iterator[Step]:
    path = "/modalities/peer/query"
    yield Step("no queries", "GET", "/queries")
    yield Step("an unknown query", "GET", "/queries/nope")
    yield Step("deleting an unknown query", "DELETE", "/queries/nope")
    yield Step("query without a level", "POST", path, {"Query": {}})
    yield Step("query of no level", "POST", path, {"Level": "Nope", "Query": {}})
    yield Step("query of no tag", "POST", path, {"Level": "Study", "Query": {"Nope": ""}})
    yield Step("query of a number", "POST", path, {"Level": "Study", "Query": {"PatientID": 5}})
    yield Step("query that is no object", "POST", path, ["Study"])
    closed = {"Level": "Study", "Query": {}}
    yield Step("query of a closed port", "POST", "/modalities/closed/query", closed)
    keys = {"PatientID": "CALL-*", "PatientName": "", "StudyDescription": ""}
    yield Step("query", "POST", path, {"Level": "Study", "Query": keys})
    yield Step("operations on a query", "GET", "/queries/{q}")
    yield Step("its level", "GET", "/queries/{q}/level")
    yield Step("its modality", "GET", "/queries/{q}/modality")
    for name in ("", "?short", "?simplify"):
        yield Step(f"its keys{name}", "GET", "/queries/{q}/query" + name)
    yield Step("its answers", "GET", "/queries/{q}/answers")
    for name in ("expand", "expand&short", "expand&simplify"):
        yield Step(f"its answers, {name}", "GET", f"/queries/{{q}}/answers?{name}")
    yield Step("an answer", "GET", "/queries/{q}/answers/0")
    yield Step("an answer that is not there", "GET", "/queries/{q}/answers/9")
    yield Step("an answer that is no number", "GET", "/queries/{q}/answers/x/content")
    yield Step("above an answer", "POST", "/queries/{q}/answers/0/query-studies", {})
    for level in ("Patient", "Study", "Series", "Instance"):
        one = {"Level": level, "Query": {"PatientID": "CALL-2"}, "Normalize": False}
        yield Step(f"query of {level}", "POST", path, one)
        yield Step(f"answers of {level}", "GET", "/queries/{q}/answers?expand&simplify")
        yield Step(f"an answer of {level}", "GET", "/queries/{q}/answers/0")
    one = {"Level": "Study", "Query": {"StudyInstanceUID": f"{ROOT}.1", "Modality": "CT"}}
    yield Step("query whose keys are of other levels", "POST", path, one)
    yield Step(
        "its children",
        "POST",
        "/queries/{q}/answers/0/query-series",
        {
            "Query": {"Modality": ""},
        },
    )
    yield Step("the children's keys", "GET", "/queries/{q}/query?short")
    yield Step("the children's answers", "GET", "/queries/{q}/answers?expand&simplify")
    bad = {"Level": "Study", "Query": {"StudyDate": "2020*"}}
    yield Step("query the other side cannot do", "POST", path, bad)
    for level, keys in (
        ("patient", {"PatientID": "CALL-2"}),
        ("study", {"PatientID": "CALL-2"}),
        ("study", {"PatientID": "C"}),
        ("series", {"PatientID": "CALL-2"}),
    ):
        reason = f"old find of {level} by {json.dumps(keys)}"
        yield Step(reason, "POST", f"/modalities/peer/find-{level}", keys)


def _retrieving(sink_aet: str) -> Iterator[Step]:
    named = {"Level": "Study", "Query": {"StudyInstanceUID": f"{ROOT}.1"}}
    yield Step("query for retrieval", "POST", "/modalities/peer/query", named)
    yield Step("retrieval", "POST", "/queries/{q}/retrieve", sink_aet.encode())
    yield Step(
        "retrieval of an answer",
        "POST",
        "/queries/{q}/answers/0/retrieve",
        {
            "TargetAet": sink_aet,
        },
    )
    yield Step("retrieval to nobody", "POST", "/queries/{q}/retrieve", b"NOBODY")
    yield Step("retrieval of no answer", "POST", "/queries/{q}/answers/7/retrieve", b"X")
    path = "/modalities/peer/move"
    one = {"StudyInstanceUID": f"{ROOT}.2"}
    move = {"Level": "Study", "Resources": [one], "TargetAet": sink_aet}
    yield Step("move", "POST", path, move)
    yield Step("move without a level", "POST", path, {"Resources": [one]})
    yield Step("move without resources", "POST", path, {"Level": "Study"})
    nothing = {"Level": "Study", "Resources": [{"PatientID": "CALL-2"}], "TargetAet": sink_aet}
    yield Step("move without the unique key", "POST", path, nothing)
    yield Step("deleting the query", "DELETE", "/queries/{q}")
    yield Step("the deleted query", "GET", "/queries/{q}")


def _committing() -> Iterator[Step]:
    yield Step("commitment to nothing said", "POST", "/modalities/peer/storage-commitment", {})
    yield Step("an unknown report", "GET", "/storage-commitment/nope")
    yield Step("removing by an unknown report", "POST", "/storage-commitment/nope/remove", {})


def play(client: httpx.Client, asked: list[Step]) -> dict[str, Any]:
    """Ask a server everything; return what it answered by reason, made comparable."""
    answers: dict[str, Any] = {}
    query = "nope"
    for step in asked:
        path = step.path.replace("{q}", query)
        answer = client.request(step.method, path, content=step.content)
        if answer.is_success and path.endswith(("/query", "query-series")):
            query = answer.json()["ID"] if step.method == "POST" else query
        answers[step.reason] = (answer.status_code, _comparable(answer))
    return answers


def _comparable(answer: httpx.Response) -> Any:
    try:
        value = answer.json()
    except ValueError:
        return _UUID.sub("<id>", answer.text)
    if isinstance(value, dict) and "OrthancStatus" in value:
        return {name: value[name] for name in _KEPT_OF_ERRORS if name in value}
    if isinstance(value, dict):
        value = {name: member for name, member in value.items() if name not in _SINCE_1_12}
    return json.loads(_UUID.sub("<id>", json.dumps(value)))
