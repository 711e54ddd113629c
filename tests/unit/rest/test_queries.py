"""`/queries` and `/storage-commitment`, as far as nobody has to be called."""

from __future__ import annotations

import pytest

from nephele.domain.character_set import encoding_named
from nephele.domain.commitment import Commitment, Reference
from nephele.domain.levels import Level
from nephele.domain.query_keys import Query, encode_query
from nephele.domain.transfer_syntax import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from nephele.errors import InexistentItem
from nephele.services.archive import Archive
from nephele.services.commitments import await_commitment, keep_report, require_commitment
from nephele.services.queries import as_file, keep_query, list_queries
from tests.unit.rest.conftest import Client, Connect, open_test_archive

_UID = "1.2.3"


def answer(**keys: str) -> bytes:
    query: Query = {"0008,0005": "ISO_IR 100", "0020,000d": _UID, **keys}
    syntax = transfer_syntax(EXPLICIT_VR_LITTLE_ENDIAN)
    return as_file(encode_query(query, syntax, encoding_named("Latin1")), EXPLICIT_VR_LITTLE_ENDIAN)


def kept(archive: Archive, count: int, identifier: str = "q1", size: int = 0) -> None:
    answers = (answer(**{"0010,0010": f"Doe^J\u00f6rg {n}{'x' * size}"}) for n in range(count))
    keep_query(archive, identifier, "pacs", Level.STUDY, {"0010,0010": "Doe*"}, answers)


def test_a_query_and_its_answers(client: Client, archive: Archive) -> None:
    kept(archive, 2)
    assert client.get("/queries").json() == ["q1"]
    assert client.get("/queries/q1/level").text == "Study"
    assert client.get("/queries/q1/modality").text == "pacs"
    assert client.get("/queries/q1/query?short").json() == {"0010,0010": "Doe*"}
    assert client.get("/queries/q1/answers").json() == ["0", "1"]
    expanded = client.get("/queries/q1/answers?expand&simplify").json()
    assert [one["PatientName"] for one in expanded] == ["Doe^J\u00f6rg 0", "Doe^J\u00f6rg 1"]
    shown = client.get("/queries/q1/answers/1/content?simplify").json()
    assert shown["QueryRetrieveLevel"] == "STUDY", "added where the peer has left it out"
    assert client.delete("/queries/q1").status_code == 200
    assert client.get("/queries").json() == []
    assert client.delete("/queries/q1").status_code == 200


def test_answers_of_many_blocks(client: Client, archive: Archive) -> None:
    kept(archive, 40, size=20_000)
    for number in (0, 11, 12, 13, 39):
        shown = client.get(f"/queries/q1/answers/{number}/content?short&ignore-length").json()
        assert shown["0020,000d"] == _UID
    assert len(client.get("/queries/q1/answers?expand").json()) == 40


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/queries/none", 404, 17),
        ("/queries/none/answers", 404, 17),
        ("/queries/q1/answers/2", 400, 3),
        ("/queries/q1/answers/-1/content", 400, 3),
        ("/queries/q1/answers/x/content", 400, 5),
        ("/storage-commitment/none", 404, 7),
    ],
)
def test_what_is_not_there(
    client: Client, archive: Archive, path: str, status: int, code: int
) -> None:
    kept(archive, 2)
    answered = client.get(path)
    assert (answered.status_code, answered.json()["OrthancStatus"]) == (status, code)


def test_an_answer_has_nothing_above_it(client: Client, archive: Archive) -> None:
    kept(archive, 1)
    asked = client.post("/queries/q1/answers/0/query-studies", content=b"{}")
    assert (asked.status_code, asked.json()["OrthancStatus"]) == (404, 17)


def test_the_oldest_queries_go() -> None:
    archive = open_test_archive(QueryRetrieveSize=2)
    for identifier in ("q3", "q1", "q2"):
        kept(archive, 1, identifier)
    assert list_queries(archive) == ["q1", "q2"]


def test_the_oldest_reports_go(connect: Connect) -> None:
    archive = open_test_archive(StorageCommitmentReportsSize=2)
    for number in range(3):
        await_commitment(archive, f"2.25.{number}", "PACS")
    with pytest.raises(InexistentItem):
        require_commitment(archive, "2.25.0")
    assert require_commitment(archive, "2.25.2") == {"RemoteAET": "PACS", "Status": "Pending"}


def test_a_report_says_what_failed(client: Client, archive: Archive) -> None:
    await_commitment(archive, "2.25.9", "PACS")
    pending = client.post("/storage-commitment/2.25.9/remove")
    assert (pending.status_code, pending.json()["OrthancStatus"]) == (500, 6)
    keep_report(
        archive, Commitment("2.25.9", (Reference("1.1", "2.2"),), (Reference("1.1", "3.3", 0x112),))
    )
    assert client.get("/storage-commitment/2.25.9").json() == {
        "Failures": [
            {
                "Description": "No such object instance",
                "FailureReason": 274,
                "SOPClassUID": "1.1",
                "SOPInstanceUID": "3.3",
            }
        ],
        "RemoteAET": "PACS",
        "Status": "Failure",
        "Success": [{"SOPClassUID": "1.1", "SOPInstanceUID": "2.2"}],
    }


def test_a_report_nobody_asked_for_is_refused(archive: Archive) -> None:
    with pytest.raises(InexistentItem):
        keep_report(archive, Commitment("2.25.8", ()))
