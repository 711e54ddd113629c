"""The kinds of jobs: one row each, and the code behind a row, imported when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from nephele.domain.jobs import Executor

if TYPE_CHECKING:
    from nephele.services.archive import Archive
    from nephele.services.jobs.slices import Slice


class JobKind(Protocol):
    """What a kind of job does; a module that has this function is one."""

    def run(self, archive: Archive, piece: Slice, /) -> bool:
        """Do steps; True when the job is done, False when there is more to do.

        It may be called again from the last checkpoint on at any time: what was done after that
        is done again, or found done.
        """
        ...


@dataclass(frozen=True, slots=True)
class KindRow:
    """What everybody knows of a kind.

    Attributes
    ----------
    module : str
        Where its code is; "" for those of the edge, whose code is there.
    can_resubmit : bool
        A failed job may be submitted again.
    is_hidden : bool
        Jobs of this kind are never listed.
    is_patient : bool
        They are tried again for days, whatever fails, and those that failed stay listed.
    has_body : bool
        What a hidden one makes is the very body of the answer, however large.
    has_revision : bool
        What it attached has a revision, `Revision` of its position: the answer tells it.
    is_inline : bool
        The first slice of a synchronous one is run within the call that submits it. Not so where
        a call has too little disk, or lacks the right.
    """

    job_type: str
    executor: Executor
    module: str = ""
    can_resubmit: bool = True
    is_hidden: bool = False
    is_patient: bool = False
    has_body: bool = False
    has_revision: bool = False
    is_inline: bool = True


_ROWS = (
    KindRow("Archive", Executor.FUNCTIONS, "nephele.services.archives.job", can_resubmit=False),
    KindRow("Media", Executor.FUNCTIONS, "nephele.services.archives.job", can_resubmit=False),
    KindRow(
        "ArchiveHelper",
        Executor.FUNCTIONS,
        "nephele.services.archives.helper",
        can_resubmit=False,
        is_hidden=True,
    ),
    KindRow("Find", Executor.FUNCTIONS, "nephele.rest.find_job", is_hidden=True, has_body=True),
    KindRow(
        "InstancesTags",
        Executor.FUNCTIONS,
        "nephele.rest.tags_job",
        is_hidden=True,
        has_body=True,
    ),
    KindRow(
        "StoreZip",
        Executor.FUNCTIONS,
        "nephele.rest.zip_job",
        can_resubmit=False,
        is_hidden=True,
        is_inline=False,
    ),
    KindRow(
        "StoreUpload",
        Executor.FUNCTIONS,
        "nephele.rest.upload_job",
        is_hidden=True,
        is_inline=False,
    ),
    KindRow(
        "AttachUpload",
        Executor.FUNCTIONS,
        "nephele.services.attach_job",
        is_hidden=True,
        has_revision=True,
        is_inline=False,
    ),
    KindRow("RestoreDeleted", Executor.FUNCTIONS, "nephele.services.undelete_job", is_inline=False),
    KindRow("Reconstruct", Executor.FUNCTIONS, "nephele.services.reconstruct_job"),
    KindRow(
        "ReconstructFiles",
        Executor.FUNCTIONS,
        "nephele.services.reconstruct_job",
        is_inline=False,
    ),
    KindRow("Delete", Executor.FUNCTIONS, "nephele.services.delete_job", is_hidden=True),
    KindRow("OrthancPeerStore", Executor.FUNCTIONS, "nephele.services.peers.store_job"),
    KindRow(
        "PeerSystem",
        Executor.EDGE,
        "nephele.services.peers.system_job",
        can_resubmit=False,
        is_hidden=True,
    ),
    KindRow(
        "PeerStoreStraight",
        Executor.EDGE,
        "nephele.services.peers.straight_job",
        can_resubmit=False,
        is_hidden=True,
    ),
    KindRow("DicomModalityStore", Executor.EDGE),
    KindRow("AutoForward", Executor.EDGE, is_patient=True),
    KindRow(
        "AutoForwardToPeer",
        Executor.FUNCTIONS,
        "nephele.services.peers.forward_job",
        is_patient=True,
    ),
    KindRow("DicomMoveScu", Executor.EDGE),
    KindRow("DicomGetScu", Executor.EDGE),
    KindRow("StorageCommitmentScp", Executor.EDGE),
    KindRow("DicomEcho", Executor.EDGE, can_resubmit=False, is_hidden=True),
    KindRow("DicomFind", Executor.EDGE, can_resubmit=False, is_hidden=True),
    KindRow("DicomFindWorklist", Executor.EDGE, can_resubmit=False, is_hidden=True),
    KindRow("DicomStoreStraight", Executor.EDGE, can_resubmit=False, is_hidden=True),
    KindRow("StorageCommitmentScu", Executor.EDGE, can_resubmit=False, is_hidden=True),
)
KINDS: dict[str, KindRow] = {row.job_type: row for row in _ROWS}
"""Every kind of job, by Orthanc's type."""

Kinds = Callable[[str], JobKind]
"""Returns the code of a kind by its type."""


def load_kind(job_type: str) -> JobKind:
    """Return the code of a kind that the wheel has."""
    return cast("JobKind", import_module(KINDS[job_type].module))
