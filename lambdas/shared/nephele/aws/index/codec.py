"""Both directions between a resource and its row.

A row's attributes have short names, since DynamoDB bills each byte of them:

====  =====================================================================
`l`   level                     `a`   ids of the levels above, packed
`t`   main tags (JSON)          `m`   metadata (JSON)
`u`   last update               `c`   last reception beneath
`s`   present when stable       `e`   look-up keys the main tags do not tell (JSON)
`nt`  studies beneath           `ns`  series beneath
`ni`  instances beneath         `z`   bytes (of the object, or beneath)
`v`   uuid of the reception     `h`   MD5
`r`   reception time            `x`   present when deleted (a tombstone)
`d`   uuids of receptions that are no longer, or never were, the one served: see `ended`
`y`   those of `d` that are kept aside
`es`  how many more of them were given rows of their own
`eb`  what `es` was when the instance was deleted last
`eg`  how many of them were forgotten
`f`   present when a series was complete once
`i`   index in series           `o`   the identifier as it was received
`mo`  series of each modality beneath a study (a map)
`q`   present when a study spells its patient's name otherwise: see `search_rows`
`us`  what users keep there (JSON)
`ro`  a patient's place in the order of recycling
`zs`  of `z`, bytes that compression saves
`za`  bytes attached here and beneath
`zt`  of `za`, bytes that compression saves
`zc`  bytes of an instance's compressed object
`hc`  MD5 of that object
`hd`  digest of an instance's data set, behind the uuid of the reception it is of
`rv`  how often an instance's object was compressed or inflated
====  =====================================================================
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson

from nephele.aws import keys as object_keys
from nephele.aws.clock import to_seconds
from nephele.aws.index.table import Row
from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.provenance import Origin, Provenance
from nephele.domain.resources import Counts, Resource, StoredFile, Totals
from nephele.domain.user_state import NO_USER_STATE, UserState, decode_state

_KEPT_IDS = 256


def text(value: str) -> dict[str, str]:
    """Encode a text attribute."""
    return {"S": value}


def number(value: int) -> dict[str, str]:
    """Encode a number attribute."""
    return {"N": str(value)}


def document(value: object) -> dict[str, str]:
    """Encode JSON in a text attribute."""
    return {"S": orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()}


def read_document(row: Row, name: str) -> Any:
    """Decode a JSON attribute; an absent one is an empty object."""
    return orjson.loads(row[name]["S"]) if name in row else {}


def read_text(row: Row, name: str) -> str:
    """Decode a text attribute; an absent one is empty."""
    return str(row[name]["S"]) if name in row else ""


def read_number(row: Row, name: str) -> int:
    """Decode a number attribute; an absent one is 0."""
    return int(row[name]["N"]) if name in row else 0


def pack_ids(ids: list[OrthancId]) -> dict[str, bytes]:
    """Encode ids in 20 bytes each instead of 44."""
    return {"B": b"".join(bytes.fromhex(i.replace("-", "")) for i in ids)}


@lru_cache(_KEPT_IDS)
def _unpack_ids(packed: bytes) -> tuple[OrthancId, ...]:
    """Decode ids; what lies beside each other has the same ones above it."""
    digits = packed.hex()
    starts = range(0, len(digits), 40)
    return tuple(
        OrthancId("-".join([digits[n : n + 8] for n in range(start, start + 40, 8)]))
        for start in starts
    )


def is_deleted(row: Row) -> bool:
    """Tell whether an instance's row is a tombstone."""
    return "x" in row


def aside_uuids(row: Row) -> list[str]:
    """Return the uuids of those of `ended_uuids` that are kept aside."""
    return sorted(row.get("y", {}).get("SS", ()))


def ended_uuids(row: Row) -> list[str]:
    """Return the uuids of the receptions that have ended, as far as the row names them."""
    return sorted(row.get("d", {}).get("SS", ()))


def is_served(row: Row | None, uuid: str) -> bool:
    """Tell whether an instance is served by a reception."""
    return row is not None and not is_deleted(row) and bool(row["v"]["S"] == uuid)


def read_resource(row: Row) -> Resource:
    """Decode the row of a resource that is not deleted."""
    level = Level(row["l"]["S"])
    orthanc_id = OrthancId(row["pk"]["S"])
    above = ORDER[: ORDER.index(level)]
    ancestors = dict(zip(above, _unpack_ids(row["a"]["B"]) if above else (), strict=True))
    metadata: dict[str, str] = read_document(row, "m")
    if level is not Level.INSTANCE:
        metadata["LastUpdate"] = to_seconds(row["u"]["S"])
    return Resource(
        level=level,
        orthanc_id=orthanc_id,
        ancestors=ancestors,
        main_tags=read_document(row, "t"),
        metadata=metadata,
        is_stable="s" in row,
        totals=_read_beneath(row, level),
        file=_read_file(row, orthanc_id, metadata) if level is Level.INSTANCE else None,
        modalities=read_modalities(row),
        user=read_user_state(row),
    )


def _read_beneath(row: Row, level: Level) -> Totals:
    totals = read_totals(row)
    if level is not Level.INSTANCE or "zc" not in row:
        return totals
    return replace(totals, saved_bytes=totals.size_bytes - read_number(row, "zc"))


def read_user_state(row: Row) -> UserState:
    """Decode what users keep at a resource."""
    return decode_state(read_document(row, "us")) if "us" in row else NO_USER_STATE


def read_modalities(row: Row) -> tuple[str, ...]:
    """Decode which modalities the series of a study have, ascending."""
    return tuple(sorted(row["mo"]["M"])) if "mo" in row else ()


def read_counts(row: Row) -> Counts:
    """Decode what is counted of a parent, and nothing else of its row."""
    return Counts(read_totals(row), read_modalities(row))


def read_totals(row: Row) -> Totals:
    """Decode the counts of a parent, or of a shard of the archive's counters."""
    return Totals(
        patients=read_number(row, "np"),
        studies=read_number(row, "nt"),
        series=read_number(row, "ns"),
        instances=read_number(row, "ni"),
        size_bytes=read_number(row, "z"),
        saved_bytes=read_number(row, "zs"),
        attached_bytes=read_number(row, "za"),
        attached_saved_bytes=read_number(row, "zt"),
    )


def read_file(row: Row) -> StoredFile:
    """Decode the stored file of an instance's row."""
    return _read_file(row, OrthancId(row["pk"]["S"]), read_document(row, "m"))


def _read_file(row: Row, orthanc_id: OrthancId, metadata: dict[str, str]) -> StoredFile:
    uuid = row["v"]["S"]
    return StoredFile(
        key=str(object_keys.InstanceKey(object_keys.FINAL, orthanc_id, uuid)),
        uuid=uuid,
        size_bytes=read_number(row, "z"),
        md5=row["h"]["S"],
        provenance=Provenance(
            origin=Origin(metadata.get("Origin", Origin.UNKNOWN)),
            received=row["r"]["S"],
            remote_aet=metadata.get("RemoteAET", ""),
            called_aet=metadata.get("CalledAET", ""),
            remote_ip=metadata.get("RemoteIP", ""),
            http_username=metadata.get("HttpUsername", ""),
        ),
        compressed_bytes=read_number(row, "zc") if "zc" in row else None,
        compressed_md5=row["hc"]["S"] if "hc" in row else "",
        data_set_digest=_read_data_set_digest(row),
    )


def data_set_digest(file: StoredFile) -> dict[str, str]:
    """Encode the digest of a data set: whatever becomes of the row, it is of this reception."""
    return text(f"{file.uuid} {file.data_set_digest}")


def _read_data_set_digest(row: Row) -> str:
    uuid, _, digest = row["hd"]["S"].partition(" ") if "hd" in row else ("", "", "")
    return digest if uuid == row["v"]["S"] else ""
