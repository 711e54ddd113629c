"""The index is built anew from the bucket and its journal, and equals the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nephele.aws import clients
from nephele.cli.app import build_app
from nephele.domain.levels import Level
from nephele.errors import Unavailable
from nephele.services import reindex as service
from nephele.services import replay
from nephele.services.archive import Archive
from nephele.services.delete import delete
from nephele.services.labels import add_label
from nephele.services.modalities import define_modality
from nephele.services.reindex import reindex
from tests.unit.conftest import make_client
from tests.unit.keeping.conftest import clear_table, configured
from tests.unit.keeping.drill import (
    Place,
    Rows,
    all_rows,
    last_receptions,
    receive,
    remove,
    settle,
    told,
)

JOBS = 8
RESTORED = {Place(7, 1, 1).id_at(level) for level in Level}
"""What was brought back in the drill: that was later than its receptions."""


@pytest.fixture
def archive(kept: Archive) -> Archive:
    return configured(kept, StableAge=0, LogExportedResources=True)


def assert_equal(before: Rows, after: Rows) -> None:
    """Compare all items of two tables: see `told` and `NOT_REBUILT` for what differs."""
    one, other = told(before), told(after)
    assert other.items.keys() == one.items.keys()
    differing = {key: (row, other.items[key]) for key, row in one.items.items()}
    assert {key: both for key, both in differing.items() if both[0] != both[1]} == {}
    assert other.counters == one.counters
    assert other.order == one.order
    for parent, received in last_receptions(before).items():
        assert received <= other.times[parent]
        assert parent in RESTORED or received == other.times[parent]


def test_it_goes_on_after_an_interruption(archive: Archive, monkeypatch: Any) -> None:
    receive(archive, *(Place(1, study, n) for study in (1, 2) for n in (1, 2)))
    study = Place(1, 1, 1).id_at(Level.STUDY)
    for n in range(60):
        add_label(archive, Level.STUDY, study, f"label-{n}")
    settle(archive)
    before = all_rows(archive)
    clear_table(archive)
    _fail_after(monkeypatch, "commit_entries", 1)
    with pytest.raises(Unavailable):
        reindex(archive, 1)
    monkeypatch.undo()
    _fail_after(monkeypatch, "change_user_state", 1)
    with pytest.raises(Unavailable):
        reindex(archive, 1)
    monkeypatch.undo()
    assert len(told(all_rows(archive)).items) < len(told(before).items), "labels are missing"
    assert reindex(archive, 1).states == 1
    assert_equal(before, all_rows(archive))


def _fail_after(monkeypatch: Any, name: str, calls: int) -> None:
    """Let a rebuild lose its connection at a later call of a function."""
    module = service if hasattr(service, name) else replay
    real, left = getattr(module, name), [calls]

    def fails(*arguments: Any, **named: Any) -> Any:
        if not left[0]:
            raise Unavailable("index: EndpointConnectionError")
        left[0] -= 1
        return real(*arguments, **named)

    monkeypatch.setattr(module, name, fails)


def test_a_table_from_a_backup_is_brought_up(archive: Archive) -> None:
    receive(archive, Place(1, 1, 1), Place(2, 1, 1))
    add_label(archive, Level.PATIENT, Place(2, 1, 1).id_at(Level.PATIENT), "old")
    settle(archive)
    backup = all_rows(archive)
    delete(archive, Level.PATIENT, Place(1, 1, 1).id_at(Level.PATIENT))
    remove(archive)
    add_label(archive, Level.PATIENT, Place(2, 1, 1).id_at(Level.PATIENT), "new")
    define_modality(archive, "PACS", ["PACS", "127.0.0.1", 104])
    receive(archive, Place(2, 1, 2))
    settle(archive)
    now = all_rows(archive)
    clear_table(archive)
    archive.index.table.put_all(list(backup.values()))
    reindex(archive, 2)
    settle(archive)
    assert_equal(now, all_rows(archive))


def test_the_command(archive: Archive, tmp_path: Path) -> None:
    receive(archive, Place(1, 1, 1))
    settle(archive)
    before = all_rows(archive)
    clear_table(archive)
    config = tmp_path / "orthanc.json"
    config.write_text('// a comment\n{"StableAge": 0}')
    names = ["--bucket", archive.bucket.name, "--table", archive.index.table.name]
    shown = CliRunner().invoke(build_app(), ["reindex", *names, "--config", str(config)])
    assert shown.exit_code == 0, shown.output
    assert "1 indexed" in shown.output
    assert_equal(before, all_rows(archive))
    key = next(name for name, _ in archive.bucket.iter_objects("dicom/"))
    archive.bucket.put_whole(key, b"damaged", {})
    clear_table(archive)
    shown = CliRunner(env={"COLUMNS": "240"}).invoke(build_app(), ["reindex", *names])
    assert shown.exit_code == 1
    assert key in shown.output


def test_a_table_that_is_not_there() -> None:
    shown = CliRunner().invoke(build_app(), ["reindex", "--bucket", "b"])
    assert shown.exit_code == 2
    assert "--table" in shown.output


class TestWithoutSuccess:
    """What the command says when AWS refuses: what to do, and no promise that cannot be kept."""

    GOES_ON = "goes on where it stopped"

    @pytest.fixture
    def said(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
        """Return what calls the command with clients of its own, and returns what it says."""
        makers = (clients.s3, clients.dynamodb, clients._session)

        def forget() -> None:
            for make in makers:
                make.cache_clear()

        def run(**variables: str | None) -> str:
            for name, value in variables.items():
                if value is None:
                    monkeypatch.delenv(name, raising=False)
                else:
                    monkeypatch.setenv(name, value)
            monkeypatch.setattr(clients, "_client", make_client)
            forget()
            names = ["--bucket", self.bucket, "--table", self.table]
            shown = CliRunner().invoke(build_app(), ["reindex", *names])
            assert shown.exit_code == 1, shown.output
            assert "Traceback" not in shown.output
            return shown.output

        self.bucket, self.table = "none", "nothing"
        yield run
        monkeypatch.undo()
        forget()

    def test_no_region(self, archive: Archive, said: Callable[..., str]) -> None:
        self.bucket, self.table = archive.bucket.name, archive.index.table.name
        text = said(AWS_REGION=None, AWS_DEFAULT_REGION=None, AWS_CONFIG_FILE="/none")
        assert "set AWS_REGION" in text
        assert self.GOES_ON not in text

    def test_no_bucket(self, archive: Archive, said: Callable[..., str]) -> None:
        self.table = archive.index.table.name
        text = said()
        assert "there is no bucket none" in text
        assert self.GOES_ON not in text

    def test_no_table(self, archive: Archive, said: Callable[..., str]) -> None:
        self.bucket = archive.bucket.name
        text = said()
        assert "there is no table nothing" in text
        assert self.GOES_ON not in text

    def test_no_profile(self, archive: Archive, said: Callable[..., str]) -> None:
        self.bucket, self.table = archive.bucket.name, archive.index.table.name
        text = said(AWS_PROFILE="nobody")
        assert "AWS_PROFILE names a profile" in text
        assert self.GOES_ON not in text

    def test_no_credentials(self, archive: Archive, said: Callable[..., str]) -> None:
        self.bucket, self.table = archive.bucket.name, archive.index.table.name
        text = said(
            AWS_ACCESS_KEY_ID=None,
            AWS_SECRET_ACCESS_KEY=None,
            AWS_SESSION_TOKEN=None,
            AWS_SHARED_CREDENTIALS_FILE="/none",
            AWS_CONFIG_FILE="/none",
            AWS_EC2_METADATA_DISABLED="true",
        )
        assert "no credentials: set AWS_PROFILE" in text
        assert self.GOES_ON not in text


def test_the_region_is_taken_from_either_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name, expected in ((None, "eu-west-1"), ("eu-central-1", "eu-central-1")):
        if name:
            monkeypatch.setenv("AWS_REGION", name)
        else:
            monkeypatch.delenv("AWS_REGION", raising=False)
        clients._session.cache_clear()
        assert make_client("dynamodb", clients._config()).meta.region_name == expected
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    clients._session.cache_clear()
    assert make_client("s3", clients._config()).meta.region_name == "eu-north-1"
    clients._session.cache_clear()
