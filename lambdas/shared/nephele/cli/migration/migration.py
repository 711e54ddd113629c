"""A migration: everything once, then what changes, then everything is compared."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from nephele.cli.exchange import Absent
from nephele.cli.migration.copying import Copier, Item
from nephele.domain.levels import Level
from nephele.domain.transcoding.pipeline import map_in_order

_AT_ONCE = 200
"""Resources that are described in one request."""
_CHANGES_PER_PAGE = 500
_POLL_SECONDS = 2.0
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
    """All of a source; `jobs` resources are copied at a time."""

    copier: Copier
    jobs: int
    advance: Callable[[], None]

    def copy_all(self) -> None:
        """Go through everything that the source has, and copy what the target does not have."""
        source, ledger = self.copier.source, self.copier.ledger
        if ledger.last_change is None:
            # From before the first resource is listed: nothing falls in between.
            ledger.last_change = source.get_json("/changes?last")["Last"]
        ledger.begin_pass()
        series = source.get_json("/series")
        self._copy(self._iter_items(self._iter_instances(series)), is_shown=True)
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
        self, orthanc_ids: Iterable[str], *, is_changed: bool = False
    ) -> Iterator[Item]:
        """Yield resources as they are at both servers."""
        waiting = iter(orthanc_ids)
        while some := list(islice(waiting, _AT_ONCE)):
            at_source = self.copier.source.describe(some)
            at_target = self.copier.target.describe(list(at_source))
            self.copier.ledger.see(at_source)
            for one in at_source.values():
                yield Item(one, at_target.get(one.orthanc_id), is_changed)

    def _copy(self, items: Iterable[Item], *, is_shown: bool = False) -> None:
        for _ in map_in_order(self.copier.copy, items, self.jobs):
            if is_shown:
                self.advance()

    def follow(self, until: Until) -> None:
        """Copy what changes at the source."""
        quiet_since = time.monotonic()
        while True:
            is_read = self._copy_changes()
            if is_read:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since < until.quiet_seconds:
                until.stop.wait(_POLL_SECONDS)
            else:
                return
            if until.stop.is_set():
                return  # what was not read yet is found by comparing

    def _copy_changes(self) -> bool:
        """Copy what the next changes are about; return whether there were any."""
        source, ledger = self.copier.source, self.copier.ledger
        since = ledger.last_change or 0
        page = source.get_json(f"/changes?since={since}&limit={_CHANGES_PER_PAGE}")
        changes = page["Changes"]
        about = {
            change["ID"]: Level(change["ResourceType"])
            for change in changes
            if change["ChangeType"] in _CHANGES
        }
        instances = [one for one, level in about.items() if level is Level.INSTANCE]
        others = [one for one, level in about.items() if level is not Level.INSTANCE]
        self._copy(self._iter_items(instances, is_changed=True))
        self._copy(self._iter_items(others, is_changed=True))
        ledger.last_change = max(since, page["Last"])
        return bool(changes)

    def compare(self) -> list[str]:
        """Go through everything again; return instances the source has deleted meanwhile.

        What is still missing afterwards is a problem; what was one before is forgotten.
        """
        self.copier.summary.forget_problems()
        self.copy_all()
        return self.copier.ledger.unseen()
