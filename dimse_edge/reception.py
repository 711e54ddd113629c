"""A data set while it is received: its bytes as they came, behind the preamble of a DICOM file.

Up to 1 MiB stay in memory, more goes to a file without a name, which the system removes however
the process ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from dimse_edge.command import Command
from nephele.domain.digests import DIGESTED_FROM_BYTES, Digests, begin_data_set
from nephele.domain.part10 import write_preamble
from nephele.errors import StorageFull

if TYPE_CHECKING:
    from hashlib import _Hash

_CHUNK_BYTES = 1 << 20
MEMORY_BYTES = 1 << 20
"""What one reception keeps in memory at most."""


class Reception:
    """One C-STORE request and the data set that follows it.

    Attributes
    ----------
    transfer_syntax_uid : str
        The syntax negotiated for the presentation context it came in.
    data_set_offset : int
        Where the data set begins in the file.
    """

    def __init__(
        self, request: Command, context_id: int, transfer_syntax_uid: str, directory: Path | None
    ) -> None:
        self.request = request
        self.context_id = context_id
        self.transfer_syntax_uid = transfer_syntax_uid
        self._directory = directory
        self._file: BinaryIO = io.BytesIO()
        self._is_full = False
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._data_set: _Hash | None = None
        preamble = write_preamble(
            request.sop_class_uid, request.sop_instance_uid, transfer_syntax_uid
        )
        self.data_set_offset = len(preamble)
        self.size_bytes = 0
        self.write(memoryview(preamble))

    def write(self, fragment: memoryview) -> None:
        """Append bytes; once the disk is full the rest is counted and dropped."""
        before = self.size_bytes
        self.size_bytes += len(fragment)
        if self._is_full:
            return
        try:
            if before <= MEMORY_BYTES < self.size_bytes:
                self._move_to_disk()
            self._file.write(fragment)
            self._md5.update(fragment)
            if self._data_set is not None:
                self._data_set.update(fragment)
            elif self.size_bytes > DIGESTED_FROM_BYTES:
                self._data_set = self._digest_so_far()
        except OSError:
            self._give_up()

    @property
    def digests(self) -> Digests:
        """Return the digests of the whole file, computed while its sender was still busy."""
        data_set = "" if self._data_set is None else self._data_set.hexdigest()
        return Digests(self._md5.digest(), data_set)

    def open(self) -> BinaryIO:
        """Return the whole file, at its beginning.

        Raises
        ------
        StorageFull
            The disk could not hold it.
        """
        if not self._is_full:
            try:
                self._file.seek(0)
            except OSError:
                self._give_up()
        if self._is_full:
            raise StorageFull("the data set does not fit on the edge's disk")
        return self._file

    def close(self) -> None:
        """Free memory and disk."""
        with contextlib.suppress(OSError):  # what a full disk did not take is not wanted any more
            self._file.close()

    def _move_to_disk(self) -> None:
        memory = cast(io.BytesIO, self._file)
        self._file = cast(BinaryIO, tempfile.TemporaryFile(dir=self._directory))  # noqa: SIM115  closed below
        self._file.write(memory.getbuffer())

    def _digest_so_far(self) -> _Hash:
        """Digest what has come of a data set that turns out to be large."""
        digest = begin_data_set(self.transfer_syntax_uid)
        self._file.seek(self.data_set_offset)
        while chunk := self._file.read(_CHUNK_BYTES):
            digest.update(chunk)
        self._file.seek(0, io.SEEK_END)
        return digest

    def _give_up(self) -> None:
        self._is_full = True
        self.close()
