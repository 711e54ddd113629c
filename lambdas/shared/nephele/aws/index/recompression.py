"""Letting another object hold an instance: compressed, inflated, or in another transfer syntax.

The new object's reception counts as ended until it takes the place of the old one, so that the
event of its writing does nothing, and what is left of a try that failed is removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nephele.aws import clock
from nephele.aws.index import Index, codec, compress_header, items, keys
from nephele.aws.index.contents import compression_of, digest_of
from nephele.aws.index.table import Row, retry_when_changed
from nephele.domain.header import InstanceHeader
from nephele.domain.resources import Resource, StoredFile, Totals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Item


def announce_object(index: Index, instance: Resource, uuid: str) -> bool:
    """Let a reception count as ended before its object is written; False if the instance went."""
    return index.table.update_if(
        keys.resource(instance.orthanc_id),
        "ADD d :new",
        "attribute_exists(v) AND attribute_not_exists(x)",
        {":new": {"SS": [uuid]}},
    )


def replace_object(
    index: Index, instance: Resource, new: StoredFile, header: InstanceHeader | None = None
) -> bool:
    """Let an announced object hold an instance; False if that was replaced meanwhile.

    Parameters
    ----------
    header : InstanceHeader, optional
        Of the new object, where its file is another one: in another transfer syntax.
    """
    return retry_when_changed(lambda: _try_replace(index, instance, new, header))


def discard_object(index: Index, key: str) -> None:
    """Have an announced object removed that does not hold its instance."""
    pending = items.pending(index.table.name, clock.now(), clock.new_uuid(), [], [], [key])
    index.table.transact([pending])


@contextmanager
def discarded_at_failure(index: Index, key: str) -> Iterator[None]:
    """Have an announced object removed that cannot be written, so that its reception is forgotten.

    Letting it serve the instance is not done within: where it is unknown whether that failed, the
    object has to stay, and the reconciler finds it later.
    """
    try:
        yield
    except BaseException:
        discard_object(index, key)
        raise


def _try_replace(
    index: Index, instance: Resource, new: StoredFile, header: InstanceHeader | None
) -> bool:
    row = index.table.get(keys.resource(instance.orthanc_id))
    old = instance.file
    if row is None or old is None or codec.is_deleted(row) or row["v"]["S"] != old.uuid:
        return False
    _put_header(index, instance, old, new, header)
    table = index.table.name
    change = Totals(
        size_bytes=new.size_bytes - old.size_bytes, saved_bytes=new.saved_bytes - old.saved_bytes
    )
    grown = [items.count(table, change)]
    grown += [items.grow(table, one, change) for one in instance.ancestors.values()]
    pending = items.pending(table, clock.now(), clock.new_uuid(), [], [], [old.key])
    sizes = grown if change != Totals() else []
    index.table.transact([_update(table, row, old, new, header), *sizes, pending])
    return True


def _put_header(
    index: Index,
    instance: Resource,
    old: StoredFile,
    new: StoredFile,
    header: InstanceHeader | None,
) -> None:
    """Keep the header of the new object, which is the old one's where the file is the same."""
    key = keys.header(instance.orthanc_id, new.uuid)
    if header is None:
        row = index.table.get(keys.header(instance.orthanc_id, old.uuid))
        if row is not None:
            index.table.put({**row, **key})
    elif (packed := compress_header(header.encoded)) is not None:
        index.table.put({**key, "b": {"B": packed}})


def _update(
    table: str, row: Row, old: StoredFile, new: StoredFile, header: InstanceHeader | None
) -> Item:
    ended = {"SS": sorted({*row["d"]["SS"], old.uuid} - {new.uuid})}
    attributes: dict[str, Any] = {
        "v": codec.text(new.uuid),
        "d": ended,
        "z": codec.number(new.size_bytes),
        "h": codec.text(new.md5),
        **compression_of(new),
        **digest_of(new),
    }
    if header is not None:
        attributes["m"] = codec.document(_metadata(row, new, header))
    sets = ", ".join(f"#{name} = :{name}" for name in attributes)
    removed = ", ".join(name for name in ("zc", "hc", "hd") if name not in attributes)
    update: dict[str, Any] = {
        "TableName": table,
        "Key": keys.key(row["pk"]["S"], row["sk"]["S"]),
        "UpdateExpression": f"SET {sets}" + (f" REMOVE {removed}" if removed else ""),
        "ConditionExpression": "#v = :old AND #d = :old_d AND m = :m_old AND"
        " attribute_not_exists(x)",
        "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
        "ExpressionAttributeValues": {
            ":old": codec.text(old.uuid),
            ":old_d": row["d"],
            ":m_old": row["m"],
            **{f":{name}": value for name, value in attributes.items()},
        },
    }
    return {"Update": update}  # type: ignore[typeddict-item]


def _metadata(row: Row, new: StoredFile, header: InstanceHeader) -> dict[str, str]:
    """Return an instance's metadata, those that follow from how it is encoded as they are now."""
    encoding = {
        "OriginalMD5": new.provenance.original_md5 or None,
        "TransferSyntax": header.transfer_syntax_uid,
        "PixelDataOffset": header.pixel_data_offset,
        "PixelDataVR": header.pixel_data_vr,
        "IngestTranscodingFailure": None,
    }
    kept: dict[str, str] = codec.read_document(row, "m")
    others = {name: text for name, text in kept.items() if name not in encoding}
    return others | {name: str(value) for name, value in encoding.items() if value is not None}
