"""A child process: the index anew from the bucket and its journal, as `nephele reindex` does it."""

from __future__ import annotations

import logging
import sys

from nephele.aws.index import changes
from nephele.errors import NepheleError
from nephele.services.archive import Archive, open_archive
from nephele.services.reindex import reindex
from nephele.settings.environment import ArchiveEnvironment

INCOMPLETE = 3
"""Exit code when all was done but for objects that cannot be read; the log names them."""

_JOBS = 8
_CHANGES_SKIPPED = 1_000_000
"""Numbers that may have been given to changes since the table was saved last."""
_logger = logging.getLogger(__name__)


def main() -> int:
    """Reindex the archive that the environment names; return the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    try:
        archive = open_archive(ArchiveEnvironment())
        _skip_numbers(archive)
        found = reindex(archive, _JOBS)
    except NepheleError as exc:
        _logger.error("not reindexed: %s", exc)
        return 1
    for key, error in found.failures.items():
        _logger.warning("not indexed: %s: %s", key, error)
    return INCOMPLETE if found.failures else 0


def _skip_numbers(archive: Archive) -> None:
    """Give no change a number that one had which is lost: what is saved is older than the crash."""
    table = archive.index.table
    changes.go_on_behind(table, changes.last_sequence(table) + 1, _CHANGES_SKIPPED)


if __name__ == "__main__":
    sys.exit(main())
