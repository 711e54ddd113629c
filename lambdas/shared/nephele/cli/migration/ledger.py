"""What a migration has done so far, in a file that outlives it, however it ends."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

_SCHEMA = """
CREATE TABLE IF NOT EXISTS instances (
    orthanc_id TEXT PRIMARY KEY, md5 TEXT NOT NULL, pass INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


class Ledger:
    """Instances that are copied and verified, and how far changes were read.

    A context manager; safe to share between threads.
    """

    def __init__(self, path: Path, *, is_new: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if is_new:
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)
        self._pass = self._read("pass") or 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._database.close()

    @property
    def last_change(self) -> int | None:
        """Return the number of the last change that was read, None before the first."""
        return self._read("last_change")

    @last_change.setter
    def last_change(self, number: int) -> None:
        self._write("last_change", number)

    def md5(self, orthanc_id: str) -> str | None:
        """Return the MD5 of an instance that is copied and verified.

        "" where the source has replaced it since, None where it was never copied.
        """
        with self._lock:
            row = self._database.execute(
                "SELECT md5 FROM instances WHERE orthanc_id = ?", (orthanc_id,)
            ).fetchone()
        return None if row is None else str(row[0])

    def add(self, orthanc_id: str, md5: str) -> None:
        """Remember an instance that is copied and verified."""
        with self._lock:
            self._database.execute(
                "INSERT OR REPLACE INTO instances VALUES (?, ?, ?)", (orthanc_id, md5, self._pass)
            )

    def doubt(self, orthanc_id: str) -> None:
        """Remember that the source has replaced an instance after it was copied."""
        self.add(orthanc_id, "")

    def begin_pass(self) -> None:
        """Begin to go through everything that the source has."""
        self._pass += 1
        self._write("pass", self._pass)

    def see(self, orthanc_ids: Iterable[str]) -> None:
        """Note that the source has these instances in this pass."""
        with self._lock:
            self._database.execute("BEGIN")
            self._database.executemany(
                "UPDATE instances SET pass = ? WHERE orthanc_id = ?",
                [(self._pass, one) for one in orthanc_ids],
            )
            self._database.execute("COMMIT")

    def unseen(self) -> list[str]:
        """Return instances that were copied, and that the source did not have in this pass."""
        with self._lock:
            rows = self._database.execute(
                "SELECT orthanc_id FROM instances WHERE pass < ? ORDER BY orthanc_id",
                (self._pass,),
            ).fetchall()
        return [str(row[0]) for row in rows]

    def _read(self, name: str) -> int | None:
        with self._lock:
            row = self._database.execute(
                "SELECT value FROM position WHERE name = ?", (name,)
            ).fetchone()
        return None if row is None else int(row[0])

    def _write(self, name: str, value: int) -> None:
        with self._lock:
            self._database.execute("INSERT OR REPLACE INTO position VALUES (?, ?)", (name, value))
