"""An upgrade replaces nothing that holds data."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

import pytest

from infra.release import RECORD, Record, record_of, replaced

from .assembly import Assembly


def test_no_stateful_resource_of_the_last_release_is_replaced(default: Assembly) -> None:
    assert replaced(json.loads(RECORD.read_text()), record_of(default.folder)) == []


def _table(record: Record) -> str:
    return next(name for name, item in record.items() if item["type"] == "AWS::DynamoDB::Table")


def _rename(record: Record) -> None:
    record["Nephele-Data/Other"] = record.pop(_table(record))


def _change_key(record: Record) -> None:
    record[_table(record)]["fixed"]["KeySchema"] = []


def _name(record: Record) -> None:
    record[_table(record)]["fixed"]["TableName"] = "mine"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(_rename, "is gone", id="another logical id"),
        pytest.param(_change_key, "would be replaced", id="another key"),
        pytest.param(_name, "would be replaced", id="a physical name"),
    ],
)
def test_what_replaces_is_noticed(
    default: Assembly, change: Callable[[Record], None], said: str
) -> None:
    before = record_of(default.folder)
    now = copy.deepcopy(before)
    change(now)
    assert replaced(before, now) == [f"{_table(before)}: {said}"]


def test_what_comes_in_addition_replaces_nothing(default: Assembly) -> None:
    now = record_of(default.folder)
    before = dict(list(now.items())[:-1])
    assert replaced(before, now) == []
