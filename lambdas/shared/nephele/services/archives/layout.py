"""The layout of an archive: its members in order, from which all its bytes follow."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from nephele.domain.archive_layout.tree import Branch, Leaf, archive_names, iter_leaves, media_names
from nephele.domain.dicomdir import MediaFile, write_dicomdir
from nephele.domain.levels import Level
from nephele.domain.zip_file.packing import PACKING
from nephele.services.archive import Archive
from nephele.services.archives.request import ArchiveRequest, Root
from nephele.services.archives.resources import read_tree

_FORMAT = f"1 {PACKING}"
"""Part of every digest; another one where the same layout gives other bytes."""


@dataclass(frozen=True)
class Layout:
    """What an archive holds.

    Attributes
    ----------
    lossy_quality : int
        Of lossy transfer syntaxes, if files are transcoded.
    """

    request: ArchiveRequest
    patients: list[Branch]
    lossy_quality: int

    @cached_property
    def leaves(self) -> list[Leaf]:
        """The instances, in the order of the archive."""
        return list(iter_leaves(self.patients))

    @cached_property
    def names(self) -> list[str]:
        """The names of the instances' files, in the same order."""
        if self.request.is_media:
            return media_names(len(self.leaves))
        branches = self.patients
        if self.request.root is Root.SERIES:
            branches = [
                one for patient in branches for study in patient.branches for one in study.branches
            ]
        return archive_names(branches, is_utf8=self.request.is_utf8)

    @cached_property
    def raw_bytes(self) -> int:
        """Size of all instances as they are stored."""
        return sum(leaf.size_bytes for leaf in self.leaves)

    @cached_property
    def digest(self) -> str:
        """Names the bytes of the archive: of two that differ anywhere it differs."""
        facts = [_FORMAT, self.request.to_document() | {"resources": []}, self.lossy_quality]
        facts += [[*pair] for pair in zip(self.names, self.leaves, strict=True)]
        if self.request.is_media:
            facts.append(self.patients)
        return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:40]

    def dicomdir(self, files: list[MediaFile]) -> bytes:
        """Return the directory of media; files are given in the order of the archive."""
        by_id = {leaf.orthanc_id: file for leaf, file in zip(self.leaves, files, strict=True)}
        return write_dicomdir(
            self.patients,
            lambda leaf: by_id[leaf.orthanc_id],
            is_extended=self.request.is_extended,
        )

    def encoded(self) -> bytes:
        """Return the layout as `read_layout` reads it."""
        document = [self.request.to_document(), self.lossy_quality, self.patients]
        return zlib.compress(orjson.dumps(document), 1)


def plan_layout(archive: Archive, request: ArchiveRequest) -> Layout:
    """Read the layout of an archive as it would be made now; UnknownResource as `read_tree`."""
    quality = request.lossy_quality or archive.configuration.dicom_lossy_transcoding_quality
    return Layout(request, read_tree(archive, request), quality)


def read_layout(encoded: bytes) -> Layout:
    """Read what `Layout.encoded` returned."""
    request, quality, patients = orjson.loads(zlib.decompress(encoded))
    return Layout(
        ArchiveRequest.from_document(request), [_branch(one) for one in patients], quality
    )


def _branch(document: dict[str, Any]) -> Branch:
    return Branch(
        level=Level(document["level"]),
        orthanc_id=document["orthanc_id"],
        tags=document["tags"],
        branches=[_branch(one) for one in document["branches"]],
        leaves=[Leaf(**one) for one in document["leaves"]],
    )
