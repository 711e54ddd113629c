"""What `nephele migrate` copies, verifies and reports, from one application to another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from pydicom import dcmread
from starlette.types import ASGIApp

from nephele.cli.exchange import Stopped
from nephele.cli.migration import migration
from nephele.cli.migration.copying import Copier
from nephele.cli.migration.ledger import Ledger
from nephele.cli.migration.migration import Migration, Until
from nephele.cli.migration.server import Server
from nephele.cli.sender import Sender
from nephele.cli.summary import Summary
from nephele.rest.app import create_app
from nephele.services.archive import Archive
from nephele.settings.configuration import parse_configuration
from tests.unit.conftest import dicom_file, make_archive

NAMES = '{"UserMetadata": {"Remark": 4001}}'


@dataclass
class Pair:
    """Two servers, and what a migration between them has done."""

    source: httpx.Client
    target: httpx.Client
    state: Path

    def migrate(
        self,
        *,
        again: bool = False,
        until: Until | None = None,
        tell: Callable[[str], None] = print,
    ) -> tuple[Summary, list[str]]:
        """Run the command without its command line; return its report."""
        summary = Summary()
        with Ledger(self.state, is_new=again) as ledger:
            servers = [
                Server.connect(client, "It", lambda _: None)
                for client in (self.source, self.target)
            ]
            sender = Sender(self.target, httpx.Client(), lambda _: None)
            copier = Copier(servers[0], servers[1], sender, ledger, summary)
            running = Migration(copier, jobs=1, advance=lambda: None, tell=tell)
            running.copy_all()
            running.follow(until or Until(threading.Event(), 0.0))
            return summary, running.compare()


Spoil = Callable[[httpx.Request, httpx.Response], httpx.Response]


def client_of(archive: Archive, configuration: str = "{}") -> httpx.Client:
    """Return a client that calls an application directly."""
    opened = replace(archive, configuration=parse_configuration(configuration))
    app = create_app(lambda: opened)
    transport = httpx.MockTransport(lambda request: asyncio.run(answer_of(app, request)))
    return httpx.Client(transport=transport, base_url="http://server")


async def answer_of(app: ASGIApp, request: httpx.Request) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        answer = await client.request(
            request.method, request.url, content=request.content, headers=request.headers
        )
    return httpx.Response(answer.status_code, content=answer.content)


@pytest.fixture
def pair(archive: Archive, tmp_path: Path) -> Iterator[Pair]:
    source, target = client_of(archive, NAMES), client_of(make_archive("other", "other"), NAMES)
    with source, target:
        yield Pair(source, target, tmp_path / "state")


def upload(client: httpx.Client, sop: str, **more: str) -> dict[str, str]:
    """Store an instance; return the paths of its family by level."""
    stored = client.post("/instances", content=dicom_file(SOPInstanceUID=sop, **more)).json()
    return {
        "instances": f"/instances/{stored['ID']}",
        "series": f"/series/{stored['ParentSeries']}",
        "studies": f"/studies/{stored['ParentStudy']}",
        "patients": f"/patients/{stored['ParentPatient']}",
    }


def test_all_that_users_keep_comes_along(pair: Pair) -> None:
    paths = upload(pair.source, "1.2.3.1")
    upload(pair.source, "1.2.3.2")
    for level, path in paths.items():
        pair.source.put(f"{path}/labels/{level}")
        pair.source.put(f"{path}/metadata/Remark", content=f"of {level} \xff".encode("latin-1"))
        pair.source.put(f"{path}/attachments/2000", content=level.encode() * 100)
    pair.source.put(f"{paths['patients']}/protected", content="1")
    summary, deleted = pair.migrate()
    assert dict(summary.counts) == {
        "stored": 2,
        "labels": 4,
        "metadata": 4,
        "attachments": 4,
        "protected": 1,
    }
    assert not summary.has_problems
    assert deleted == []
    for level, path in paths.items():
        for part in ("labels", "metadata/Remark", "attachments/2000/data", "attachments?full"):
            ours, theirs = (one.get(f"{path}/{part}") for one in (pair.target, pair.source))
            assert (ours.status_code, ours.content) == (200, theirs.content), (level, part)
    assert pair.target.get(f"{paths['patients']}/protected").text == "1"
    file = f"{paths['instances']}/file"
    assert pair.target.get(file).content == pair.source.get(file).content


def test_the_next_run_copies_what_is_new(pair: Pair) -> None:
    paths = upload(pair.source, "1.2.3.1")
    pair.migrate()
    upload(pair.source, "1.2.3.2")
    pair.source.put(f"{paths['series']}/labels/late")
    pair.source.put(f"{paths['instances']}/attachments/2000", content="late")
    summary, _ = pair.migrate()
    assert dict(summary.counts) == {"stored": 1, "labels": 1, "attachments": 1}
    assert pair.target.get(f"{paths['instances']}/attachments/2000/data").content == b"late"
    summary, _ = pair.migrate(again=True)
    assert dict(summary.counts) == {"were there": 2}, "nothing is sent that is there"


def test_what_was_lost_at_the_target_is_sent_again(pair: Pair) -> None:
    paths = upload(pair.source, "1.2.3.1")
    pair.migrate()
    pair.target.delete(paths["instances"])
    summary, _ = pair.migrate()
    assert dict(summary.counts) == {"stored": 1}
    assert pair.target.get(paths["instances"]).status_code == 200


def test_what_the_source_deletes_is_named_and_kept(pair: Pair) -> None:
    paths = upload(pair.source, "1.2.3.1")
    pair.migrate()
    pair.source.delete(paths["instances"])
    summary, deleted = pair.migrate()
    assert deleted == [paths["instances"].rpartition("/")[2]]
    assert not summary.has_problems
    assert pair.target.get(paths["instances"]).status_code == 200


def test_another_content_under_the_same_identifiers_is_a_problem(pair: Pair) -> None:
    paths = upload(pair.source, "1.2.3.1")
    upload(pair.target, "1.2.3.1", ImageComments="another")
    summary, _ = pair.migrate()
    assert_differs(summary, paths["instances"])
    assert dict(summary.counts) == {"differing": 1}


def test_the_same_data_set_from_another_sender_is_no_problem(pair: Pair) -> None:
    """A modality that sends to both archives: each of them has its own meta information."""
    ours = dicom_file(SOPInstanceUID="1.2.3.1")
    theirs = dcmread(BytesIO(ours))
    theirs.file_meta.SourceApplicationEntityTitle = "MODALITY"
    written = BytesIO()
    theirs.save_as(written)
    pair.source.post("/instances", content=ours)
    pair.target.post("/instances", content=written.getvalue())
    for counts in ({"were there": 1, "there with other meta information": 1}, {}):
        summary, _ = pair.migrate()
        assert dict(summary.counts) == counts
        assert not summary.has_problems


def test_protection_and_other_metadata_come_along_where_one_is_refused(
    archive: Archive, tmp_path: Path
) -> None:
    with (
        client_of(archive, NAMES) as source,
        client_of(make_archive("other", "other")) as target,
    ):
        path = upload(source, "1.2.3.1")["patients"]
        # Orthanc before 1.12 does not tell its names
        system = source.get("/system").json() | {"UserMetadata": {}}
        for name, value in (("Remark", b"of here"), ("5000", b"kept")):
            assert source.put(f"{path}/metadata/{name}", content=value).is_success
        source.put(f"{path}/protected", content="1")
        pair = Pair(without_names(source, system), target, tmp_path / "state")
        summary, _ = pair.migrate()
        assert list(summary.problems.values()) == [[path]]
        assert target.get(f"{path}/protected").text == "1"
        assert target.get(f"{path}/metadata/5000").content == b"kept"


def without_names(client: httpx.Client, system: object) -> httpx.Client:
    """Return a client whose server says of itself what it is told to say."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/system":
            return httpx.Response(200, json=system)
        return client.send(request)

    return httpx.Client(transport=httpx.MockTransport(answer), base_url="http://server")


def assert_differs(summary: Summary, path: str) -> None:
    """Check that an instance is named, with what to do about it."""
    assert list(summary.problems.values()) == [[path]]
    assert "OverwriteInstances" in next(iter(summary.problems))


def files_of(pair: Pair, path: str) -> tuple[bytes, bytes]:
    """Return an instance's file at the source and at the target."""
    return pair.source.get(f"{path}/file").content, pair.target.get(f"{path}/file").content


OVERWRITING = '{"OverwriteInstances": true}'


@contextmanager
def overwriting(archive: Archive, state: Path, target: str = "{}") -> Iterator[Pair]:
    """Open servers of which the source replaces what it has."""
    there = client_of(make_archive("overwritten", "overwritten"), target)
    with client_of(archive, OVERWRITING) as source, there:
        yield Pair(source, there, state)


TRANSCODING = '{"IngestTranscoding": "1.2.840.10008.1.2"}'
KEEPING = ("{}", TRANSCODING)


@pytest.mark.parametrize("configuration", KEEPING)
def test_what_is_replaced_and_the_target_keeps_differs_until_it_is_solved(
    archive: Archive, tmp_path: Path, configuration: str
) -> None:
    with overwriting(archive, tmp_path / "state", configuration) as pair:
        path = upload(pair.source, "1.2.3.1", PatientName="OLD")["instances"]
        first, _ = pair.migrate()
        assert not first.has_problems
        upload(pair.source, "1.2.3.1", PatientName="NEW")
        for _ in range(2):
            summary, _ = pair.migrate()
            assert_differs(summary, path)
        pair.target.delete(path)
        solved, deleted = pair.migrate()
        assert not solved.has_problems
        assert deleted == []
        name = pair.target.get(f"{path}/simplified-tags").json()["PatientName"]
        assert name == "NEW"


def test_without_its_state_a_transcoded_version_is_known_by_what_it_was(
    archive: Archive, tmp_path: Path
) -> None:
    with overwriting(archive, tmp_path / "state", TRANSCODING) as pair:
        path = upload(pair.source, "1.2.3.1", PatientName="OLD")["instances"]
        first, _ = pair.migrate()
        assert dict(first.counts) == {"stored": 1, "transcoded by the target": 1}
        same, _ = pair.migrate(again=True)
        assert dict(same.counts) == {"were there": 1}, "nothing is sent"
        upload(pair.source, "1.2.3.1", PatientName="NEW")
        summary, _ = pair.migrate(again=True)
        assert_differs(summary, path)


def test_without_its_state_another_transcoded_version_is_replaced(
    archive: Archive, tmp_path: Path
) -> None:
    both = '{"IngestTranscoding": "1.2.840.10008.1.2", "OverwriteInstances": true}'
    with overwriting(archive, tmp_path / "state", both) as pair:
        path = upload(pair.source, "1.2.3.1", PatientName="OLD")["instances"]
        pair.migrate()
        upload(pair.source, "1.2.3.1", PatientName="NEW")
        summary, _ = pair.migrate(again=True)
        assert dict(summary.counts) == {"stored": 1, "transcoded by the target": 1}
        name = pair.target.get(f"{path}/simplified-tags").json()["PatientName"]
        assert name == "NEW"


def test_a_target_that_makes_other_instances_is_refused(archive: Archive) -> None:
    lossy = '{"IngestTranscoding": "1.2.840.10008.1.2.4.50"}'
    with client_of(archive, lossy) as client, pytest.raises(Stopped, match="is lossy"):
        Server.connect(client, "The target").require_lossless()


def test_the_ledger_stays_at_changes_that_could_not_be_copied(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "_CHANGES_PER_PAGE", 1)
    with overwriting(archive, tmp_path / "state") as pair:
        upload(pair.source, "1.2.3.1", PatientName="OLD")
        pair.migrate()
        with Ledger(pair.state) as ledger:
            before = ledger.last_change
        upload(pair.source, "1.2.3.1", PatientName="NEW")
        changes = pair.source.get(f"/changes?since={before}&limit=99").json()["Changes"]
        failed = next(one["Seq"] for one in changes if one["ChangeType"] == "NewInstance")
        upload(pair.source, "1.2.3.2")
        summary, _ = pair.migrate()
        assert summary.counts["stored"] == 1, "what comes afterwards is copied"
        with Ledger(pair.state) as ledger:
            assert ledger.last_change is not None
            assert ledger.last_change < failed


def test_what_is_replaced_before_changes_are_read_is_found_by_comparing(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "_CHANGES_PER_PAGE", 1)
    with overwriting(archive, tmp_path / "state", OVERWRITING) as pair:
        path = upload(pair.source, "1.2.3.1", PatientName="OLD")["instances"]
        pair.source.put(f"{path}/attachments/2000", content="old")
        pair.migrate()
        upload(pair.source, "1.2.3.2")
        upload(pair.source, "1.2.3.1", PatientName="NEW")
        pair.source.put(f"{path}/attachments/2000", content="new")
        stop = threading.Event()
        stop.set()
        summary, _ = pair.migrate(until=Until(stop, float("inf")))
        assert not summary.has_problems
        ours, theirs = files_of(pair, path)
        assert ours == theirs
        assert pair.target.get(f"{path}/attachments/2000/data").content == b"new"


def test_what_is_changed_at_the_target_differs_and_is_left(
    archive: Archive, tmp_path: Path
) -> None:
    with overwriting(archive, tmp_path / "state", OVERWRITING) as pair:
        path = upload(pair.source, "1.2.3.1")["instances"]
        pair.migrate()
        upload(pair.target, "1.2.3.1", ImageComments="corrected")
        before = files_of(pair, path)
        summary, _ = pair.migrate()
        assert list(summary.problems.values()) == [[path]]
        assert "changed since it was copied" in next(iter(summary.problems))
        assert files_of(pair, path) == before


def test_following_waits_for_a_source_that_is_away(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "_POLL_SECONDS", 0.001)
    away = iter(range(20))
    told: list[str] = []

    def vanish(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if request.url.path == "/changes" and "since" in request.url.params:
            number = next(away, None)
            if number == 0:
                upload(pair.source, "1.2.3.1")
            if number is not None:
                raise httpx.ConnectError("away", request=request)
        return answer

    gone = replace(pair, source=spoiling(pair.source, vanish))
    summary, _ = gone.migrate(until=Until(threading.Event(), 0.01), tell=told.append)
    assert next(away, None) is None
    assert len(told) == 1
    assert "Cannot reach http://server" in told[0]
    assert summary.counts["stored"] == 1


def test_without_following_a_source_that_is_away_ends_it(pair: Pair) -> None:
    def vanish(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if "since" in request.url.params:
            raise httpx.ConnectError("away", request=request)
        return answer

    with pytest.raises(Stopped, match="Cannot reach"):
        replace(pair, source=spoiling(pair.source, vanish)).migrate()


def spoiling(client: httpx.Client, spoil: Spoil) -> httpx.Client:
    """Return a client whose answers pass a function."""

    def handle(request: httpx.Request) -> httpx.Response:
        answer = client.send(httpx.Request(request.method, request.url, content=request.content))
        return spoil(request, httpx.Response(answer.status_code, content=answer.content))

    return httpx.Client(transport=httpx.MockTransport(handle), base_url="http://server")


def test_a_damaged_read_is_repeated_and_never_stored(pair: Pair) -> None:
    paths = upload(pair.source, "1.2.3.1")
    damaged = []

    def damage(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if not request.url.path.endswith("/attachments/dicom/data"):
            return answer
        damaged.append(request.url.path)
        return httpx.Response(200, content=answer.content[:-1] + b"?")

    spoiled = replace(pair, source=spoiling(pair.source, damage))
    summary, _ = spoiled.migrate()
    reason = next(one for one in summary.problems if "does not have the MD5" in one)
    assert summary.problems[reason] == [paths["instances"]]
    assert summary.counts == {"failed": 1, "missing": 3}
    assert len(damaged) == 12, "six attempts in each of two passes"
    assert pair.target.get(paths["instances"]).status_code == 404
    summary, _ = pair.migrate()
    assert dict(summary.counts) == {"stored": 1}


def test_what_the_target_refuses_is_told_in_its_words(pair: Pair) -> None:
    paths = upload(pair.source, "1.2.3.1")

    def refuse(request: httpx.Request) -> httpx.Response:
        if (request.method, request.url.path) == ("POST", "/instances"):
            return httpx.Response(507, json={"Details": "The archive is full"})
        return pair.target.send(request)

    full = httpx.Client(transport=httpx.MockTransport(refuse), base_url="http://server")
    summary, _ = replace(pair, target=full).migrate()
    assert summary.problems["The archive is full"] == [paths["instances"]]


def test_a_name_the_target_does_not_know(pair: Pair, archive: Archive) -> None:
    paths = upload(pair.source, "1.2.3.1")
    pair.source.put(f"{paths['instances']}/metadata/Remark", content="x")

    def forget_numbers(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if request.url.path == "/system":
            return httpx.Response(200, json={"Version": "1.10.1"})
        return answer

    old = spoiling(pair.source, forget_numbers)
    with client_of(make_archive("third", "third")) as unnamed:
        summary, _ = replace(pair, source=old, target=unnamed).migrate()
        assert list(summary.problems) == ["UserMetadata: the target does not know Remark"]
        assert summary.counts["stored"] == 1
        known, _ = replace(pair, target=unnamed, state=pair.state.with_name("b")).migrate()
        assert not known.has_problems, "the source tells its number"
        assert unnamed.get(f"{paths['instances']}/metadata/4001").text == "x"


def test_a_server_that_is_no_orthanc() -> None:
    page = httpx.MockTransport(lambda _: httpx.Response(200, html="<p>hello</p>"))
    with pytest.raises(Stopped, match="The source does not answer as Orthanc does"):
        Server.connect(httpx.Client(transport=page, base_url="http://x"), "The source")


def test_changes_are_followed_page_by_page(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "_CHANGES_PER_PAGE", 2)
    with Ledger(pair.state) as ledger:
        ledger.last_change = 0
    for number in range(5):
        upload(pair.source, f"1.2.3.{number}")
    with Ledger(pair.state) as ledger:
        copier = Copier(
            Server.connect(pair.source, "It"),
            Server.connect(pair.target, "It"),
            Sender(pair.target, httpx.Client()),
            ledger,
            Summary(),
        )
        Migration(copier, 1, lambda: None).follow(Until(threading.Event(), 0.0))
        assert ledger.last_change == pair.source.get("/changes?last").json()["Last"]
    assert len(pair.target.get("/instances").json()) == 5
