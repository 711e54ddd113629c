"""Searching by a tag that `ExtraMainDicomTags` has made a main one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nephele.domain.extra_tags import use_extra_main_tags
from tests.unit.rest.conftest import Client, Connect, read_sample

_EXTRA = {"Series": ["Rows"]}


@pytest.fixture
def client(connect: Connect) -> Iterator[Client]:
    use_extra_main_tags({"Series": ("Rows",)})
    yield connect(ExtraMainDicomTags=_EXTRA)
    use_extra_main_tags({})


@pytest.mark.parametrize(("rows", "count"), [("128", 1), ("129", 0)])
def test_it_is_compared_without_headers(client: Client, rows: str, count: int) -> None:
    assert client.post("/instances", content=read_sample()).status_code == 200
    body = {"Level": "Series", "Query": {"Rows": rows}}
    assert client.post("/tools/count-resources", json=body).json() == {"Count": count}
