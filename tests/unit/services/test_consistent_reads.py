"""Every read of the index is consistent, and none uses a secondary index (docs/adr/0002)."""

from __future__ import annotations

from typing import Any

import pytest

from nephele.aws import clients
from nephele.aws.index.commit import Committer
from nephele.domain.levels import Level
from nephele.services.archive import Archive
from nephele.services.changes import changes
from tests.unit.conftest import entry

_READS = ("GetItem", "Query", "BatchGetItem", "Scan")


@pytest.fixture
def reads(archive: Archive, committer: Committer) -> list[tuple[str, dict[str, Any]]]:
    """Return the reads of the index made from now on: operation and parameters."""
    committer.commit([entry()])
    seen: list[tuple[str, dict[str, Any]]] = []

    def watch(params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name in _READS:
            seen.append((model.name, params))

    clients.dynamodb().meta.events.register("provide-client-params.dynamodb", watch)
    return seen


def test_reads_are_consistent_and_use_the_table_alone(
    archive: Archive, reads: list[tuple[str, dict[str, Any]]]
) -> None:
    instance = archive.index.resource(entry().orthanc_id)
    assert instance is not None
    archive.index.header(instance, archive.bucket)
    archive.index.children(entry().header.identity.orthanc_id(Level.SERIES))
    for tag, value in (("0010,0020", "PAT"), ("0008,0018", "1.2.3.4")):
        assert archive.index.lookup(tag, value)
    for level in Level:
        assert list(archive.index.iter_level(level))
    archive.index.totals()
    changes(archive)
    assert {name for name, _ in reads} == {"GetItem", "Query"}
    for name, params in reads:
        assert params["ConsistentRead"] is True, name
        assert "IndexName" not in params


def test_what_one_resource_costs(archive: Archive, reads: list[tuple[str, dict[str, Any]]]) -> None:
    archive.index.resource(entry().orthanc_id)
    assert [name for name, _ in reads] == ["GetItem"]
    reads.clear()
    archive.index.lookup("0010,0020", "PAT")
    assert [name for name, _ in reads] == ["Query"]
