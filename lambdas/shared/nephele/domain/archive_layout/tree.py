"""The resources of an archive: from patients to instances, and the names of their files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nephele.domain.archive_layout.names import (
    Folder,
    file_name_format,
    folder_name,
    index_number,
    number_files,
)
from nephele.domain.levels import Level


@dataclass(frozen=True, slots=True)
class Leaf:
    """An instance in an archive.

    Attributes
    ----------
    key : str
        The object that holds it.
    received : str
        UTC, `YYYYMMDDTHHMMSS`.
    is_compressed : bool
        The object holds the file compressed.
    """

    orthanc_id: str
    key: str
    size_bytes: int
    transfer_syntax_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    instance_number: str
    index_in_series: str | None
    received: str
    is_compressed: bool = False

    @property
    def order(self) -> tuple[bool, int, str]:
        """Return what instances of a series are sorted by: IndexInSeries, then the id."""
        index = index_number(self.index_in_series)
        return index is None, index or 0, self.orthanc_id


@dataclass(frozen=True, slots=True)
class Branch:
    """A patient, study or series in an archive; `leaves` are those of a series.

    Attributes
    ----------
    tags : dict
        `"gggg,eeee"` to value.
    """

    level: Level
    orthanc_id: str
    tags: dict[str, str]
    branches: list[Branch] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)

    def ordered_leaves(self) -> list[Leaf]:
        """Return the instances in the order of IndexInSeries."""
        return sorted(self.leaves, key=lambda leaf: leaf.order)


def ordered(branches: list[Branch]) -> list[Branch]:
    """Return resources in the order of their ids."""
    return sorted(branches, key=lambda branch: branch.orthanc_id)


def iter_leaves(branches: list[Branch]) -> Iterator[Leaf]:
    """Yield all instances in the order of the archive."""
    for branch in ordered(branches):
        yield from iter_leaves(branch.branches)
        yield from branch.ordered_leaves()


def archive_names(branches: list[Branch], *, is_utf8: bool) -> list[str]:
    """Return the names of all instances' files, in the order of `iter_leaves`."""
    return list(_iter_names(branches, "", is_utf8))


def _iter_names(branches: list[Branch], path: str, is_utf8: bool) -> Iterator[str]:
    folder = Folder()
    for branch in ordered(branches):
        name = folder.unique(folder_name(branch.level, branch.tags, is_utf8=is_utf8))
        beneath = f"{path}{name}/"
        yield from _iter_names(branch.branches, beneath, is_utf8)
        yield from (beneath + file for file in _file_names(branch))


def _file_names(series: Branch) -> Iterator[str]:
    folder, pattern = Folder(), file_name_format(series.tags)
    indexes = [index_number(leaf.index_in_series) for leaf in series.ordered_leaves()]
    for number in number_files(indexes):
        yield folder.unique(pattern % number)


def media_names(count: int) -> list[str]:
    """Return the names of files on media, which have no extension. See PS3.10 8.2."""
    return [f"IMAGES/IM{number}" for number in range(count)]
