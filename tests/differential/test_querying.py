"""C-FIND finds what Orthanc finds, but for what a query says otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydicom import config

from tests.differential import querying
from tests.differential.querying import QUERIES, Query, ask
from tests.differential.report import Report
from tests.differential.server import Server, open_client


@pytest.fixture(scope="module")
def ports(found: Report, orthanc: Server, nephele: Server) -> Iterator[tuple[int, int]]:
    """Give the files to both servers, after everything else was asked."""
    patch = pytest.MonkeyPatch()
    for name in ("_reading_validation_mode", "_writing_validation_mode"):
        patch.setattr(config.settings, name, config.IGNORE)
    for server in (orthanc, nephele):
        with open_client(server) as client:
            for file in querying.FILES:
                client.post("/instances", content=file).raise_for_status()
    yield orthanc.dicom_port, nephele.dicom_port
    patch.undo()


@pytest.mark.parametrize("query", [pytest.param(query, id=query.name) for query in QUERIES])
def test_query_is_answered_alike(ports: tuple[int, int], query: Query) -> None:
    theirs, ours = (ask(port, query) for port in ports)
    if query.differs:
        assert ours != theirs, f"no longer so: {query.differs}"
        assert len(ours.answers) == query.expected
    else:
        assert ours == theirs


def test_the_table_is_long_enough() -> None:
    assert len(QUERIES) >= 80
    assert len({query.name for query in QUERIES}) == len(QUERIES)
