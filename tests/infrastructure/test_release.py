"""An upgrade replaces nothing that holds data, and no address that others have."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

import pytest

from infra.release import REACHED_AT, RECORD, REPLACING, Record, record_of, replaced

from .assembly import Assembly


def test_nothing_is_replaced_that_the_last_release_keeps_or_is_reached_at(
    default: Assembly,
) -> None:
    assert replaced(json.loads(RECORD.read_text()), record_of(default.folder)) == []


def _table(record: Record) -> str:
    return next(name for name, item in record.items() if item["type"] == "AWS::DynamoDB::Table")


def _rename(record: Record) -> None:
    record["Nephele-Data/Other"] = record.pop(_table(record))


def _change_key(record: Record) -> None:
    record[_table(record)]["fixed"]["KeySchema"] = []


def _name(record: Record) -> None:
    record[_table(record)]["fixed"]["TableName"] = "mine"


def test_the_record_has_every_type_that_the_templates_have() -> None:
    recorded = {item["type"] for item in json.loads(RECORD.read_text()).values()}
    assert recorded == REPLACING.keys() | REACHED_AT.keys()


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
