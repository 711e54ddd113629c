"""A migration: everything once, then what changes, then everything is compared."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import typer

from nephele.batches import batched
from nephele.cli.exchange import Absent, Failed, Stopped
from nephele.cli.migration.copying import Copier, Item
from nephele.domain.levels import Level
from nephele.domain.transcoding.pipeline import map_in_order

_AT_ONCE = 200
"""Resources that are described in one request."""
_CHANGES_PER_PAGE = 500
_POLL_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 60.0
_CHANGES = frozenset({"NewInstance", "UpdatedAttachment", "UpdatedMetadata"})


@dataclass(frozen=True, slots=True)
class Until:
    """When a migration no longer follows the source's changes.

    Attributes
    ----------
    stop : threading.Event
        Set when it was told to.
    quiet_seconds : float
        So long nothing has changed; 0 ends at the last change there is.
    """

    stop: threading.Event
    quiet_seconds: float


@dataclass(frozen=True, slots=True)
class Migration:
    """All of a source; `jobs` resources are copied at a time.

    Attributes
    ----------
    advance : callable
        Is called for each instance that is gone through.
    tell : callable
        Is told why following waits, once for each time.
    """

    copier: Copier
    jobs: int
    advance: Callable[[], None]
    tell: Callable[[str], None] = typer.echo

    def copy_all(self, *, is_compared: bool = False) -> None:
        """Go through everything that the source has, and copy what the target does not have.

        Files and attachments of instances that were copied are only looked at again if
        `is_compared`.
        """
        source, ledger = self.copier.source, self.copier.ledger
        if ledger.last_change is None:
            # From before the first resource is listed: nothing falls in between.
            ledger.last_change = source.get_json("/changes?last")["Last"]
        ledger.begin_pass()
        series = source.get_json("/series")
        instances = self._iter_items(self._iter_instances(series), is_compared=is_compared)
        self._copy(instances, is_shown=True)
        self._copy(self._iter_items(series))
        self._copy(self._iter_items(source.get_json("/studies")))
        self._copy(self._iter_items(self._patients()))

    def _patients(self) -> list[str]:
        try:
            return list(self.copier.source.get_json("/patients"))
        except Absent:
            return []  # PatientLevelEnabled is off

    def _iter_instances(self, series: Iterable[str]) -> Iterator[str]:
        for one in series:
            try:
                yield from self.copier.source.get_json(f"/series/{one}")["Instances"]
            except Absent:
                continue  # deleted meanwhile

    def _iter_items(
        self, orthanc_ids: Iterable[str], *, is_compared: bool = False
    ) -> Iterator[Item]:
        """Yield resources as they are at both servers."""
        for some in batched(orthanc_ids, _AT_ONCE):
            at_source = self.copier.source.describe(some)
            at_target = self.copier.target.describe(list(at_source))
            self.copier.ledger.see(at_source)
            for one in at_source.values():
                yield Item(one, at_target.get(one.orthanc_id), is_compared)

    def _copy(self, items: Iterable[Item], *, is_shown: bool = False) -> bool:
        """Copy resources; return whether none of them is a problem."""
        is_good = True
        for is_copied in map_in_order(self.copier.copy, items, self.jobs):
            is_good &= is_copied
            if is_shown:
                self.advance()
        return is_good

    def follow(self, until: Until) -> None:
        """Copy what changes at the source; wait while a server is away, unless told to end."""
        position = self.copier.ledger.last_change or 0
        quiet_since = time.monotonic()
        pause_seconds = 0.0
        while not until.stop.is_set():  # what is not read by then is found by comparing
            try:
                after = self._copy_changes(position)
            except (Failed, Stopped) as exc:
                if not until.quiet_seconds:
                    raise
                if not pause_seconds:
                    self.tell(f"{exc}\nFollowing goes on when it answers; Ctrl-C ends it.")
                pause_seconds = min(max(_POLL_SECONDS, 2 * pause_seconds), _LONGEST_PAUSE_SECONDS)
                until.stop.wait(pause_seconds)
                quiet_since = time.monotonic()
                continue
            pause_seconds = 0.0
            if after is not None:
                position = after
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since < until.quiet_seconds:
                until.stop.wait(_POLL_SECONDS)
            else:
                return

    def _copy_changes(self, since: int) -> int | None:
        """Copy what the next changes are about; return the last one's number, None without any.

        The ledger stays at the first page of which anything could not be copied.
        """
        source, ledger = self.copier.source, self.copier.ledger
        page = source.get_json(f"/changes?since={since}&limit={_CHANGES_PER_PAGE}")
        if not page["Changes"]:
            return None
        about = {
            change["ID"]: Level(change["ResourceType"])
            for change in page["Changes"]
            if change["ChangeType"] in _CHANGES
        }
        instances = [one for one, level in about.items() if level is Level.INSTANCE]
        others = [one for one, level in about.items() if level is not Level.INSTANCE]
        is_good = self._copy(self._iter_items(instances, is_compared=True))
        is_good &= self._copy(self._iter_items(others))
        last = max(since, int(page["Last"]))
        if is_good and (ledger.last_change or 0) == since:
            ledger.last_change = last
        return last

    def compare(self) -> list[str]:
        """Go through everything again; return instances the source has deleted meanwhile.

        What is still missing or another afterwards is a problem; what was one before is forgotten.
        """
        self.copier.summary.forget_problems()
        self.copy_all(is_compared=True)
        return self.copier.ledger.unseen()
