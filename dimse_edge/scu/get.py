"""The job `DicomGetScu`: C-GET from others, received over the same association. PS3.4 C.4.3."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from dimse_edge.command import Command
from dimse_edge.scu.calls import SUCCESS
from dimse_edge.scu.getting import Getting, root_of
from dimse_edge.scu.holdings import Held, held, iter_requests
from dimse_edge.scu.proposals import proposals, proposals_of
from dimse_edge.scu.requests import Proposal
from dimse_edge.scu.resuming import ask_for_rest
from dimse_edge.scu.retrieved import Retrieved, together
from dimse_edge.scu.retrieving import EXPECTED, Progress, retrieve_all, sub_operations
from nephele.domain.levels import Level
from nephele.domain.query_keys import Query
from nephele.errors import GetUnavailable, NetworkProtocol
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.slices import Slice
from nephele.services.overrides import followed


def run(archive: Archive, piece: Slice) -> bool:
    """Ask a modality for what is left, and store what comes."""
    with Getting(archive, piece.request) as getting:
        ask = _Get(archive, piece, getting).ask
        is_done = retrieve_all(archive, piece, "C-GET", ask, ask_for_rest(archive, piece, ask))
    getting.settle()
    return is_done


class _Get:
    """Retrievals over one association, or others for what that one has no context for."""

    def __init__(self, archive: Archive, piece: Slice, getting: Getting) -> None:
        self._archive = archive
        self._request = piece.request
        self._position = piece.position
        self._getting = getting
        self._known: dict[str, list[Proposal]] = {}

    def ask(self, level: Level, query: Query, progress: Progress) -> Retrieved:
        """Ask for one resource; where some of it failed, once more for what has not come."""
        announced = 0

        def note(response: Command) -> None:
            nonlocal announced
            announced = max(announced, sub_operations(response))
            progress(response)

        self._getting.open(self._proposals(level)[0])
        retrieved = self._getting.retrieve(level, query, note)
        if not retrieved.failed:
            return retrieved
        self._position.setdefault(EXPECTED, retrieved.total)  # not that of what is asked for next
        come = set(self._getting.come)
        self._getting.release()
        there = held(self._archive, self._request, level, query)
        if not there:
            return self._ask_for_other_classes(retrieved, level, query, progress)
        missing = {one.sop_instance_uid: one for one in there if one.sop_instance_uid not in come}
        named = (uid for uid in retrieved.failed_sop_instance_uids if uid not in come)
        lost = list(dict.fromkeys([*missing, *named]))
        parts = [retrieved]
        try:
            for part in self._iter_others(there, missing, progress):
                parts.append(part)
                come |= self._getting.come
        except (GetUnavailable, NetworkProtocol) as error:
            logger.warning("what failed cannot be got", extra={"reason": str(error)})
        return _outcome(parts, lost, come, announced)

    def _iter_others(
        self, there: list[Held], missing: dict[str, Held], progress: Progress
    ) -> Iterator[Retrieved]:
        """Ask for instances that are missing by contexts made for them; remove what comes."""
        for proposal in self._iter_proposals(missing.values()):
            wanted = [
                one
                for one in missing.values()
                if not one.sop_class_uid or one.sop_class_uid in proposal.roles
            ]
            for level, query, _ in iter_requests(there, wanted):
                self._getting.open(proposal)
                yield self._getting.retrieve(level, query, progress)
                for uid in self._getting.come:
                    missing.pop(uid, None)

    def _iter_proposals(self, missing: Collection[Held]) -> Iterator[Proposal]:
        """Yield what to propose for instances, of known classes or of any."""
        classes = sorted({one.sop_class_uid for one in missing} - {""})
        yield from proposals_of(followed(self._archive), root_of(Level.INSTANCE), classes)
        if any(not one.sop_class_uid for one in missing):
            yield from self._proposals(Level.INSTANCE)

    def _proposals(self, level: Level) -> list[Proposal]:
        """Return what to propose for retrievals of a level, the same each time."""
        root = root_of(level)
        if root not in self._known:
            expected = self._request.get("SOPClassesInStudy", ())
            self._known[root] = proposals(followed(self._archive), root, expected)
        return self._known[root]

    def _ask_for_other_classes(
        self, first: Retrieved, level: Level, query: Query, progress: Progress
    ) -> Retrieved:
        """Ask again for the classes that are left, of a modality that does not list instances.

        One that stops at the first failure may leave both incomplete; that is a failure then.
        """
        retrieved = first
        try:
            for proposal in self._proposals(level)[1:]:
                self._getting.open(proposal)
                if self._getting.has_storage:
                    other = self._getting.retrieve(level, query, progress)
                    retrieved = retrieved.completed_by(other)
                if not retrieved.failed:
                    break
        except (GetUnavailable, NetworkProtocol) as error:
            logger.warning("other classes cannot be got", extra={"reason": str(error)})
        return retrieved


def _outcome(
    parts: list[Retrieved], lost: list[str], come: Collection[str], announced: int
) -> Retrieved:
    """Return how it ended altogether: a success where all that failed has come since.

    Parameters
    ----------
    lost : list of str
        SOP Instance UIDs of what had not come at first: of what the modality lists, and of what it
        named as failed. What failed and is neither has not come.
    come : collection of str
        What has come altogether.
    announced : int
        How many the modality was about to send at first: it may stop at a failure, and count one.
    """
    whole, first = together(parts), parts[0]
    left = [uid for uid in lost if uid not in come]
    uncounted = first.failed - (len(lost) - len(left))
    whole.failed = max(len(left), uncounted, announced - len(come))
    whole.failed_sop_instance_uids = left
    if not whole.failed and not whole.warning:
        whole.status, whole.comment = SUCCESS, ""
    return whole
