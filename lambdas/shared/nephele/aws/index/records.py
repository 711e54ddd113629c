"""The index's small rows: dead letters, failures, versions aside, receipts, cursors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nephele.aws import clock
from nephele.aws.index import codec, keys
from nephele.aws.index.table import Row, Table
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import AsideVersion, DeadLetter

_DAY_SECONDS = 86_400
_REASON_SECONDS = 15 * _DAY_SECONDS


def list_aside(table: Table) -> list[AsideVersion]:
    """Return all receptions kept aside."""
    versions = []
    for row in table.iter_query(keys.ASIDE_LIST):
        orthanc_id, _, uuid = row["sk"]["S"].partition("#")
        versions.append(
            AsideVersion(
                orthanc_id=OrthancId(orthanc_id),
                uuid=uuid,
                key=row["k"]["S"],
                received=row["r"]["S"],
                size_bytes=codec.read_number(row, "z"),
                md5=row["h"]["S"],
                remote_aet=codec.read_document(row, "m").get("RemoteAET", ""),
            )
        )
    return versions


def is_aside(table: Table, orthanc_id: OrthancId, uuid: str) -> bool:
    """Tell whether a reception is kept aside."""
    return table.get(keys.aside(orthanc_id, uuid)) is not None


def aside_among(table: Table, entries: Iterable[tuple[OrthancId, str]]) -> set[str]:
    """Return the uuids of those receptions that are kept aside, given with their instances."""
    rows = table.get_all(keys.aside(orthanc_id, uuid) for orthanc_id, uuid in entries)
    return {row["sk"]["S"].partition("#")[2] for row in rows}


def put_dead_letter(table: Table, letter: DeadLetter) -> None:
    """Keep a message that could not be processed."""
    table.put(
        {
            **keys.dead_letter(letter.identifier),
            "q": codec.text(letter.queue),
            "b": codec.text(letter.body),
            "f": codec.text(letter.reason),
            "r": codec.text(letter.received),
            "k": codec.document(letter.object_key),
        }
    )


def list_dead_letters(table: Table) -> list[DeadLetter]:
    """Return all messages that could not be processed."""
    return [_read_dead_letter(row) for row in table.iter_query(keys.DEAD_LETTERS)]


def dead_letter(table: Table, identifier: str) -> DeadLetter | None:
    """Return one message that could not be processed."""
    row = table.get(keys.dead_letter(identifier))
    return None if row is None else _read_dead_letter(row)


def _read_dead_letter(row: Row) -> DeadLetter:
    return DeadLetter(
        identifier=row["sk"]["S"],
        queue=row["q"]["S"],
        body=row["b"]["S"],
        reason=row["f"]["S"],
        received=row["r"]["S"],
        object_key=codec.read_document(row, "k"),
    )


def delete_dead_letter(table: Table, identifier: str) -> None:
    """Forget a message."""
    table.delete(keys.dead_letter(identifier))


def count_dead_letters(table: Table) -> int:
    """Return how many messages could not be processed."""
    return sum(1 for _ in table.iter_query(keys.DEAD_LETTERS, attributes="sk"))


def count_aside(table: Table) -> int:
    """Return how many receptions are kept aside."""
    return sum(1 for _ in table.iter_query(keys.ASIDE_LIST, attributes="sk"))


def put_failure(table: Table, object_key: str, reason: str) -> None:
    """Keep why an object could not be processed, for the dead letter it may become."""
    _put_reason(table, keys.failure(object_key), reason, _REASON_SECONDS)


def _put_reason(table: Table, key: keys.Key, reason: str, seconds: int) -> None:
    table.put({**key, "f": codec.text(reason), "expires": codec.number(clock.expiry(seconds))})


def failure(table: Table, object_key: str) -> str:
    """Return why an object could not be processed, `""` if that is not known."""
    row = table.get(keys.failure(object_key))
    return "" if row is None else str(row["f"]["S"])


def put_verdict(
    table: Table, derived_key: str, reason: str, seconds: int = _REASON_SECONDS
) -> None:
    """Keep for a while why a derived object cannot be made."""
    _put_reason(table, keys.verdict(derived_key), reason, seconds)


def verdict(table: Table, derived_key: str) -> str:
    """Return why a derived object cannot be made, `""` if nothing is known against it."""
    row = table.get(keys.verdict(derived_key))
    if row is None or codec.read_number(row, "expires") <= clock.epoch_seconds():
        return ""
    return str(row["f"]["S"])


def forget_verdict(table: Table, derived_key: str) -> None:
    """Forget why an object could not be made: it was."""
    table.delete(keys.verdict(derived_key))


def put_resent(table: Table, uuids: Sequence[str], seconds: int) -> None:
    """Keep for a while that raw objects were announced again."""
    expires = codec.number(clock.expiry(seconds))
    table.put_all([{**keys.resent(uuid), "expires": expires} for uuid in uuids])


def resent(table: Table, uuids: Sequence[str]) -> set[str]:
    """Return those raw objects that were announced again a while ago."""
    now = clock.epoch_seconds()
    rows = table.get_all(keys.resent(uuid) for uuid in uuids)
    return {
        row["pk"]["S"].partition("#")[2] for row in rows if codec.read_number(row, "expires") > now
    }


def put_receipt(table: Table, uuid: str, orthanc_id: OrthancId) -> None:
    """Keep which instance a transcoded reception became."""
    expires = codec.number(clock.expiry(_DAY_SECONDS))
    table.put({**keys.receipt(uuid), "k": codec.text(orthanc_id), "expires": expires})


def receipts(table: Table, uuids: list[str]) -> dict[str, OrthancId]:
    """Return which instances transcoded receptions became; those not yet done are left out."""
    rows = table.get_all(keys.receipt(uuid) for uuid in uuids)
    return {row["pk"]["S"].partition("#")[2]: OrthancId(row["k"]["S"]) for row in rows}


def put_cursor(table: Table, name: str, position: str) -> None:
    """Keep where a background walk stands."""
    table.put({**keys.cursor(name), "k": codec.text(position)})


def cursor(table: Table, name: str) -> str:
    """Return where a background walk stands, `""` at its beginning."""
    row = table.get(keys.cursor(name))
    return "" if row is None else str(row["k"]["S"])


def claim(table: Table, name: str, seconds: int) -> bool:
    """Claim some work for a while; tell whether nobody else holds the claim."""
    values = {
        ":now": codec.number(int(clock.epoch_seconds())),
        ":until": codec.number(clock.expiry(seconds)),
    }
    free = "attribute_not_exists(expires) OR expires < :now"
    return table.update_if(keys.claim(name), "SET expires = :until", free, values)


def release_claim(table: Table, name: str) -> None:
    """Give a claim back."""
    table.delete(keys.claim(name))
