"""What stands in an archive for an instance: its file, or that in another transfer syntax."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, cast

from nephele.aws.read_ahead import ReadAhead
from nephele.domain.archive_layout.tree import Leaf
from nephele.domain.compression import inflate
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.part10 import read_file_meta
from nephele.domain.resources import Resource
from nephele.domain.transcoding import TARGETS, makes_new_instance
from nephele.domain.transcoding.sinks import MemorySink
from nephele.domain.transfer_syntax import transfer_syntax
from nephele.errors import (
    BadFileFormat,
    CorruptedFile,
    NotTranscodable,
    StorageFull,
    UnknownResource,
)
from nephele.services.archive import Archive
from nephele.services.archives.layout import Layout
from nephele.services.derived import transcoded_object
from nephele.services.plain_files import plain_key
from nephele.services.retrieve import file_of
from nephele.services.transcoding import begin_transcoding

_ON_THE_WAY_BYTES = 16 << 20
"""Files up to this size are inflated in memory, and native ones transcoded: few become larger."""
_MADE_AT_ONCE = 2
"""Transcoding uses all cores by itself; a second one meanwhile reads and writes."""


@dataclass(frozen=True, slots=True)
class Content:
    """An object that holds a member.

    Attributes
    ----------
    target : str
        UID of the transfer syntax it is transcoded into on its way, "" for none.
    is_compressed : bool
        The object holds the file compressed.
    sop_instance_uid : str
        Of the file as it is in the archive; not known before for what is made on the way.
    """

    key: str
    size_bytes: int
    transfer_syntax_uid: str
    sop_instance_uid: str
    target: str = ""
    is_compressed: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """The bytes of a whole member, and what became of its file."""

    data: bytes
    transfer_syntax_uid: str
    sop_instance_uid: str

    @property
    def is_compressible(self) -> bool:
        """Tell whether deflating it is worth while."""
        return is_compressible(self.transfer_syntax_uid)


def is_compressible(transfer_syntax_uid: str) -> bool:
    """Tell whether files of a transfer syntax become smaller by deflating."""
    syntax = transfer_syntax(transfer_syntax_uid)
    return not syntax.is_encapsulated and not syntax.is_deflated


def is_made_first(leaf: Leaf, target: str) -> bool:
    """Tell whether an object has to be made before its size in the archive is known."""
    if _is_wanted(leaf, target) and not is_compressible(leaf.transfer_syntax_uid):
        return True
    is_changed = leaf.is_compressed or _is_wanted(leaf, target)
    return is_changed and leaf.size_bytes > _ON_THE_WAY_BYTES


def _is_wanted(leaf: Leaf, target: str) -> bool:
    return target in TARGETS and leaf.transfer_syntax_uid != target


def content_of(leaf: Leaf, target: str) -> Content:
    """Return what stands for an instance that needs not be made first."""
    return Content(
        key=leaf.key,
        size_bytes=leaf.size_bytes,
        transfer_syntax_uid=leaf.transfer_syntax_uid,
        sop_instance_uid=leaf.sop_instance_uid,
        target=target if _is_wanted(leaf, target) else "",
        is_compressed=leaf.is_compressed,
    )


def make_contents(archive: Archive, layout: Layout, leaves: Sequence[Leaf]) -> list[Content]:
    """Make the objects of instances in another transfer syntax; what cannot be is as it is.

    Raises
    ------
    NotReady
        A large one was left to the transcode function, which is not done yet.
    UnknownResource
        One of the instances was deleted meanwhile.
    """
    resources = archive.index.resources(OrthancId(leaf.orthanc_id) for leaf in leaves)

    def make(leaf: Leaf) -> Content:
        resource = resources.get(OrthancId(leaf.orthanc_id))
        if resource is None or resource.file is None or resource.file.key != leaf.key:
            raise UnknownResource("An instance was deleted while it was archived")
        return _made(archive, layout, resource, leaf)

    with ThreadPoolExecutor(_MADE_AT_ONCE) as pool:
        return list(pool.map(make, leaves))


def _made(archive: Archive, layout: Layout, resource: Resource, leaf: Leaf) -> Content:
    """Make an object in the transfer syntax that is wanted, else one of the file as it is."""
    target = layout.request.transcode
    uid = leaf.sop_instance_uid
    try:
        if not _is_wanted(leaf, target):
            raise NotTranscodable
        key, size_bytes = transcoded_object(
            archive, resource, target, layout.lossy_quality, is_patient=False
        )
    except (NotTranscodable, StorageFull):
        key = plain_key(archive.bucket, file_of(resource))
        return Content(key, leaf.size_bytes, leaf.transfer_syntax_uid, uid)
    if makes_new_instance(target):
        with ReadAhead(archive.bucket, key, size_bytes) as opened:
            uid = read_file_meta(cast("BinaryIO", opened)).media_storage_sop_instance_uid
    return Content(key, size_bytes, target, uid)


def read_piece(archive: Archive, content: Content, start: int, stop: int) -> bytes:
    """Read bytes of a member.

    Raises
    ------
    UnknownResource
        Its object was deleted meanwhile.
    CorruptedFile
        The object is shorter than the index says.
    """
    data = archive.bucket.open_range(content.key, start, stop)
    if len(data) != stop - start:
        raise CorruptedFile("An object is shorter than its index entry")
    return data


def read_member(archive: Archive, content: Content, lossy_quality: int) -> Member:
    """Read a whole member, transcoded if that was asked and can be done. Raises as `read_piece`."""
    data = _read_whole(archive, content)
    plain = Member(data, content.transfer_syntax_uid, content.sop_instance_uid)
    if not content.target:
        return plain
    sink = MemorySink()
    try:
        with begin_transcoding(
            archive, io.BytesIO(data), content.target, lossy_quality
        ) as transcoding:
            transcoding.write(sink, jobs=1)
            return Member(sink.getvalue(), content.target, transcoding.sop_instance_uid)
    except (NotTranscodable, BadFileFormat, StorageFull):
        return plain


def _read_whole(archive: Archive, content: Content) -> bytes:
    if not content.is_compressed:
        return read_piece(archive, content, 0, content.size_bytes)
    data = inflate(archive.bucket.open_range(content.key, 0))
    if len(data) != content.size_bytes:
        raise CorruptedFile("An object is shorter than its index entry")
    return data
