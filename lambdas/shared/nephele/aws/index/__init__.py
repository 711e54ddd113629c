"""The index: one DynamoDB table, read consistently."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nephele.aws.bucket import Bucket
from nephele.aws.index import codec, keys
from nephele.aws.index.table import Row, Table
from nephele.aws.index.table_reads import Begun
from nephele.domain.compression import inflate_beginning
from nephele.domain.identifiers import matches_identifier
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Child, Counts, Resource, StoredFile, Totals

HEADER_LIMIT_BYTES = 100_000
"""Longest compressed header kept in the table; a longer one is read from its object."""


_FIRST_PAGE = 100
"""Rows of a list that are read first: a client may want a few of many."""


@dataclass(frozen=True, slots=True)
class Index:
    """Reading the index; commits, deletions and changes are the modules beside this one."""

    table: Table

    def resource(self, orthanc_id: OrthancId) -> Resource | None:
        """Return a resource, None if there is none (or it was deleted)."""
        row = self.table.get(keys.resource(orthanc_id))
        return None if row is None or codec.is_deleted(row) else codec.read_resource(row)

    def resources(self, ids: Iterable[OrthancId]) -> dict[OrthancId, Resource]:
        """Return resources by id; absent ones are left out."""
        return resources_of(self.table.get_all(keys.resource(orthanc_id) for orthanc_id in ids))

    def begin_resources(self, ids: Iterable[OrthancId]) -> Begun:
        """Begin to read the rows of 100 resources at most; `resources_of` decodes them."""
        return self.table.begin_get_all(keys.resource(one) for one in dict.fromkeys(ids))

    def rows(self, ids: Iterable[OrthancId]) -> dict[OrthancId, Row]:
        """Return raw rows of resources by id, tombstones included."""
        rows = self.table.get_all(keys.resource(orthanc_id) for orthanc_id in ids)
        return {OrthancId(row["pk"]["S"]): row for row in rows}

    def children(self, orthanc_id: OrthancId) -> list[Child]:
        """Return what hangs under a resource, sorted by id."""
        return children_of(self.table.iter_query(orthanc_id, prefix=keys.CHILD))

    def begin_children(self, orthanc_id: OrthancId) -> Begun:
        """Begin to read what hangs under a resource; `children_of` decodes it."""
        return self.table.begin_query(orthanc_id, keys.CHILD)

    def header(self, instance: Resource, bucket: Bucket) -> bytes:
        """Return an instance's encoded header (`InstanceHeader.encoded`)."""
        if instance.file is None:
            raise ValueError("only instances have a header")
        row = self.table.get(keys.header(instance.orthanc_id, instance.file.uuid))
        if row is not None:
            return zlib.decompress(row["b"]["B"])
        offset = instance.metadata.get("PixelDataOffset")
        return read_beginning(bucket, instance.file, int(offset) if offset else None)

    def lookup(self, tag: str, value: str) -> list[OrthancId]:
        """Return resources whose identifier (`0010,0020`, `0020,000d` …) is a value."""
        return identified_by(value, self.table.iter_query(keys.identifier(tag, value)))

    def begin_lookup(self, tag: str, value: str) -> Begun:
        """Begin to look an identifier up; `identified_by` decodes what is found."""
        return self.table.begin_query(keys.identifier(tag, value))

    def iter_level(self, level: Level, start_after: OrthancId | None = None) -> Iterator[OrthancId]:
        """Yield the ids of a level in ascending order."""
        first = start_after[0] if start_after else "0"
        for character in "0123456789abcdef":
            if character < first:
                continue
            after = start_after if start_after and character == first else ""
            rows = self.table.iter_query(
                keys.listing(level, character),
                after=after or "",
                limit=_FIRST_PAGE,
                is_growing=True,
            )
            yield from (OrthancId(row["sk"]["S"]) for row in rows)

    def totals(self) -> Totals:
        """Return what the whole archive holds."""
        shards = [codec.read_totals(row) for row in self.table.iter_query(keys.COUNTERS)]
        return Totals(
            patients=sum(shard.patients for shard in shards),
            studies=sum(shard.studies for shard in shards),
            series=sum(shard.series for shard in shards),
            instances=sum(shard.instances for shard in shards),
            size_bytes=sum(shard.size_bytes for shard in shards),
            saved_bytes=sum(shard.saved_bytes for shard in shards),
            attached_bytes=sum(shard.attached_bytes for shard in shards),
            attached_saved_bytes=sum(shard.attached_saved_bytes for shard in shards),
        )


def resources_of(rows: Iterable[Row]) -> dict[OrthancId, Resource]:
    """Return the resources of some rows by id; deleted ones are left out."""
    found = (codec.read_resource(row) for row in rows if not codec.is_deleted(row))
    return {resource.orthanc_id: resource for resource in found}


def children_of(rows: Iterable[Row]) -> list[Child]:
    """Return what hangs under a resource, in the order of its rows."""
    return [
        Child(OrthancId(row["sk"]["S"][len(keys.CHILD) :]), row.get("i", {}).get("S"))
        for row in rows
    ]


def identified_by(value: str, rows: Iterable[Row]) -> list[OrthancId]:
    """Return those of the resources found by an identifier that have this very one."""
    return [OrthancId(row["sk"]["S"]) for row in rows if matches_identifier(row["o"]["S"], value)]


def counts_of(rows: Iterable[Row]) -> dict[OrthancId, Counts]:
    """Return what is counted of the resources of some rows by id, deleted ones left out."""
    return {
        OrthancId(row["pk"]["S"]): codec.read_counts(row)
        for row in rows
        if not codec.is_deleted(row)
    }


def read_beginning(bucket: Bucket, file: StoredFile, stop: int | None) -> bytes:
    """Read the first bytes of an instance's file; all of them where `stop` is None."""
    if not file.is_compressed:
        return bucket.open_range(file.key, 0, stop)
    size_bytes = file.size_bytes if stop is None else stop
    return inflate_beginning(bucket.read(file.key), size_bytes)


def compress_header(encoded: bytes) -> bytes | None:
    """Return a header as the table keeps it, None where it is too long or was not kept."""
    if not encoded:
        return None
    packed = zlib.compress(encoded, 6)
    return packed if len(packed) <= HEADER_LIMIT_BYTES else None
