"""The rows that tell what there is room for: promises, protected patients, the recycling order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nephele.aws import clock
from nephele.aws.index import codec, items, keys
from nephele.aws.index.removal import same_state, state_value
from nephele.aws.index.table import ConditionFailed, Row, Table
from nephele.domain.orthanc_id import OrthancId

_PROMISE_SECONDS = 86_400
"""After so long a reception that was not indexed has been given up."""
_FIRST_PAGE = 20


@dataclass(frozen=True, slots=True)
class Reservation:
    """Room that was promised to a reception that is not indexed yet."""

    patient: OrthancId
    size_bytes: int


def put_reservation(table: Table, uuid: str, patient: OrthancId, size_bytes: int) -> None:
    """Promise room to a reception."""
    table.put(
        {
            **keys.reservation(uuid),
            "k": codec.text(patient),
            "z": codec.number(size_bytes),
            "expires": codec.number(clock.expiry(_PROMISE_SECONDS)),
        }
    )


def list_reservations(table: Table) -> list[Reservation]:
    """Return the promises that stand."""
    now = clock.epoch_seconds()
    return [
        Reservation(OrthancId(row["k"]["S"]), codec.read_number(row, "z"))
        for row in table.iter_query(keys.RESERVED)
        if codec.read_number(row, "expires") > now
    ]


def delete_reservations(table: Table, uuids: Sequence[str]) -> None:
    """Take promises back."""
    table.delete_all([keys.reservation(uuid) for uuid in dict.fromkeys(uuids)])


def list_protected(table: Table) -> list[OrthancId]:
    """Return the patients that are never recycled."""
    rows = table.iter_query(keys.PROTECTED, attributes="sk")
    return [OrthancId(row["sk"]["S"]) for row in rows]


def oldest_patient(table: Table) -> OrthancId | None:
    """Return the patient to be recycled first, None where at most one is left.

    The order is kept lazily: a patient that received something since moves back when its turn
    comes. The most recent one is never recycled.
    """
    while True:
        rows = table.iter_query(keys.RECYCLING, limit=_FIRST_PAGE, attributes="sk")
        places = [str(row["sk"]["S"]) for _, row in zip(range(2), rows, strict=False)]
        if len(places) < 2:
            return None
        order, _, identifier = places[0].partition(keys.END)
        patient = OrthancId(identifier)
        row = table.get(keys.resource(patient))
        if row is None or codec.read_text(row, "ro") != order or _is_protected(row):
            table.delete(keys.recycled(order, patient))
        elif codec.read_text(row, "c") > order:
            _move_back(table, row, order)
        else:
            return patient


def _is_protected(row: Row) -> bool:
    return codec.read_user_state(row).is_protected


def _move_back(table: Table, row: Row, order: str) -> None:
    """Let a patient have the place of its last reception."""
    patient, received = OrthancId(row["pk"]["S"]), codec.read_text(row, "c")
    update: dict[str, Any] = {
        "TableName": table.name,
        "Key": keys.resource(patient),
        "UpdateExpression": "SET ro = :new",
        "ConditionExpression": f"ro = :old AND {same_state(row)}",
        "ExpressionAttributeValues": {
            ":new": codec.text(received),
            ":old": codec.text(order),
            **state_value(row),
        },
    }
    moved = [
        {"Update": update},
        items.delete(table.name, keys.recycled(order, patient)),
        items.put(table.name, dict(keys.recycled(received, patient))),
    ]
    try:
        table.transact(moved)  # type: ignore[arg-type]
    except ConditionFailed:
        return  # it was deleted, or its protection ended, meanwhile: look again
